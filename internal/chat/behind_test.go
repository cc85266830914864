package chat_test

import (
	"context"
	"testing"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// expelling is a log that has somebody expelled while they read.
type expelling struct {
	*chattest.Log
	expel func()
}

func (l *expelling) History(ctx context.Context, room string, r chat.Range) ([]chat.Message, error) {
	list, err := l.Log.History(ctx, room, r)
	l.expel()
	return list, err
}

func (l *expelling) Find(ctx context.Context, room string, words []string, limit int) ([]chat.Message, error) {
	list, err := l.Log.Find(ctx, room, words, limit)
	l.expel()
	return list, err
}

// A read may wait long for others of the account: who is expelled meanwhile gets nothing of it, not a first page either.
func TestNothingIsReadBehindExpel(t *testing.T) {
	log := &expelling{Log: &chattest.Log{}, expel: func() {}}
	hub := chat.New(log, chat.State{Accounts: []string{"alice", "bob"}}, chat.Options{Append: encode})
	log.Tail = hub.Tail
	defer hub.Close()
	h := &house{t: t, log: log.Log, Hub: hub}
	alice, bob := h.comeAsAdmin("alice"), h.come("bob")
	alice.join("den")
	alice.say("den", "a secret")
	got := 0
	to := chat.Reader{Page: func(list []chat.Event) bool { got += len(list); return true }}
	for what, read := range map[string]func() error{
		"HISTORY after":  func() error { return bob.HistoryAfter(t.Context(), "den", 0, 5, to) },
		"HISTORY before": func() error { return bob.HistoryBefore(t.Context(), "den", 1<<40, 5, to) },
		"FIND":           func() error { return bob.Find(t.Context(), "den", []string{"secret"}, 5, to) },
	} {
		bob.join("den")
		if err := read(); err != nil || got != 1 {
			t.Fatalf("%s of a member: %d messages, %v", what, got, err)
		}
		got = 0
		log.expel = func() {
			if err := alice.expel("den", "bob"); err != nil {
				t.Error(err)
			}
		}
		if err := read(); err != nil || got != 0 {
			t.Errorf("%s behind the EXPEL: %d messages, %v", what, got, err)
		}
		log.expel = func() {}
	}
}
