package chat_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// TestCloseRoom: a crowd goes in parts, and what failed half way is finished by doing it again.
func TestCloseRoom(t *testing.T) {
	var all []string
	for i := range 700 {
		all = append(all, fmt.Sprintf("user%03d", i))
	}
	log := &chattest.Log{}
	h := chat.New(log, chat.State{Accounts: all, Rooms: []chat.RoomState{
		{Name: "den", Members: all[:600], Invited: all[600:650], Maker: all[650]}, {Name: "other", Members: all[:9]},
	}}, chat.Options{Append: encode})
	defer h.Close()
	spared := 300 // entries until the log fails
	log.Tail = func(batch []chat.Outcome) {
		if spared--; spared < 0 {
			batch[0].Err, batch[0].News = chat.ErrUnavailable, false
		}
		h.Tail(batch)
	}
	first, err := h.CloseRoom(t.Context(), "den")
	if !errors.Is(err, chat.ErrUnavailable) || first != 256 {
		t.Errorf("with a log that fails: %d, %v", first, err)
	}
	spared = 10_000
	second, err := h.CloseRoom(t.Context(), "den")
	if want := 651 - 299; err != nil || second != want {
		t.Errorf("again: %d of %d, %v", second, want, err)
	}
	for _, c := range h.Census() {
		if c.Room == "den" && (c.Members != 0 || !c.Locked || c.Maker != "") || c.Room == "other" && (c.Members != 9 || c.Locked) {
			t.Errorf("%+v", c)
		}
	}
	if n, err := h.CloseRoom(t.Context(), "den"); n != 0 || err != nil {
		t.Errorf("a third time: %d, %v", n, err)
	}
	for _, room := range []string{"nowhere", chat.Conversation(all[0], all[1])} {
		if _, err := h.CloseRoom(t.Context(), room); !errors.Is(err, chat.ErrNotMember) {
			t.Errorf("%s: %v", room, err)
		}
	}
	if _, err := h.CloseRoom(t.Context(), chat.Lobby); !errors.Is(err, chat.ErrLobby) {
		t.Error(err)
	}
}

// silentLog takes everything and answers nothing.
type silentLog struct{ chat.Log }

func (silentLog) Append(chat.Entry, func(chat.Entry, error)) {}

// TestModerationWaitsNoLonger than it is let, where the log is stuck.
func TestModerationWaitsNoLonger(t *testing.T) {
	h := chat.New(silentLog{}, chat.State{Accounts: []string{"alice"}, Rooms: []chat.RoomState{{Name: "den", Members: []string{"alice"}}}}, chat.Options{Append: encode})
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for what, do := range map[string]func() error{
		"lock":  func() error { return h.LockRoom(ctx, "den", true) },
		"expel": func() error { return h.ExpelFrom(ctx, "den", "alice") },
		"mute":  func() error { return h.MuteUntil(ctx, "alice", time.Now().Add(time.Hour)) },
		"close": func() error { _, err := h.CloseRoom(ctx, "den"); return err },
	} {
		if err := do(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
