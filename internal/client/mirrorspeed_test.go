package client_test

import (
	"testing"

	"parley/internal/client"
	"parley/protocol"
)

const scrollback = 5000

// full is a Mirror with a room that holds as many messages as are kept.
func full(b *testing.B, looks bool) mirrored {
	m := mirrored{client.NewMirror("alice", scrollback), b}
	m.online()
	m.list(client.Room{Name: "lobby", LastID: 1 << 20, Seen: 1 << 20})
	m.Open("lobby")
	m.Attend(looks)
	for id := range int64(scrollback) {
		m.said(1<<20 + id)
	}
	return m
}

func BenchmarkMirrorLive(b *testing.B) {
	for name, looks := range map[string]bool{"shown": true, "unread": false} {
		b.Run(name, func(b *testing.B) {
			m := full(b, looks)
			id := int64(1 << 21)
			for b.Loop() {
				id++
				m.said(id)
			}
		})
	}
}

func BenchmarkMirrorGone(b *testing.B) {
	m := full(b, false)
	id := int64(0)
	for b.Loop() {
		id = (id + 1) % scrollback
		m.Take(client.Update{Event: protocol.Event{Command: protocol.EventGone, ID: 1<<20 + id, Room: "lobby", User: "bob"}}, when)
	}
}

func BenchmarkMirrorOlder(b *testing.B) {
	var t *client.Timeline
	pages := 0
	for b.Loop() {
		b.StopTimer()
		if pages%4 == 0 {
			t = full(b, false).Room("lobby")
		}
		pages++
		before, _ := t.NeedsOlder()
		var page []protocol.Event
		for id := before - protocol.MaxLimit; id < before; id++ {
			page = append(page, protocol.Event{Command: protocol.EventMsg, ID: id, Room: "lobby", User: "bob", Text: "x"})
		}
		b.StartTimer()
		t.Older(page, false)
	}
}
