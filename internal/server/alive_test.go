package server

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestAlive: an accept loop is asked without a connection, and goes on afterwards; one that hangs over a connection does not answer.
func TestAlive(t *testing.T) {
	came := make(chan struct{}, 8)
	s, addr := fronted(t, Caps{}, func(v *Visit) {
		came <- struct{}{}
		v.Close()
	})
	alive := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return s.Alive(ctx)
	}
	for range 3 {
		visit(t, addr)
		<-came
		if err := alive(patience); err != nil {
			t.Fatal(err)
		}
	}

	s.gate.mu.Lock() // without which nobody comes in
	visit(t, addr)
	err := alive(50 * time.Millisecond)
	for give := time.Now().Add(patience); err == nil && time.Now().Before(give); { // it may be asked before it takes the connection
		err = alive(50 * time.Millisecond)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a loop that hangs is said to be alive: %v", err)
	}
	s.gate.mu.Unlock()
	<-came
	if err := alive(patience); err != nil {
		t.Errorf("a loop that goes on is not alive: %v", err)
	}

	s.Drain(context.Background())
	if err := alive(patience); err != nil {
		t.Errorf("a server that stops is not alive: %v", err)
	}
}
