package chat_test

import (
	"errors"
	"testing"

	"parley/internal/chat"
)

// To who is not invited, JOIN of a locked room is answered as for one that is not there: by the hub, in no time of the log's.
func TestJoinOfLockedRoomDoesNotAskTheLog(t *testing.T) {
	h, log := delayed(t, "alice", "bob")
	alice, bob := h.come("alice"), h.come("bob")
	alice.Join("den", true, func(int, int64, error) {})
	log.release()
	if err := bob.join("den"); !errors.Is(err, chat.ErrNotMember) {
		t.Errorf("at once: %v", err)
	}
	if n := len(log.waiting); n != 0 {
		t.Errorf("the log was asked %d times", n)
	}
	alice.invite("den", "bob")
	log.release()
	bob.join("den")
	if len(log.waiting) != 1 {
		t.Error("the invited do not get in")
	}
}

// A guest, who makes no rooms, cannot tell a locked room from one that is not there.
func TestGuestDoesNotFindLockedRooms(t *testing.T) {
	h := newHouse(t, "alice")
	alice, guest := h.come("alice"), h.come("~guest")
	alice.Join("den", true, func(int, int64, error) {})
	for _, lock := range []bool{false, true} {
		for _, room := range []string{"den", "nowhere"} {
			if err := guest.Join(room, lock, func(int, int64, error) {}); err != chat.ErrNotMember {
				t.Errorf("JOIN of %s: %v", room, err)
			}
		}
	}
}
