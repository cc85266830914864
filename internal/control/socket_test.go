package control_test

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"parley/internal/control"
)

// TestCloseIsNotHeldUp: a server that stops waits for nobody who has not said what it wants, however many there are.
func TestCloseIsNotHeldUp(t *testing.T) {
	dir := t.TempDir()
	s, err := control.Listen(dir, control.House{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		silent, err := net.Dial("unix", filepath.Join(dir, "control.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	begun := time.Now()
	closed := make(chan struct{})
	go func() {
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(4 * time.Second): // less than the server waits for a request
		t.Fatalf("it still waits after %v", time.Since(begun))
	}
}
