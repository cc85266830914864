package chat_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// house is a hub with a log, for tests.
type house struct {
	t   *testing.T
	log *chattest.Log
	*chat.Hub
	sessions int
}

func newHouse(t *testing.T, accounts ...string) *house {
	h := &house{t: t, log: &chattest.Log{}}
	h.Hub = chat.New(h.log, chat.State{Accounts: accounts}, chat.Options{
		MaxSessions: 3, Limits: chat.Limits{Rooms: 3, Members: 40, Invites: 3}, Crowd: 5, CrowdEvery: 2 * time.Second, Grace: 10 * time.Second, Append: encode,
	})
	h.log.Tail = h.Tail
	t.Cleanup(h.Close)
	return h
}

func encode(dst []byte, e *chat.Event) []byte {
	switch e.Kind {
	case chat.MessageEvent:
		return fmt.Appendf(dst, "%s %s: %s\n", e.Room, e.User, e.Text)
	case chat.CameEvent:
		return fmt.Appendf(dst, "%s +%s\n", e.Room, e.User)
	case chat.WentEvent:
		return fmt.Appendf(dst, "%s -%s\n", e.Room, e.User)
	case chat.TopicEvent:
		return fmt.Appendf(dst, "%s %s's topic: %s\n", e.Room, e.User, e.Text)
	case chat.SeenEvent:
		return fmt.Appendf(dst, "%s seen %d\n", e.Room, e.ID)
	case chat.GoneEvent:
		return fmt.Appendf(dst, "%s %s's %d is gone\n", e.Room, e.User, e.ID)
	case chat.NoteEvent:
		return append(dst, "note\n"...)
	}
	return fmt.Appendf(dst, "%s =%d\n", e.Room, e.Count)
}

// visitor is a session of the house.
type visitor struct {
	*chat.Seat
	ended []string

	mu     sync.Mutex // the hub's timers deliver on goroutines of their own
	queued []string
	heard  []string
	writes int // flushes that had something to write
}

func (v *visitor) Deliver(events []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queued = append(v.queued, strings.Split(strings.TrimSuffix(string(events), "\n"), "\n")...)
}

// Flush hears what was delivered: what nobody flushes is not heard.
func (v *visitor) Flush() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.queued) > 0 {
		v.writes++
	}
	v.heard = append(v.heard, v.queued...)
	v.queued = nil
}

func (v *visitor) End(reason string) { v.ended = append(v.ended, reason) }

// news returns what was heard since the last call.
func (v *visitor) news() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := strings.Join(v.heard, ", ")
	v.heard = nil
	return s
}

func (h *house) who(name string) chat.Who {
	h.sessions++
	return chat.Who{Session: fmt.Sprint(h.sessions), Name: name, Guest: strings.HasPrefix(name, "~"), Version: h.log.Last()}
}

func (h *house) come(name string) *visitor {
	h.t.Helper()
	v := &visitor{}
	seat, err := h.Admit(v, h.who(name))
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	v.Seat = seat
	seat.Enter(chat.Lobby)
	return v
}

func (h *house) want(v *visitor, news string) {
	h.t.Helper()
	if got := v.news(); got != news {
		h.t.Errorf("%s heard %q, want %q", v.Name, got, news)
	}
}

func (v *visitor) say(target, text string) error {
	return v.Say(target, "", text, func(int64, error) {})
}

func (v *visitor) join(room string) (err error) {
	failed := v.Join(room, false, func(_ int, _ int64, e error) { err = e })
	return errors.Join(failed, err)
}

// must is the error of a method that answers later.
func must(start func(done func(error)) error) (err error) {
	if failed := start(func(e error) { err = e }); failed != nil {
		return failed
	}
	return err
}

func (v *visitor) leave(room string) error {
	return must(func(done func(error)) error { return v.Leave(room, done) })
}
