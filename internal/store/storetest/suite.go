// Package storetest holds the suite that every log must pass, whatever orders it.
package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// Log is what the suite opens: a log with what the hub needs around it.
type Log interface {
	chat.Log
	auth.Store
	State(context.Context) (chat.State, error)
	Start(tail func([]chat.Outcome))
	Close() error
}

// TestLog is what every log promises, as far as it can be seen from outside.
// open opens the log that is kept under dir, made where missing; the suite
// closes it, and opens it again to see what was kept.
func TestLog(t *testing.T, open func(t *testing.T, dir string) Log) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"Order", testOrder},
		{"Concurrent", testConcurrent},
		{"Restart", testRestart},
		{"CloseAnswers", testCloseAnswers},
		{"CloseWhileAppending", testCloseWhileAppending},
		{"NotRunning", testNotRunning},
		{"Keys", testKeys},
		{"KeysInOneBatch", testKeysInOneBatch},
		{"KeysConcurrent", testKeysConcurrent},
		{"KeyScope", testKeyScope},
		{"Conversations", testConversations},
		{"Membership", testMembership},
		{"RoomLimits", testRoomLimits},
		{"RefusalSparesBatch", testRefusalSparesBatch},
		{"CurrentRoom", testCurrentRoom},
		{"Accounts", testAccounts},
		{"Removal", testRemoval},
		{"SessionsEnded", testSessionsEnded},
		{"FamilyEnded", testFamilyEnded},
		{"History", testHistory},
		{"Find", testFind},
		{"FindLiteral", testFindLiteral},
		{"Locked", testLocked},
		{"LockedInOneBatch", testLockedInOneBatch},
		{"Invited", testInvited},
		{"MemberLimit", testMemberLimit},
		{"Topic", testTopic},
		{"Muted", testMuted},
		{"Seen", testSeen},
		{"SeenAmongMany", testSeenAmongMany},
		{"UnreadAfterGone", testUnreadAfterGone},
		{"Message", testMessage},
		{"Gone", testGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, start(t, t.TempDir(), open))
		})
	}
}

// bench is an opened log and what its tail saw.
type bench struct {
	Log
	dir  string
	open func(*testing.T, string) Log

	mu   sync.Mutex
	seen []chat.Entry // by the tail
}

func start(t *testing.T, dir string, open func(*testing.T, string) Log) *bench {
	b := &bench{Log: open(t, dir), dir: dir, open: open}
	b.Start(chattest.Each(b.see))
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bench) see(e chat.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, e)
}

func (b *bench) tail() []chat.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

// restart closes the log and opens it again; what the tail saw is kept.
func (b *bench) restart(t *testing.T) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	b.Log = b.open(t, b.dir)
	b.Start(chattest.Each(b.see))
}

// answer is what done was called with.
type answer struct {
	chat.Entry
	err error
}

// patience is longer than any of these waits takes unless the log is broken.
const patience = 2 * time.Minute

// appendAll appends all entries at once, from this goroutine, and returns
// their answers in the order in which done was called.
func (b *bench) appendAll(t *testing.T, entries ...chat.Entry) []answer {
	t.Helper()
	answers := make(chan answer, 2*len(entries)+1)
	for _, e := range entries {
		b.Append(e, func(e chat.Entry, err error) { answers <- answer{e, err} })
	}
	var got []answer
	deadline := time.After(patience)
	for range entries {
		select {
		case a := <-answers:
			got = append(got, a)
		case <-deadline:
			t.Fatalf("%d of %d appends were answered", len(got), len(entries))
		}
	}
	return got
}

// add appends one entry, which must be kept.
func (b *bench) add(t *testing.T, e chat.Entry) chat.Entry {
	t.Helper()
	a := b.appendAll(t, e)[0]
	if a.err != nil {
		t.Fatalf("append %+v: %v", e, a.err)
	}
	return a.Entry
}

func said(room, account, text string) chat.Entry {
	return chat.Entry{Kind: chat.Said, Room: room, Account: account, Text: text}
}

func keyed(room, account, key, text string) chat.Entry {
	e := said(room, account, text)
	e.Key, e.KeyOwner = key, account
	return e
}

func join(room, account string) chat.Entry {
	return chat.Entry{Kind: chat.Joined, Room: room, Account: account}
}

// room returns the state of a room and whether it is there.
func (b *bench) room(t *testing.T, name string) (chat.RoomState, bool) {
	t.Helper()
	s, err := b.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Rooms, func(r chat.RoomState) bool { return r.Name == name })
	if i < 0 {
		return chat.RoomState{}, false
	}
	r := s.Rooms[i]
	slices.Sort(r.Members)
	return r, true
}

func (b *bench) account(t *testing.T, name string) auth.Account {
	t.Helper()
	a, err := b.Account(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) change(t *testing.T, c auth.Change) {
	t.Helper()
	if _, err := b.Change(t.Context(), c); err != nil {
		t.Fatalf("change %+v: %v", c, err)
	}
}

func (b *bench) newAccount(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		b.change(t, auth.Change{Account: auth.Account{Name: name, Hash: []byte("x"), Made: time.UnixMilli(1)}})
	}
}

// token returns a token that is good for an hour.
func token(n byte, account, family, session, room string) auth.Token {
	return auth.Token{
		Hash: [32]byte{n}, Account: account, Family: family, Session: session, Room: room,
		Expires: time.Now().Add(time.Hour).Truncate(time.Millisecond),
	}
}

func (b *bench) issue(t *testing.T, tok auth.Token) {
	t.Helper()
	if err := b.IssueToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
}

// upTo is a range of the oldest messages.
func upTo(limit int) chat.Range { return chat.Range{Before: math.MaxInt64, Limit: limit} }

func texts(list []chat.Message) []string {
	var all []string
	for _, m := range list {
		all = append(all, m.Text)
	}
	return all
}

func wantTexts(t *testing.T, what string, got []chat.Message, want ...string) {
	t.Helper()
	if !slices.Equal(texts(got), want) {
		t.Fatalf("%s: %q, want %q", what, texts(got), want)
	}
}

func names(prefix string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s%d", prefix, i))
	}
	return all
}
