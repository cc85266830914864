package chat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

const flushEvery = 10 * time.Millisecond

// inHouse runs a test in a house on a clock of its own, that flushes every 10 ms.
func inHouse(t *testing.T, test func(*house, *later)) {
	synctest.Test(t, func(t *testing.T) {
		log := &later{Log: &chattest.Log{}}
		hub := chat.New(log, chat.State{Accounts: []string{"alice", "bob"}}, chat.Options{
			Crowd: 5, Grace: time.Second, FlushEvery: flushEvery, Append: encode,
		})
		log.Tail = hub.Tail
		time.Sleep(time.Second)
		test(&house{t: t, log: log.Log, Hub: hub}, log)
		hub.Close()
	})
}

func (h *house) sayNow(v *visitor, log *later, texts ...string) {
	for _, text := range texts {
		v.say("", text)
		log.release()
	}
}

// A lone message is flushed at once; those that follow it closely are flushed together.
func TestFlushEvery(t *testing.T) {
	inHouse(t, func(h *house, log *later) {
		alice, bob := h.come("alice"), h.come("bob")
		for range 3 {
			time.Sleep(flushEvery)
			h.sayNow(alice, log, "lone")
			h.want(bob, "lobby alice: lone")
		}
		bob.writes = 0
		for range 5 * 10 {
			h.sayNow(alice, log, "x")
			time.Sleep(flushEvery / 10)
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		if bob.writes > 6 {
			t.Errorf("in five times FlushEvery bob was written to %d times", bob.writes)
		}
		if len(bob.heard) != 50 {
			t.Errorf("bob heard %d", len(bob.heard))
		}
		bob.news()
		h.sayNow(alice, log, "a", "b")
		h.want(bob, "lobby alice: a")
		time.Sleep(flushEvery)
		synctest.Wait()
		h.want(bob, "lobby alice: b")
	})
}

// While more is on its way to the log for a room, the room is not flushed; but
// no longer than FlushEvery, and replies do not wait.
func TestFlushWaitsForMore(t *testing.T) {
	inHouse(t, func(h *house, log *later) {
		alice, bob := h.come("alice"), h.come("bob")
		time.Sleep(flushEvery)
		alice.news()
		reply := func(int64, error) { alice.Deliver([]byte("OK\n")) }
		begin := func(n int) (waiting []func()) {
			for range n {
				alice.Say("", "", "x", reply)
			}
			waiting, log.waiting = log.waiting, nil
			return waiting
		}
		for _, answer := range begin(3) {
			h.want(bob, "")
			answer()
			h.want(alice, "OK")
		}
		h.want(bob, "lobby alice: x, lobby alice: x, lobby alice: x")
		time.Sleep(flushEvery)
		waiting := begin(2)
		waiting[0]()
		h.want(bob, "")
		time.Sleep(flushEvery)
		synctest.Wait()
		h.want(bob, "lobby alice: x")
		log.Fail = chat.ErrUnavailable // what is refused is not waited for any more
		waiting[1]()
		log.Fail = nil
		time.Sleep(flushEvery)
		h.sayNow(alice, log, "lone")
		h.want(bob, "lobby alice: lone")
	})
}
