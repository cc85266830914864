package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// keeper is a service manager as parleyd sees it.
type keeper struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{t: t, path: filepath.Join(t.TempDir(), "notify")}
	var err error
	if k.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: k.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.conn.Close() })
	return k
}

// hears returns what comes next that begins so, and what was passed over.
func (k *keeper) hears(begins string) (said string, before []string) {
	k.t.Helper()
	k.conn.SetReadDeadline(time.Now().Add(parleytest.Patience))
	for b := make([]byte, 4096); ; {
		n, err := k.conn.Read(b)
		if err != nil {
			k.t.Fatalf("no %q came, but %q: %v", begins, before, err)
		}
		if said = string(b[:n]); strings.HasPrefix(said, begins) {
			return said, before
		}
		before = append(before, said)
	}
}

// TestServiceManager: what systemd hears of a server's life, in its order.
func TestServiceManager(t *testing.T) {
	k := newKeeper(t)
	s := parleytest.StartUnder(t, []string{"env", "NOTIFY_SOCKET=" + k.path, "WATCHDOG_USEC=1000000"}) // the socket holds ten messages
	said, before := k.hears("READY=1\n")
	if want := "READY=1\nSTATUS=serving on [" + s.Addr + "]"; said != want {
		t.Errorf("%q, want %q", said, want)
	}
	if len(before) == 0 || before[0] != "EXTEND_TIMEOUT_USEC=60000000" {
		t.Errorf("before it was ready it said %q", before)
	}
	k.hears("WATCHDOG=1")
	k.hears("WATCHDOG=1")
	s.Cmd.Process.Signal(syscall.SIGHUP)
	k.hears("RELOADING=1\nMONOTONIC_USEC=")
	if _, before := k.hears("READY=1\n"); strings.Contains(s.Log(), "refused") {
		t.Errorf("the reload went wrong; it said %q", before)
	}
	k.hears("WATCHDOG=1")
	s.Cmd.Process.Signal(syscall.SIGTERM)
	k.hears("STOPPING=1\nSTATUS=everybody is told to come back\nEXTEND_TIMEOUT_USEC=30000000")
	if code := s.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestServiceManagerHearsOfCatchingUp: a node that waits for NATS has the manager wait.
func TestServiceManagerHearsOfCatchingUp(t *testing.T) {
	k := newKeeper(t)
	nats := parleytest.StartNATS(t, 1)
	way := nats.Entrance()
	flags := way.Flags()
	parleytest.Start(t, flags...)
	addThrough(t, way, "ann")
	second := parleytest.StartUnder(t, []string{"env", "NOTIFY_SOCKET=" + k.path}, flags...)
	_, before := k.hears("READY=1\n")
	if said := strings.Join(before, " "); !strings.Contains(said, "EXTEND_TIMEOUT_USEC=") || !strings.Contains(said, "STATUS=catching up with the stream: ") {
		t.Errorf("it said %q\n%s", before, second.Log())
	}
}

// activated starts parleyd on sockets that this process holds, as systemd does.
func activated(t *testing.T, names string, sockets []*net.TCPListener, flags ...string) *parleytest.Server {
	t.Helper()
	// The shell makes LISTEN_PID its own, and becomes parleyd; it moves what it was given to where systemd has it.
	script := `LISTEN_PID=$$; export LISTEN_PID; exec "$@"`
	under := []string{"env", fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES=" + names, "sh", "-c", script, "sh"}
	var files []*os.File
	for _, l := range sockets {
		file, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		files = append(files, file)
	}
	return parleytest.StartWith(t, files, under, flags...)
}

func socket(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// TestRestartRefusesNobody: of 50 who connect before, while and after a server is restarted on an inherited socket, nobody is refused.
// Who was let in before the end may be sent away, and comes back.
func TestRestartRefusesNobody(t *testing.T) {
	l := socket(t)
	s := activated(t, "parleyd.socket", []*net.TCPListener{l}, "--max-unauth-per-ip", "0")
	if s.Addr != l.Addr().String() {
		t.Fatalf("it listens on %s, not on the inherited %s", s.Addr, l.Addr())
	}
	s.User("ann")
	config := s.TLS()
	const clients = 50
	come := func() (in bool, err error) {
		socket, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return false, fmt.Errorf("refused: %w", err)
		}
		defer socket.Close()
		socket.SetDeadline(time.Now().Add(parleytest.Patience))
		conn := tls.Client(socket, config)
		if _, err := io.WriteString(conn, "PING|\n"); err != nil {
			return false, nil // sent away
		}
		b := make([]byte, 1)
		_, err = io.ReadFull(conn, b)
		return err == nil, nil
	}
	var running sync.WaitGroup
	starting := make(chan struct{}, clients)
	for range clients {
		running.Go(func() {
			<-starting
			for tries := 0; ; tries++ {
				in, err := come()
				switch {
				case err != nil:
					t.Error(err)
					return
				case in:
					return
				case tries == 3: // by the one that ends, at the most; then the next has answered
					t.Error("a client was sent away again and again")
					return
				}
			}
		})
	}
	allow := func(n int) {
		for range n {
			starting <- struct{}{}
		}
	}
	allow(10)
	s.Cmd.Process.Signal(syscall.SIGTERM)
	allow(20)
	if code := s.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	allow(10) // nobody is there
	s.Launch()
	allow(10)
	running.Wait()
	s.SignIn("ann")
}

// TestInheritedSockets: by their names they lead to lines, the page or the metrics, and not to what the others lead to.
func TestInheritedSockets(t *testing.T) {
	lines, page, seen := socket(t), socket(t), socket(t)
	s := activated(t, "line:web:metrics", []*net.TCPListener{lines, page, seen}, "--listen", "127.0.0.1:1")
	s.User("ann")
	s.SignIn("ann")
	config := s.TLS()
	config.NextProtos = []string{"http/1.1"}
	patient := &net.Dialer{Timeout: parleytest.Patience}
	conn, err := tls.DialWithDialer(patient, "tcp", page.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := tls.DialWithDialer(patient, "tcp", lines.Addr().String(), config); err == nil {
		t.Error("the page is on the socket for lines as well")
	}
	ask := &http.Client{Timeout: parleytest.Patience}
	ready, err := ask.Get("http://" + seen.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Body.Close()
	if ready.StatusCode != http.StatusOK {
		t.Errorf("the socket for metrics says %s", ready.Status)
	}
}
