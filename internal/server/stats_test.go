package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestWhyFailed: each error of a handshake has its reason, and each reason is one that was there from the start.
func TestWhyFailed(t *testing.T) {
	op := func(op string, err error) error { return &net.OpError{Op: op, Err: err} }
	known := newStats().HandshakesFailed
	for _, tt := range []struct {
		err  error
		want string
	}{
		{op("read", os.ErrDeadlineExceeded), failTimeout},
		{io.EOF, failClosed},
		{op("read", os.NewSyscallError("read", syscall.ECONNRESET)), failClosed},
		{op("write", os.NewSyscallError("write", syscall.EPIPE)), failClosed},
		{op("read", net.ErrClosed), failStopped},
		{op("remote error", errors.New("tls: unknown certificate authority")), failRejected},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, failNotTLS},
		{fmt.Errorf("tls: client offered only unsupported versions: %x", []int{0x303}), failUnacceptable},
	} {
		got := whyFailed(tt.err)
		if _, is := known[got]; got != tt.want || !is {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
