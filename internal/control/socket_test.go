package control_test

import (
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/control"
)

// TestCloseIsNotHeldUp: a server that stops waits for nobody who has not said what it wants, however many there are. Where it did, it would each time; a
// machine that stands still is late once.
func TestCloseIsNotHeldUp(t *testing.T) {
	const limit = 4 * time.Second // less than the server waits for a request
	var took time.Duration
	for range 3 {
		if took = closing(t); took < limit {
			return
		}
	}
	t.Errorf("it waits for %v", took)
}

// closing is how long it takes to close a server to which many connect who say nothing.
func closing(t *testing.T) time.Duration {
	t.Helper()
	dir := t.TempDir()
	s, err := control.Listen(dir, control.House{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		silent, err := net.Dial("unix", filepath.Join(dir, "control.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		if i == 2 { // those before who is answered wait to be heard; the rest are more than are heard at once
			if _, err := control.Ask(t.Context(), dir, control.Request{Op: "none"}); err == nil || strings.Contains(err.Error(), "did not answer") {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	s.Close()
	return time.Since(began)
}
