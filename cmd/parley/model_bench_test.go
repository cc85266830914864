package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// busy is a model that is online in a room of 5,000 messages, and sends nothing.
func busy(b *testing.B) *model {
	c, err := client.Connect(b.Context(), client.Config{Dial: newPlay().dial, User: "anna", Password: givenOnce("secret"), OnUpdate: func(client.Update) {}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	m := newModel(context.Background(), &link{Client: c, user: "anna"}, newFeed(), modelOptions{style: style{colour: true, now: time.Now}, now: time.Now, keep: 5000})
	m.move(lobby)
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	m.take(client.Update{State: client.Online})
	for id := int64(1); id <= 5000; id++ {
		m.take(remark(id))
	}
	m.mirror.Room(lobby).Older(nil, true)
	m.mirror.Present(lobby, []string{"anna", "ben"})
	m.mirror.TopicIs(lobby, "busy")
	m.mirror.NeedsList()
	b.ReportAllocs()
	b.ResetTimer()
	return m
}

func remark(id int64) client.Update {
	return client.Update{Event: protocol.Event{Command: protocol.EventMsg, ID: id, Time: time.Unix(1e9+id, 0), Room: lobby, User: fmt.Sprint("user", id%50), Text: "a message of the usual length, which is wrapped where the pane ends, or not at all"}}
}

// BenchmarkKey is what a key costs until the screen is drawn.
func BenchmarkKey(b *testing.B) {
	m := busy(b)
	for i := range b.N {
		if i%50 == 0 {
			m.input.editor.setText("")
		}
		m.Update(press("x"))
		m.View()
	}
}

// BenchmarkMessage is what a message costs that somebody says, one at a time and drawn each time.
func BenchmarkMessage(b *testing.B) {
	m := busy(b)
	for i := range b.N {
		m.Update(batch{remark(int64(5001 + i))})
		m.View()
	}
}
