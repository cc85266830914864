package session

import (
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
)

func BenchmarkAppend(b *testing.B) {
	e := chat.Event{Kind: chat.MessageEvent, Room: "lobby", User: "alice",
		ID: 1234567, Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Text: strings.Repeat("x", 64)}
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = Append(line[:0], &e)
	}
	if testing.AllocsPerRun(1000, func() { line = Append(line[:0], &e) }) >= 1 {
		b.Error("an event is encoded with garbage")
	}
}
