package main

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestKill: killed with SIGKILL at random moments under load, a server that
// is started again has lost nothing that was acknowledged and holds nothing twice or out of order.
func TestKill(t *testing.T) {
	kills := 10
	if os.Getenv("PARLEY_SOAK") != "" {
		kills = 200
	}
	s := parleytest.Start(t, "--msg-rate", "0", "--byte-rate", "0", "--command-rate", "0")
	book := newBook()
	book.talkers(t, s, 4)
	s.User("reader")
	for range kills {
		book.more(t, 50)
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		s.Kill()
		s.Launch()
	}
	book.end()
	book.compare(t, readAs(t, s, "reader"))
	t.Logf("%d kills", kills)
}
