package stream_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"parley/internal/stream"
)

// logged is a log that is read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

// TestEdited: a stream that somebody sets up in another way while it is used goes on, and the log tells of it, once.
func TestEdited(t *testing.T) {
	log := new(logged)
	s := newNodes(t, 1).open(t, func(o *stream.Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	must(t, s, "said", "x") // the second entry: the mark is the first
	edit := func(most string) {
		jetstream(t, s, "STREAM.UPDATE.parley", `{"name":"parley","subjects":["parley.log.>"],"storage":"file","num_replicas":1,"discard":"new","duplicate_window":120000000000,
			"allow_direct":true,"max_msg_size":65536,"max_msgs":`+most+`,"metadata":{"parley":"1","parley-identity":"x"},"republish":{"src":"parley.log.>","dest":"parley.tail.>"}}`)
	}
	edit("2")
	wait(t, "nothing is said of the change", func() bool { return log.count("its limit of messages is 2, and should be -1") == 1 })
	for range 3 {
		a := say(t, s, stream.Append{Subject: "said", Data: []byte("y")})
		if !errors.Is(a.err, stream.ErrUnavailable) || !strings.Contains(a.err.Error(), "maximum messages exceeded") {
			t.Errorf("beyond the limit: %v", a.err)
		}
	}
	if n := log.count("maximum messages exceeded"); n != 1 {
		t.Errorf("the log tells %d times that nothing is kept", n)
	}
	edit("-1")
	wait(t, "nothing is said of the change back", func() bool { return log.count("as it should be again") == 1 })
	must(t, s, "said", "z")
	if n := log.count("the stream was changed"); n != 1 {
		t.Errorf("the log tells %d times of one change", n)
	}
}

// TestDeleted: a stream that is gone is noticed, though nobody makes another.
func TestDeleted(t *testing.T) {
	s := newNodes(t, 1).open(t)
	must(t, s, "said", "x")
	entries, ended := follow(t, s, 1)
	wait(t, "nothing is read", func() bool { return len(entries()) == 1 })
	jetstream(t, s, "STREAM.DELETE.parley", "")
	mustEnd(t, ended, stream.ErrReplaced)
}
