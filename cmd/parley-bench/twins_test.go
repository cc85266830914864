package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// twin is a server that speaks enough of NATS, and does one thing wrong.
type twin struct {
	spoil func(n int, frame []byte, send func([]byte)) // passes on frame n of one subscriber
	mu    sync.Mutex
	subs  map[net.Conn]string
	frame map[net.Conn]int
	most  int // of frame
}

func (w *twin) serve(plain net.Conn, config *tls.Config) {
	defer plain.Close()
	fmt.Fprint(plain, "INFO {\"tls_required\":true}\r\n")
	c := tls.Server(plain, config)
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		switch f[0] {
		case "PING":
			w.mu.Lock()
			io.WriteString(c, "PONG\r\n")
			w.mu.Unlock()
		case "SUB":
			w.mu.Lock()
			w.subs[c] = f[1]
			w.mu.Unlock()
		case "PUB":
			size := 0
			fmt.Sscan(f[2], &size)
			payload := make([]byte, size+2)
			if _, err := io.ReadFull(r, payload); err != nil {
				return
			}
			w.pass(c, fmt.Sprintf("MSG %s 1 %d\r\n%s", f[1], size, payload))
		}
	}
}

// forget forgets the connections of before.
func (w *twin) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.subs)
	clear(w.frame)
	w.most = 0
}

// passed is how many frames one subscriber got at most.
func (w *twin) passed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

func (w *twin) pass(from net.Conn, frame string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.subs {
		if c != from {
			w.spoil(w.frame[c], []byte(frame), func(b []byte) { c.Write(b) })
			w.frame[c]++
			w.most = max(w.most, w.frame[c])
		}
	}
}

// TestTwins: a server that loses, doubles, swaps or changes one message fails the case, and one that does not, does not.
func TestTwins(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t) // for its certificates
	cert, err := tls.LoadX509KeyPair(filepath.Join(s.Certs, "server.pem"), filepath.Join(s.Certs, "server-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	const at = 20
	for name, tt := range map[string]struct {
		spoil func(n int, frame []byte, send func([]byte))
		fault string // the one that must be counted; empty for none
	}{
		"right": {func(_ int, b []byte, send func([]byte)) { send(b) }, ""},
		"loses": {func(n int, b []byte, send func([]byte)) {
			if n != at {
				send(b)
			}
		}, "lost"},
		"doubles": {func(n int, b []byte, send func([]byte)) {
			send(b)
			if n == at {
				send(b)
			}
		}, "doubled"},
		"swaps": {func() func(int, []byte, func([]byte)) {
			held := map[int][]byte{}
			return func(n int, b []byte, send func([]byte)) {
				switch n {
				case at:
					held[0] = b
				case at + 1:
					send(b)
					send(held[0])
				default:
					send(b)
				}
			}
		}(), "reordered"},
		"changes": {func(n int, b []byte, send func([]byte)) {
			if n == at {
				b = bytes.Replace(b, []byte("fox"), []byte("fix"), 1)
			}
			send(b)
		}, "corrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			w := &twin{spoil: tt.spoil, subs: map[net.Conn]string{}, frame: map[net.Conn]int{}}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go w.serve(c, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}})
				}
			}()
			// One hears, so that the held frame is that one's; at a rate, so that a lost message holds up no window. Where the machine stood still,
			// the time was over before the frame was sent.
			var code int
			var r report
			for tries := 0; w.passed() <= at+1 && tries < 4; tries++ {
				w.forget()
				code, r = runBench(t, "fanout", l.Addr().String(), "--ca", s.CA, "--peer", "nats", "--receivers", "1", "--rate", "200", "--size", "100",
					"--warmup", "100ms", "--for", "500ms")
			}
			counted := map[string]int64{"lost": r.Faults.Lost, "doubled": r.Faults.Doubled, "reordered": r.Faults.Reordered, "corrupted": r.Faults.Corrupted}
			if tt.fault == "" && (code != 0 || !r.OK || r.Faults.any()) {
				t.Errorf("exit code %d, %+v", code, r)
			}
			if tt.fault != "" && (code != 1 || r.OK || counted[tt.fault] != 1) {
				t.Errorf("exit code %d, %+v; want 1 %s", code, r.Faults, tt.fault)
			}
		})
	}
}

// runBench runs the program with --json to its end.
func runBench(t *testing.T, args ...string) (int, report) {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parley-bench"), append(args, "--json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var r report
	if bad := json.Unmarshal(stdout.Bytes(), &r); bad != nil {
		t.Fatalf("parley-bench %q: %v, %v\n%s%s", args, err, bad, stdout.String(), stderr.String())
	}
	if stderr.Len() > 0 {
		t.Logf("it said: %s", stderr.String())
	}
	return cmd.ProcessState.ExitCode(), r
}
