package store

import (
	"math"

	"parley/internal/chat"
)

// position is how far an account has read a room.
type position struct {
	said       int // of the room
	seen, read int64
	gone       int // others' above seen that were taken back
}

func (p position) unread() int { return p.said - int(p.read) - p.gone }

func (t *tx) position(account string, r room) (p position, err error) {
	if err = t.settleCounts(); err == nil {
		err = t.findPosition.QueryRow(r.id, account).Scan(&p.said, &p.seen, &p.read, &p.gone)
	}
	return p, err
}

// seen moves a position forward.
type seen struct{ chat.Entry }

// Counting looks at messages while others' writes wait, so that one SEEN may not look at many. Where more than
// seenAtOnce stand on both sides of the new position it moves only so far, and whoever wants it further asks again:
// others come in between. So it looks at twice the messages that it passes and nearby more, at most: in all,
// at each message some two times for an account, however small its steps are.
const (
	seenAtOnce = 2048
	nearby     = 64
)

func (s *seen) apply(t *tx) (result, error) {
	e := t.entry(s.Entry)
	r, ok, err := t.findRoom(e.Room)
	if err != nil {
		return result{}, err
	}
	if !ok {
		return refuse(chat.ErrNotMember), nil
	}
	p, err := t.position(e.Account, r)
	if err != nil {
		return result{}, err
	}
	if e.Message <= p.seen {
		e.Message, e.Unread = p.seen, p.unread()
		return result{what: repeated, entry: e}, nil
	}
	if err := t.forward(&p, r, e.Account, e.Message); err != nil {
		return result{}, err
	}
	if _, err := t.putPosition.Exec(e.Account, r.id, p.seen, p.read); err != nil {
		return result{}, err
	}
	if p, err = t.position(e.Account, r); err != nil {
		return result{}, err
	}
	e.Message, e.Unread = p.seen, p.unread()
	return result{what: shown, entry: e}, nil
}

// forward moves p towards to. Where little stands behind that, it is counted from there, which needs no earlier count.
func (t *tx) forward(p *position, r room, account string, to int64) error {
	unread, _, all, err := t.others(r, account, to, math.MaxInt64, nearby)
	if err != nil {
		return err
	}
	if !all {
		passed, last, whole, err := t.others(r, account, p.seen, to, seenAtOnce)
		if err != nil {
			return err
		}
		if whole {
			p.seen, p.read = to, p.read+int64(passed)
			return nil
		}
		if unread, _, all, err = t.others(r, account, to, math.MaxInt64, seenAtOnce); err != nil {
			return err
		}
		if !all {
			p.seen, p.read = last, p.read+int64(passed)
			return nil
		}
	}
	p.seen, p.read = to, int64(p.said-unread)
	return nil
}

// others counts the messages of a room above one id and up to another that somebody else has said, taken back or not. It looks at
// most of them, the last of which is last; all says that there are no more.
func (t *tx) others(r room, account string, above, upTo int64, most int) (n int, last int64, all bool, err error) {
	rows, err := t.messagesAfter.Query(r.id, above)
	if err != nil {
		return 0, 0, false, err
	}
	looked := 0
	all = true
	err = eachBlock(rows, "", func(block []chat.Message) bool {
		for _, m := range within(block, chat.Range{After: above, Before: min(upTo, math.MaxInt64-1) + 1}) {
			if all = looked < most; !all {
				return false
			}
			looked++
			last = m.ID
			if m.User != account {
				n++
			}
		}
		return block[len(block)-1].ID <= upTo
	})
	return n, last, all, err
}
