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
}

// said keeps a message. This is the path that every message takes.
type said struct{ chat.Entry }

func (s *said) apply(t *tx) (result, error) {
	e := t.entry(s.Entry)
	r, err := t.makeRoom(e.Room)
	if err != nil {
		return result{}, err
	}
	if e.Key != "" {
		first, err := t.takeKey(e, r)
		if err != nil {
			return result{}, err
		}
		if first.ID != 0 {
			e.ID, e.Time = first.ID, first.Time
			return result{what: repeated, entry: e}, nil
		}
	}
	if _, err := t.insertMessage.Exec(t.id, t.ms, r.id, e.Account, e.Text); err != nil {
		return result{}, err
	}
	if _, err := t.indexMessage.Exec(t.id, r.word, e.Text); err != nil {
		return result{}, err
	}
	return result{what: shown, entry: e}, nil
}

// takeKey keeps the key of e, unless an earlier entry has it still: then it returns that one's id and time.
func (t *tx) takeKey(e chat.Entry, r room) (first chat.Entry, err error) {
	n, err := run(t.insertKey, t.id, t.ms, e.KeyOwner, r.id, e.Key, t.ms-keyLife.Milliseconds())
	if n > 0 || err != nil {
		t.keys++
		return first, err
	}
	var ms int64
	err = t.findKey.QueryRow(e.KeyOwner, r.id, e.Key).Scan(&first.ID, &ms)
	first.Time = time.UnixMilli(ms).UTC()
	return first, err
}
