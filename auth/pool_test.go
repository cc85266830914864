package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, 3)
		var working, most, done, busy atomic.Int32
		for range 9 {
			go func() {
				err := p.do(t.Context(), func() {
					most.Store(max(most.Load(), working.Add(1)))
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
		if done.Load() != 5 || most.Load() != 2 {
			t.Errorf("%d were done, %d at once, want 5 and 2", done.Load(), most.Load())
		}
		if err := p.do(t.Context(), func() {}); err != nil {
			t.Errorf("after the rush: %v", err)
		}
	})
}

func TestPoolHonoursContextWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1)
		go func() { _ = p.do(t.Context(), func() { time.Sleep(time.Minute) }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := p.do(ctx, func() { t.Error("ran though its owner had gone") })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		go func() { // its place in the queue is free again
			if err := p.do(t.Context(), func() {}); err != nil {
				t.Errorf("the next: %v", err)
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 1)
		finished := false
		go func() { _ = p.do(t.Context(), func() { time.Sleep(time.Minute); finished = true }) }()
		synctest.Wait()
		waited := make(chan error, 1)
		go func() { waited <- p.do(t.Context(), func() { t.Error("began after close") }) }()
		synctest.Wait()
		p.close()
		if !finished {
			t.Error("close did not wait for who works")
		}
		if err := <-waited; !errors.Is(err, ErrBusy) {
			t.Errorf("who waited: %v, want ErrBusy", err)
		}
		if err := p.do(t.Context(), func() { t.Error("began after close") }); !errors.Is(err, ErrBusy) {
			t.Errorf("who came later: %v, want ErrBusy", err)
		}
	})
}
