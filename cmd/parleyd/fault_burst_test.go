package main

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// TestEverybodyAtOnce: a room where all say at one moment as much as the default limits let them is
// a burst of four outboxes, and cuts nobody off who reads.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t)
	names := numbered("talker", 12)
	addUsers(s, append(names, "witness")...)
	witness := s.SignIn("witness")
	talkers := make(map[string]*parleytest.Conn)
	for _, name := range names {
		talkers[name] = s.SignIn(name)
	}
	var all sync.WaitGroup
	const each = 40 // --msg-burst
	for name, c := range talkers {
		all.Go(func() {
			c.TLS.Write([]byte(strings.Repeat("MSG|"+strings.Repeat("x", 2000)+"\n", each)))
			heard, acknowledged := 0, 0
			for heard+acknowledged < each*len(names) {
				line, err := c.TryLine(parleytest.Patience)
				switch {
				case err != nil || strings.HasPrefix(line, "ERROR|") || strings.HasPrefix(line, "BYE|"):
					t.Errorf("%s, with %d of %d messages acknowledged and %d heard: %q, %v", name, acknowledged, each, heard, line, err)
					return
				case strings.HasPrefix(line, "OK|"):
					acknowledged++
				case strings.HasPrefix(line, "MSG|"):
					heard++
				}
			}
		})
	}
	all.Wait()
	var heard []int64
	for len(heard) < each*len(names) {
		e := witness.Event()
		if strings.HasPrefix(e, "BYE|") {
			t.Fatalf("who only listened, after %d messages: %s", len(heard), e)
		}
		if strings.HasPrefix(e, "MSG|") {
			heard = append(heard, parse(t, e).id)
		}
	}
	if !slices.IsSorted(heard) {
		t.Error("out of order")
	}
	t.Logf("%d messages of %d people at once, 0 lost", len(heard), len(names))
}
