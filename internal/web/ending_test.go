package web

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/session"
)

// piped is a visitor over a pipe, whose other end decides when what comes.
type piped struct {
	net.Conn
}

func (piped) Upgrade(netip.Addr) bool        { return true }
func (piped) From() netip.Addr               { return netip.Addr{} }
func (piped) Plain() bool                    { return false }
func (piped) SignedIn()                      {}
func (piped) Loose()                         {}
func (piped) Cork()                          {}
func (piped) Uncork() (gone bool, err error) { return true, nil }
func (piped) Drain() (gone bool, err error)  { return true, nil }

// TestCloseWait: after the close frame the peer has a second, whatever is wrong and whatever it sends meanwhile, and no more.
func TestCloseWait(t *testing.T) {
	mask := [4]byte{1, 2, 3, 4}
	for _, tt := range []struct {
		name string
		sent []byte
		code string
		more []byte // sent again and again after the close frame
		wait time.Duration
	}{
		{"a frame that nobody masked", []byte{0x81, 1, 'x'}, "\x03\xea", nil, closeWait},
		{"and more of them", []byte{0x81, 1, 'x'}, "\x03\xea", []byte{0x81, 1, 'x'}, closeWait},
		{"an opcode that is none", clientFrame(0x83, nil, mask), "\x03\xea", nil, closeWait},
		{"and what may be frames", clientFrame(0x83, nil, mask), "\x03\xea", clientFrame(0x89, nil, mask), closeWait},
		{"binary", clientFrame(0x82, []byte("x"), mask), "\x03\xeb", nil, closeWait},
		{"binary, and pings", clientFrame(0x82, []byte("x"), mask), "\x03\xeb", clientFrame(0x89, nil, mask), closeWait},
		{"EXIT, and lines", clientFrame(0x81, []byte("EXIT|"), mask), "\x03\xe8", clientFrame(0x81, []byte("PING|"), mask), closeWait},
		{"closing", clientFrame(0x88, []byte("\x03\xe8"), mask), "\x03\xe8", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				sessions := session.New(nil, nil, slog.New(slog.DiscardHandler), session.Options{})
				served := make(chan struct{})
				go func() {
					defer close(served)
					sessions.Serve(context.Background(), open(piped{theirs}), session.Peer{})
				}()
				go ours.Write(tt.sent)
				var closed time.Time
				for head := make([]byte, 2); closed.IsZero(); {
					if _, err := io.ReadFull(ours, head); err != nil {
						t.Fatal(err)
					}
					payload := make([]byte, head[1])
					io.ReadFull(ours, payload)
					if head[0] == closeFrame {
						closed = time.Now()
						if got := string(payload[:2]); got != tt.code {
							t.Errorf("closed with %x, not %x", got, tt.code)
						}
					}
				}
				go io.Copy(io.Discard, ours)
				written := make(chan struct{})
				go func() {
					defer close(written)
					for len(tt.more) > 0 {
						if _, err := ours.Write(tt.more); err != nil {
							return
						}
						time.Sleep(300 * time.Millisecond)
					}
				}()
				<-served
				if took := time.Since(closed); took != tt.wait {
					t.Errorf("the connection lasts %v longer, not %v", took, tt.wait)
				}
				<-written
			})
		})
	}
}
