package systemd_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/systemd"
)

const patience = 30 * time.Second

// told is a manager's socket, and what comes in.
func told(t *testing.T, addr string) func() string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: addr, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", addr)
	return func() string {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func notifier(t *testing.T) *systemd.Notifier {
	t.Helper()
	n, err := systemd.NewNotifier()
	if err != nil || n == nil {
		t.Fatalf("%v, %v", n, err)
	}
	return n
}

func TestNotify(t *testing.T) {
	for name, addr := range map[string]string{"path": filepath.Join(t.TempDir(), "notify"), "abstract": "@parley-test-" + strconv.Itoa(os.Getpid())} {
		t.Run(name, func(t *testing.T) {
			next := told(t, addr)
			n := notifier(t)
			if os.Getenv("NOTIFY_SOCKET") != "" {
				t.Error("the variable is left for children")
			}
			n.Ready("two\nlines")
			n.Status("a")
			n.Extend(1500 * time.Millisecond)
			n.Stopping("b", time.Second)
			for _, want := range []string{"READY=1\nSTATUS=two lines", "STATUS=a", "EXTEND_TIMEOUT_USEC=1500000", "STOPPING=1\nSTATUS=b\nEXTEND_TIMEOUT_USEC=1000000"} {
				if got := next(); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
			n.Reloading()
			usec, found := strings.CutPrefix(next(), "RELOADING=1\nMONOTONIC_USEC=")
			if at, err := strconv.ParseInt(usec, 10, 64); !found || err != nil || at <= 0 {
				t.Errorf("RELOADING came with %q", usec)
			}
		})
	}
}

// TestNobodyIsTold: without a manager, or with one that has gone, nothing happens.
func TestNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n, err := systemd.NewNotifier()
	if n != nil || err != nil {
		t.Fatalf("%v, %v", n, err)
	}
	n.Ready("")
	n.Watch(context.Background(), nil, nil)
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	notifier(t).Ready("")
	for variable, values := range map[string][]string{"NOTIFY_SOCKET": {"vsock:2:1", "x"}, "WATCHDOG_USEC": {"x", "0", "-1", "9999999999999999999"}} {
		for _, value := range values {
			t.Setenv("NOTIFY_SOCKET", "/nobody")
			t.Setenv(variable, value)
			if n, err := systemd.NewNotifier(); n != nil || err == nil || !strings.Contains(err.Error(), variable) {
				t.Errorf("%s=%s: %v, %v", variable, value, n, err)
			}
		}
	}
}

// TestWatchdog: it is told while all is well, and not while it is not.
func TestWatchdog(t *testing.T) {
	next := told(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n := notifier(t)
	ctx, cancel := context.WithCancel(context.Background())
	turns := make(chan error)
	sick := make(chan error, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Watch(ctx, func(asked context.Context) error {
			if _, limited := asked.Deadline(); !limited {
				t.Error("it may take for ever")
			}
			select {
			case err := <-turns:
				return err
			case <-ctx.Done():
				return nil
			}
		}, func(err error) { sick <- err })
	}()
	bad := errors.New("bad")
	for _, err := range []error{nil, nil, bad, bad, bad} {
		turns <- err
	}
	n.Status("between")
	turns <- nil
	for _, want := range []string{"WATCHDOG=1", "WATCHDOG=1", "STATUS=between", "WATCHDOG=1"} {
		if got := next(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	turns <- bad
	for range 2 {
		if err := <-sick; !errors.Is(err, bad) {
			t.Error(err)
		}
	}
	cancel()
	<-done
	if len(sick) != 0 {
		t.Errorf("sickness was told %d times more, and began twice", len(sick))
	}

	told(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "1") // another's
	notifier(t).Watch(context.Background(), nil, nil)
}
