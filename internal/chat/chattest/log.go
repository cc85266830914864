// Package chattest holds a chat.Log for tests that need one without a disk.
package chattest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/internal/chat"
)

// Log keeps messages in memory and answers every Append before it returns.
// Its bounds and its keys' life are for ever. Set Tail before the first Append.
type Log struct {
	Tail func([]chat.Outcome)
	Fail error // set: Append refuses everything with it

	mu       sync.Mutex
	last     int64
	messages []chat.Message
	keys     map[[3]string]int64
	seen     map[[2]string]int64 // by account and room
}

// Append implements chat.Log.
func (l *Log) Append(e chat.Entry, done func(chat.Entry, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Fail != nil {
		done(e, l.Fail)
		return
	}
	key := [3]string{e.KeyOwner, e.Room, e.Key}
	if first := l.keys[key]; e.Kind == chat.Said && e.Key != "" && first != 0 {
		e.ID = first
		done(e, nil)
		return
	}
	if e.Kind == chat.Gone && l.forgotten(e.Message) {
		done(e, nil)
		return
	}
	l.last++
	e.ID, e.Time = l.last, time.Now().UTC().Truncate(time.Millisecond)
	if e.Kind == chat.Said {
		l.messages = append(l.messages, chat.Message{ID: e.ID, Time: e.Time, Room: e.Room, User: e.Account, Text: e.Text})
		if l.keys == nil {
			l.keys = make(map[[3]string]int64)
		}
		if e.Key != "" {
			l.keys[key] = e.ID
		}
	}
	l.count(&e)
	l.Tail([]chat.Outcome{{Entry: e, News: true, Done: done}})
}

func (l *Log) forgotten(id int64) bool {
	return slices.ContainsFunc(l.messages, func(m chat.Message) bool { return m.ID == id && m.Text == "" })
}

// count fills in what a log tells of read positions, and takes back what is to be.
func (l *Log) count(e *chat.Entry) {
	at := [2]string{e.Account, e.Room}
	switch e.Kind {
	case chat.Seen:
		if l.seen == nil {
			l.seen = make(map[[2]string]int64)
		}
		l.seen[at] = max(l.seen[at], e.Message)
	case chat.Joined:
	case chat.Gone:
		for i := range l.messages {
			if l.messages[i].ID == e.Message {
				l.messages[i].Text = ""
			}
		}
		return
	default:
		return
	}
	e.Message = l.seen[at]
	for _, m := range l.messages {
		if m.Room == e.Room && m.ID > e.Message && m.User != e.Account && m.Text != "" {
			e.Unread++
		}
	}
}

// Last is the id of the last entry.
func (l *Log) Last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// History implements chat.Log.
func (l *Log) History(_ context.Context, room string, r chat.Range) ([]chat.Message, error) {
	list := l.those(func(m chat.Message) bool { return m.Room == room && m.ID > r.After && m.ID < r.Before })
	return list[:min(r.Limit, len(list))], nil
}

// Newest implements chat.Log.
func (l *Log) Newest(_ context.Context, room string, before int64, n int) (int64, error) {
	list := l.those(func(m chat.Message) bool { return m.Room == room && m.ID < before })
	if len(list) == 0 {
		return 0, nil
	}
	return list[max(0, len(list)-n)].ID, nil
}

// Find implements chat.Log; here a word may be part of another.
func (l *Log) Find(_ context.Context, room string, words []string, limit int) ([]chat.Message, error) {
	list := l.those(func(m chat.Message) bool {
		text := strings.ToLower(m.Text)
		return m.Room == room && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
	})
	return list[max(0, len(list)-limit):], nil
}

func (l *Log) those(match func(chat.Message) bool) (list []chat.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		if match(m) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b chat.Message) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Each is a tail that shows each entry that is news and then calls its done.
func Each(show func(chat.Entry)) func([]chat.Outcome) {
	return func(batch []chat.Outcome) {
		for _, o := range batch {
			if o.News {
				show(o.Entry)
			}
			o.Done(o.Entry, o.Err)
		}
	}
}

// Message implements chat.Log.
func (l *Log) Message(_ context.Context, id int64) (chat.Message, bool, error) {
	list := l.those(func(m chat.Message) bool { return m.ID == id })
	if len(list) == 0 {
		return chat.Message{}, false, nil
	}
	return list[0], true, nil
}

// Scrub implements chat.Log: there are no files.
func (l *Log) Scrub(context.Context) error { return nil }
