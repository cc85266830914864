package store

import (
	"time"

	"parley/internal/chat"
)

// keyLife is how long a key answers the id of its first message.
const keyLife = 24 * time.Hour

// appended makes the ops of the entries that Append takes.
var appended = map[chat.Kind]func(chat.Entry) op{
	chat.Said:   func(e chat.Entry) op { return &said{e} },
	chat.Joined: func(e chat.Entry) op { return &joined{e} },
	chat.Left:   func(e chat.Entry) op { return &left{e} },

	chat.Locked:   func(e chat.Entry) op { return &locked{e} },
	chat.Opened:   func(e chat.Entry) op { return &locked{e} },
	chat.Invited:  func(e chat.Entry) op { return &invited{e} },
	chat.Expelled: func(e chat.Entry) op { return &expelled{e} },
	chat.TopicSet: func(e chat.Entry) op { return &topicSet{e} },
	chat.Muted:    func(e chat.Entry) op { return &muted{e} },
	chat.Seen:     func(e chat.Entry) op { return &seen{e} },
	chat.Gone:     func(e chat.Entry) op { return &gone{Entry: e} },
}

// said keeps a message. Most messages are not applied one by one but as blocks, from the backlog.
type said struct{ chat.Entry }

func (s *said) apply(t *tx) (result, error) {
	r, err := s.keep(t)
	if err != nil || r.kept() || t.seq == 0 {
		return r, err
	}
	// It is no message that could be taken back, and of one with its key it has the text.
	_, err = t.eraseEntry.Exec(t.seq)
	return r, err
}

func (s *said) keep(t *tx) (result, error) {
	e := t.entry(s.Entry)
	if e.Key != "" && t.seq != 0 {
		// What a repeat says was checked when it was said first.
		if first, err := t.firstOf(&e); first.id != 0 || err != nil {
			e.ID, e.Time = first.id, milliseconds(first.ms)
			return result{what: repeated, entry: e}, err
		}
	}
	if reason, err := t.maySpeak(e); reason != nil || err != nil {
		return refuse(reason), err
	}
	r, err := t.makeRoom(e.Room)
	if err != nil {
		return result{}, err
	}
	if e.Key != "" {
		first, err := t.takeKey(&e, r)
		if err != nil {
			return result{}, err
		}
		if first.id != 0 {
			e.ID, e.Time = first.id, milliseconds(first.ms)
			return result{what: repeated, entry: e}, nil
		}
	}
	if _, err := t.insertMessage.Exec(t.id, t.ms, r.id, e.Account, e.Text, nil); err != nil {
		return result{}, err
	}
	if _, err := t.indexMessage.Exec(t.id, r.word, e.Text); err != nil {
		return result{}, err
	}
	t.count(&e)
	return result{what: shown, entry: e}, nil
}

// firstOf is the message that has e's key still.
func (t *tx) firstOf(e *chat.Entry) (first keyed, err error) {
	r, ok, err := t.findRoom(e.Room)
	if !ok || err != nil {
		return keyed{}, err
	}
	ok, err = found(t.findKey.QueryRow(e.KeyOwner, r.id, e.Key), &first.id, &first.ms)
	if !ok || first.ms <= t.ms-keyLife.Milliseconds() {
		return keyed{}, err
	}
	return first, nil
}

// takeKey keeps the key of e, unless an earlier entry has it still: then it returns that one.
func (t *tx) takeKey(e *chat.Entry, r room) (first keyed, err error) {
	n, err := run(t.insertKey, t.id, t.ms, e.KeyOwner, r.id, e.Key, t.ms-keyLife.Milliseconds())
	if n > 0 || err != nil {
		t.keys++
		return first, err
	}
	err = t.findKey.QueryRow(e.KeyOwner, r.id, e.Key).Scan(&first.id, &first.ms)
	return first, err
}
