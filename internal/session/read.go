package session

import (
	"context"
	"math"
	"sort"
	"strconv"
	"strings"

	"parley/internal/chat"
	"parley/protocol"
)

func (s *session) who(_ context.Context, f []string) error {
	if err := protocol.CheckName(f[0]); err != nil {
		return err
	}
	after := ""
	if len(f) == 2 {
		after = f[1]
		if err := protocol.CheckShownName(after); err != nil {
			return err
		}
	}
	names, err := s.seat.Present(f[0])
	if err != nil {
		return err
	}
	s.okList(names[sort.Search(len(names), func(i int) bool { return names[i] > after }):])
	return nil
}

func (s *session) list(_ context.Context, f []string) error {
	after := ""
	if len(f) == 1 {
		after = f[0]
		if _, err := protocol.ParseTarget(after); err != nil {
			return err
		}
	}
	var items []string
	for _, m := range s.seat.Memberships() {
		if m.Room > after {
			items = append(items, m.Room+":"+strconv.FormatInt(m.Last, 10))
		}
	}
	s.okList(items)
	return nil
}

func (s *session) history(ctx context.Context, f []string) error {
	if _, err := protocol.ParseTarget(f[0]); err != nil {
		return err
	}
	r := chat.Range{From: math.MaxInt64, Limit: historyLimit}
	if len(f) == 4 {
		if f[1] != "after" && f[1] != "before" {
			return protocol.Errorf(protocol.BadData, "the second field is after or before")
		}
		id, err := protocol.ParseID(f[2])
		if err != nil {
			return err
		}
		if r.Limit, err = protocol.ParseLimit(f[3]); err != nil {
			return err
		}
		r.Forward, r.From = f[1] == "after", id
	}
	return s.answer(s.seat.History(ctx, f[0], r))
}

func (s *session) find(ctx context.Context, f []string) error {
	if _, err := protocol.ParseTarget(f[0]); err != nil {
		return err
	}
	if err := protocol.CheckText(f[1]); err != nil {
		return err
	}
	return s.answer(s.seat.Find(ctx, f[0], strings.Fields(f[1]), findLimit))
}

// answer sends events and their count in one piece: live events wait. The
// peer's pace is kept: this waits where the outbox is full.
func (s *session) answer(events []chat.Event, err error) error {
	if err != nil {
		return err
	}
	s.out.hold()
	defer s.out.release()
	for _, e := range events {
		if !s.out.answer(Encode(e)) {
			return nil
		}
	}
	s.ok(strconv.Itoa(len(events)))
	return nil
}
