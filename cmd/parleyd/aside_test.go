package main

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAside: while something runs aside, there are processors for it, and none a while after it.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a aside
		usual := runtime.GOMAXPROCS(0)
		want := func(when string, more bool) {
			t.Helper()
			if n := runtime.GOMAXPROCS(0); n > usual != more {
				t.Errorf("%s: %d processors, usually %d", when, n, usual)
			}
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { a.run(func() { want("running", true); time.Sleep(time.Minute) }) })
		}
		all.Wait()
		want("just after", true)
		time.Sleep(asideCalm / 2)
		a.run(func() {})
		time.Sleep(asideCalm * 3 / 4)
		want("soon after another", true)
		time.Sleep(asideCalm)
		want("calm", false)
		a.run(func() { want("again", true) })
		time.Sleep(2 * asideCalm)
		want("calm again", false)
	})
}
