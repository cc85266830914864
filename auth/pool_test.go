package auth

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, 3, 99, 99, func(work func()) { work() })
		var working, done, busy atomic.Int32
		var crowded atomic.Bool
		for range 9 {
			go func() {
				err := p.do(t.Context(), who{}, func() {
					if working.Add(1) > 2 {
						crowded.Store(true)
					}
					time.Sleep(time.Second)
					working.Add(-1)
					done.Add(1)
				})
				if errors.Is(err, ErrBusy) {
					busy.Add(1)
				}
			}()
		}
		synctest.Wait()
		if working.Load() != 2 || busy.Load() != 4 {
			t.Errorf("%d work and %d were turned away at once, want 2 and 4", working.Load(), busy.Load())
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if done.Load() != 5 || crowded.Load() {
			t.Errorf("%d were done (more than 2 at once: %v), want 5", done.Load(), crowded.Load())
		}
		if err := p.do(t.Context(), who{}, func() {}); err != nil {
			t.Errorf("after the rush: %v", err)
		}
	})
}

func TestPoolHonoursContextWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1, 99, 99, func(work func()) { work() })
		go func() { _ = p.do(t.Context(), who{}, func() { time.Sleep(time.Minute) }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := p.do(ctx, who{}, func() { t.Error("ran though its owner had gone") })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		go func() { // its place in the queue is free again
			if err := p.do(t.Context(), who{}, func() {}); err != nil {
				t.Errorf("the next: %v", err)
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1, 99, 99, func(work func()) { work() })
		finished := false
		go func() { _ = p.do(t.Context(), who{}, func() { time.Sleep(time.Minute); finished = true }) }()
		synctest.Wait()
		waited := make(chan error, 1)
		go func() { waited <- p.do(t.Context(), who{}, func() { t.Error("began after close") }) }()
		synctest.Wait()
		p.close()
		if !finished {
			t.Error("close did not wait for who works")
		}
		if err := <-waited; !errors.Is(err, ErrBusy) {
			t.Errorf("who waited: %v, want ErrBusy", err)
		}
		if err := p.do(t.Context(), who{}, func() { t.Error("began after close") }); !errors.Is(err, ErrBusy) {
			t.Errorf("who came later: %v, want ErrBusy", err)
		}
	})
}

// One name, or one address, holds its share of the places and leaves the others to others.
func TestPoolShares(t *testing.T) {
	for _, c := range []struct {
		name  string
		of    func(i int) who
		share int32
	}{
		{"one name from many addresses", func(i int) who { return from("mallory", fmt.Sprint("192.0.2.", i)) }, 4},
		{"many names from one address", func(i int) who { return from(fmt.Sprint("m", i), "192.0.2.1") }, 8},
		{"many names from one network", func(i int) who { return from(fmt.Sprint("m", i), fmt.Sprint("2001:db8::", i)) }, 8},
		{"one name, and no address", func(int) who { return who{name: "mallory"} }, 4},
		{"operators", func(int) who { return who{} }, 17},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(1, DefaultQueue, DefaultPerName, DefaultPerAddress, func(work func()) { work() })
				for round := range 2 { // what they held is free again
					var done, busy atomic.Int32
					for i := range 24 {
						go func() {
							if p.do(t.Context(), c.of(i), func() { time.Sleep(time.Second); done.Add(1) }) == ErrBusy {
								busy.Add(1)
							}
						}()
					}
					synctest.Wait()
					if busy.Load() != 24-c.share {
						t.Errorf("round %d: %d were turned away at once, want %d", round, busy.Load(), 24-c.share)
					}
					if c.share < 17 {
						if err := p.do(t.Context(), from("alice", "198.51.100.7"), func() {}); err != nil {
							t.Errorf("round %d: somebody else: %v", round, err)
						}
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					if done.Load() != c.share {
						t.Errorf("round %d: %d were done, want %d", round, done.Load(), c.share)
					}
				}
				if p.held != 0 || len(p.names) != 0 || len(p.addrs) != 0 {
					t.Errorf("held still: %d, %v, %v", p.held, p.names, p.addrs)
				}
			})
		})
	}
}
