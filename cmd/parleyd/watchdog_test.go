package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/server"
	"parley/internal/session"
	"parley/internal/store"
	"parley/internal/systemd"
)

// TestWatchdogOfStuckServer: the manager hears of a server whose tail goes on, and of one whose tail is stuck that it is, and no more.
func TestWatchdogOfStuckServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hears := func() string {
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "400000")
	m := manager{}
	if m.Notifier, err = systemd.NewNotifier(); err != nil {
		t.Fatal(err)
	}

	log := slog.New(slog.DiscardHandler)
	kept, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stuck := make(chan struct{})
	kept.Start(func(batch []chat.Outcome) {
		for _, o := range batch {
			<-stuck
			o.Done(o.Entry, o.Err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		in := &entrances{server: server.New(nil, session.New(nil, nil, log, session.Options{}), log, server.Options{})}
		m.watch(ctx, &house{store: kept}, in, log)
	}()
	const works, sick = "WATCHDOG=1", "STATUS=stuck: the log has stopped"
	until := func(want string) {
		for !strings.HasPrefix(hears(), want) { // a machine that stands still makes it late, which it says too
		}
	}
	until(works)
	kept.Append(chat.Entry{Kind: chat.Said, Room: "lobby", Account: "ann", Text: "x"}, func(chat.Entry, error) {})
	until(sick)
	conn.SetReadDeadline(time.Now().Add(time.Second)) // five turns
	b := make([]byte, 4096)
	if n, err := conn.Read(b); err == nil {
		t.Errorf("while it is stuck: %q", b[:n])
	}
	close(stuck)
	until(works)
	cancel()
	<-watched
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
}
