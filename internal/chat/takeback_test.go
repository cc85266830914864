package chat_test

import "testing"

// The second DELETE of a message waits for the first to be out of the log's hands: before, Scrub may not know of it.
func TestTakingBackTwiceWaitsForTheFirst(t *testing.T) {
	h, log := delayed(t, "alice")
	one, two := h.come("alice"), h.come("alice")
	one.say("lobby", "walrus")
	log.release()
	id := h.log.Last()
	answered := 0
	done := func(err error) {
		if err != nil {
			t.Error(err)
		}
		answered++
	}
	for _, v := range []*visitor{one, two} {
		if err := v.TakeBack(t.Context(), id, done); err != nil || answered != 0 {
			t.Fatalf("%d answered before the log did, %v", answered, err)
		}
		log.release()
		if answered != 1 {
			t.Fatalf("%d answered, want 1", answered)
		}
		answered = 0
	}
	h.want(two, "lobby alice: walrus, lobby alice's 1 is gone")
}
