package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
)

// crowd is a room with this many members, and a batch of messages that one of them said.
func crowd(t testing.TB, members, messages int) (*chat.Hub, []chat.Outcome) {
	hub := chat.New(&chattest.Log{}, chat.State{}, chat.Options{Append: encode})
	t.Cleanup(hub.Close)
	var session string
	for i := range members {
		session = fmt.Sprintf("session-%d", i)
		seat, err := hub.Admit(&pieces{}, chat.Who{Session: session, Name: fmt.Sprintf("~guest%d", i), Guest: true})
		if err != nil {
			t.Fatal(err)
		}
		seat.Enter(chat.Lobby)
	}
	var batch []chat.Outcome
	for i := range messages {
		e := chat.Entry{Kind: chat.Said, ID: int64(i + 1), Time: time.Now(), Account: "~guest0", Session: session, Room: chat.Lobby, Text: strings.Repeat("x", 64)}
		batch = append(batch, chat.Outcome{Entry: e, News: true, Done: func(chat.Entry, error) {}})
	}
	return hub, batch
}

// Telling a room allocates what the bytes of a run need, and nothing for each of its members.
func TestTellingAllocatesNothingForAMember(t *testing.T) {
	allocs := func(members int) float64 {
		hub, batch := crowd(t, members, 10)
		hub.Tail(batch)
		return testing.AllocsPerRun(200, func() { hub.Tail(batch) })
	}
	few, many := allocs(2), allocs(500)
	if many > few+100 { // goroutines that flush on other processors, and pools that were emptied: the race detector empties them at random
		t.Errorf("%v allocations for 2 members, %v for 500", few, many)
	}
}

func BenchmarkTail(b *testing.B) {
	for _, members := range []int{1, 10, 100, 1000} {
		for _, messages := range []int{1, 32} {
			b.Run(fmt.Sprintf("members=%d/messages=%d", members, messages), func(b *testing.B) {
				hub, batch := crowd(b, members, messages)
				b.ReportAllocs()
				for b.Loop() {
					hub.Tail(batch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members*messages), "ns/delivery")
			})
		}
	}
}
