package metrics

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// inside runs test in a bubble, with a server of a monitor that is starting.
func inside(t *testing.T, profiles bool, test func(t *testing.T, p pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn), make(chan struct{})}
		s := New().Serve(p, profiles, slog.New(slog.DiscardHandler))
		test(t, p)
		s.Close()
	})
}

// ask sends a request, and returns its status; 0 where the connection is closed.
func ask(c net.Conn, method, path string) int {
	go fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestRoutes: what is answered, and with what.
func TestRoutes(t *testing.T) {
	for _, profiles := range []bool{false, true} {
		shown := map[bool]int{false: http.StatusNotFound, true: http.StatusOK}[profiles]
		inside(t, profiles, func(t *testing.T, p pipes) {
			for _, tt := range []struct {
				method, path string
				want         int
			}{
				{"GET", "/metrics", http.StatusOK},
				{"GET", "/healthz", http.StatusOK},
				{"HEAD", "/healthz", http.StatusOK},
				{"GET", "/readyz", http.StatusServiceUnavailable},
				{"POST", "/metrics", http.StatusMethodNotAllowed},
				{"DELETE", "/readyz", http.StatusMethodNotAllowed},
				{"GET", "/", http.StatusNotFound},
				{"GET", "/debug/pprof/heap", shown},
				{"GET", "/debug/pprof/goroutine", shown},
				{"GET", "/debug/pprof/cmdline", http.StatusNotFound},
			} {
				c := p.dial()
				if got := ask(c, tt.method, tt.path); tt.method != "HEAD" && got != tt.want {
					t.Errorf("%s %s: %d, want %d", tt.method, tt.path, got, tt.want)
				}
				c.Close()
			}
		})
	}
}

// TestSlowRequest: who does not send a whole request in time is cut off, and so is who stays without asking.
func TestSlowRequest(t *testing.T) {
	for _, tt := range []struct {
		sends string
		asks  bool
		after time.Duration
	}{
		{"", false, headWait},
		{"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", false, headWait},
		{"", true, idleWait},
	} {
		inside(t, false, func(t *testing.T, p pipes) {
			c := p.dial()
			if tt.asks && ask(c, "GET", "/healthz") != http.StatusOK {
				t.Fatal("no answer")
			}
			began := time.Now()
			io.WriteString(c, tt.sends)
			io.Copy(io.Discard, c)
			if took := time.Since(began); took < tt.after || took > tt.after+time.Second {
				t.Errorf("%+v: cut off after %v", tt, took)
			}
		})
	}
}

// TestLongHead: a request's head has a bound.
func TestLongHead(t *testing.T) {
	inside(t, false, func(t *testing.T, p pipes) {
		c := p.dial()
		go fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 4*maxHead))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v %v", resp, err)
		}
		c.Close()
		time.Sleep(time.Second) // net/http lingers for half of one
	})
}

// TestFewConnections: one more than there may be is closed at once, and others are let in when one has gone.
func TestFewConnections(t *testing.T) {
	inside(t, false, func(t *testing.T, p pipes) {
		var in []net.Conn
		for range maxConns {
			in = append(in, p.dial())
		}
		synctest.Wait()
		if ask(p.dial(), "GET", "/healthz") != 0 {
			t.Error("one too many was answered")
		}
		in[0].Close()
		synctest.Wait()
		if ask(p.dial(), "GET", "/healthz") != http.StatusOK {
			t.Error("nobody is let in though one has gone")
		}
		for _, c := range in[1:] {
			if ask(c, "GET", "/healthz") != http.StatusOK {
				t.Error("one that was in is not answered")
			}
		}
	})
}
