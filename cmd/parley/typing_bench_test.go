package main_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// BenchmarkTyping is how long a key takes to be seen, in milliseconds, on the full screen of a real client: in a room where nobody
// speaks, and in one where 200 messages a second are said.
func BenchmarkTyping(b *testing.B) {
	b.Run("quiet", func(b *testing.B) { benchmarkTyping(b, 0) })
	b.Run("busy", func(b *testing.B) { benchmarkTyping(b, 10) })
}

func benchmarkTyping(b *testing.B, speakers int) {
	const each = 20 // messages a second
	server := parleytest.Start(b, "--msg-rate", "100")
	server.User("alice")
	x := openTerminal(b, onFullScreen(b), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("TLS 1.3")
	stop := make(chan struct{})
	var speaking sync.WaitGroup
	for i := range speakers {
		name := fmt.Sprint("user", i)
		server.User(name)
		c := server.SignIn(name)
		speaking.Go(func() {
			every := time.NewTicker(time.Second / each)
			defer every.Stop()
			for n := 0; ; n++ {
				select {
				case <-every.C:
					c.Write(fmt.Sprintf("SEND|lobby||message %d of the usual length, which says nothing new\n", n))
				case <-stop:
					return
				}
			}
		})
		speaking.Go(func() {
			for {
				if _, err := c.TryLine(time.Second); err != nil {
					select {
					case <-stop:
						return
					default:
					}
				}
			}
		})
	}
	if speakers > 0 {
		x.expect("message 20 ") // they are under way
	}
	var took []time.Duration
	b.ResetTimer()
	for i := range b.N {
		key := string(rune('一' + i%2000))
		if i%20 == 0 {
			x.press("\x15")
		}
		began := time.Now()
		x.press(key)
		x.expectBytes([]byte(key))
		took = append(took, time.Since(began))
		time.Sleep(20 * time.Millisecond)
	}
	b.StopTimer()
	close(stop)
	speaking.Wait()
	slices.Sort(took)
	for name, at := range map[string]int{"p50": 50, "p99": 99, "p100": 100} {
		b.ReportMetric(float64(took[min(len(took)-1, len(took)*at/100)])/1e6, name+"-ms")
	}
}

// expectBytes is expect that looks at what comes alone.
func (x *terminal) expectBytes(text []byte) {
	x.t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for end := time.Now().Add(parleytest.Patience); !bytes.Contains(x.out.Bytes()[x.seen:], text); x.changed.Wait() {
		if time.Now().After(end) {
			x.t.Fatalf("%q is not shown", text)
		}
	}
	x.seen = x.out.Len()
}
