package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"parley/internal/chat"
	"parley/internal/stream"
)

// messages brings those that are not there yet, and looks again until none is missing: while many are on their way, one may get
// lost and later ones not.
func (m *migration) messages(ctx context.Context) error {
	var of int
	if err := m.w.conn.QueryRowContext(ctx, `SELECT coalesce(sum(said), 0) FROM rooms`).Scan(&of); err != nil {
		return err
	}
	for {
		there, err := m.there(ctx)
		if err != nil {
			return err
		}
		pushed, err := m.push(ctx, there, of)
		if err != nil {
			return err
		}
		if pushed == 0 {
			m.progress(of, of)
			return nil
		}
	}
}

// idSet has a bit for each id.
type idSet []uint64

func (s idSet) add(id int64)      { s[id/64] |= 1 << (id % 64) }
func (s idSet) has(id int64) bool { return s[id/64]&(1<<(id%64)) != 0 }

// there are the messages that the stream has.
func (m *migration) there(ctx context.Context) (idSet, error) {
	there := make(idSet, m.from.ID/64+1)
	_, end, err := m.to.Ends(ctx)
	if err != nil {
		return nil, err
	}
	err = m.to.Read(ctx, m.to.Start(), followMost, func(entries []stream.Entry) error {
		for i := range entries {
			e := &entries[i]
			if e.Subject == "brought" {
				r, err := read[entryRecord](e.Data)
				if err != nil || r.ID <= 0 || r.ID > m.from.ID {
					return errors.Join(errUnknown, err)
				}
				there.add(r.ID)
			}
			if e.Seq >= end {
				return errThere
			}
		}
		return nil
	})
	if !errors.Is(err, errThere) {
		return nil, err
	}
	return there, nil
}

func byID(m chat.Message, id int64) int { return cmp.Compare(m.ID, id) }

// push brings what is not there, and says how much that was.
func (m *migration) push(ctx context.Context, there idSet, of int) (pushed int, err error) {
	p := pusher{ctx: ctx, to: m.to, slots: make(chan struct{}, pushAtOnce)}
	var first chat.Message
	var ms int64
	var more []byte
	done := 0
	push := func(list []chat.Message) {
		for _, message := range list {
			if !there.has(message.ID) && p.push(message) {
				pushed++
			}
			if done++; done%1000 == 0 {
				m.progress(min(done, of), of)
			}
		}
	}
	// Blocks of rooms lie across each other: in the order of their first messages they are only almost in that of ids, in
	// which a search index is filled best.
	var late []chat.Message
	err = each(ctx, m.w.conn, `SELECT m.id, m.time, r.name, m.account, m.text, m.more FROM messages m JOIN rooms r ON r.id = m.room ORDER BY m.id`,
		[]any{&first.ID, &ms, &first.Room, &first.User, &first.Text, &more}, func() {
			first.Time = milliseconds(ms)
			n, _ := slices.BinarySearchFunc(late, first.ID, byID)
			push(late[:n])
			late = append(late[n:], unblock(nil, first, more)...)
			slices.SortFunc(late, func(a, b chat.Message) int { return cmp.Compare(a.ID, b.ID) })
		})
	push(late)
	return pushed, errors.Join(err, p.wait())
}
