package client_test

import (
	"testing"

	"parley/internal/client"
	"parley/protocol"
)

// A page, or an acknowledgement, that was on its way when the connection was lost may tell what was taken back since.
func TestAnswersOfALostConnection(t *testing.T) {
	m := client.NewMirror("alice", 100)
	said := func(id int64, user string) protocol.Event {
		return protocol.Event{Command: protocol.EventMsg, ID: id, Time: when, Room: "lobby", User: user, Text: "hello"}
	}
	lobby := m.Open("lobby")
	m.Take(client.Update{State: client.Online}, when)
	m.NeedsList()
	m.Listed([]client.Room{{Name: "lobby", LastID: 9, Seen: 9}})
	before, ok := lobby.NeedsOlder()
	post := &client.Post{Target: "lobby", Text: "mine"}
	m.Posted(post)
	if m.Take(client.Update{State: client.Lost}, when); !ok {
		t.Fatal("nothing is asked")
	}
	m.Take(client.Update{State: client.Online}, when)
	lobby.Older([]protocol.Event{said(8, "bob"), said(9, "bob")}, false)
	if len(lobby.Items) > 0 {
		t.Errorf("a page of a lost connection is taken: %v", lobby.Items)
	}
	if again, ok := lobby.NeedsOlder(); !ok || again != before {
		t.Error("it is not asked again")
	}
	gone := protocol.Event{Command: protocol.EventGone, ID: 9, Room: "lobby", User: "bob"}
	lobby.Older([]protocol.Event{said(8, "bob"), gone}, false)
	if question, ok := m.NeedsReview(); ok {
		t.Errorf("what is not doubtful is asked again: %+v", question)
	}

	m.Settled(post, 10, nil, when)
	question, ok := m.NeedsReview()
	if !ok || question.Room != "lobby" || question.Before != 11 || question.Limit != 1 {
		t.Fatalf("asked is %+v", question)
	}
	gone.ID, gone.User = 10, "alice"
	m.Reviewed(question, []protocol.Event{gone}, false)
	if last := lobby.Items[len(lobby.Items)-1].Event; last.Command != protocol.EventGone || last.Text != "" {
		t.Errorf("%+v", last)
	}
	if question, ok := m.NeedsReview(); ok {
		t.Errorf("it is asked again: %+v", question)
	}
}

// However much is loaded, one question is about no more than the server answers.
func TestReviewIsBounded(t *testing.T) {
	m := client.NewMirror("alice", 2000)
	m.Open("lobby")
	m.Take(client.Update{State: client.Online}, when)
	m.NeedsList()
	m.Listed([]client.Room{{Name: "lobby"}})
	var log []protocol.Event
	for id := int64(1); id <= 1200; id++ {
		log = append(log, protocol.Event{Command: protocol.EventMsg, ID: id, Time: when, Room: "lobby", User: "bob", Text: "x"})
		m.Take(client.Update{Event: log[id-1]}, when)
	}
	m.Take(client.Update{State: client.Lost}, when)
	if _, ok := m.NeedsReview(); ok {
		t.Error("asked without a connection")
	}
	m.Take(client.Update{State: client.Online}, when)
	for _, want := range []struct {
		before int64
		limit  int
	}{{1201, 500}, {701, 500}, {201, 200}} {
		question, ok := m.NeedsReview()
		if !ok || question.Before != want.before || question.Limit != want.limit {
			t.Fatalf("asked is %+v, want %+v", question, want)
		}
		page := log[max(0, int(question.Before)-1-question.Limit) : question.Before-1]
		m.Reviewed(question, page, len(page) < question.Limit)
	}
	if question, ok := m.NeedsReview(); ok {
		t.Errorf("asked is %+v besides", question)
	}
}
