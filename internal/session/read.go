package session

import (
	"context"
	"fmt"
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
	if len(f) > 0 && f[0] == joinable {
		return s.listJoinable(f[1:])
	}
	after := ""
	if len(f) > 0 {
		after = strings.Join(f, "|")
		if _, err := protocol.ParseTarget(after); err != nil {
			return err
		}
	}
	var items []string
	for _, m := range s.seat.Memberships() {
		if m.Room > after {
			items = append(items, fmt.Sprintf("%s:%d:%d:%d", m.Room, m.Last, m.Seen, m.Unread))
		}
	}
	s.okList(items)
	return nil
}

// joinable asks LIST for the rooms that one could join.
const joinable = "*"

func (s *session) listJoinable(f []string) error {
	after := ""
	if len(f) > 0 {
		after = f[0]
		if err := protocol.CheckName(after); err != nil {
			return err
		}
	}
	list := s.seat.Joinable(after, protocol.MaxLine) // more never fit
	items := make([]string, len(list))
	for i, room := range list {
		items[i] = room.Room + ":" + strconv.Itoa(room.Members)
	}
	s.okList(items)
	return nil
}

func (s *session) seen(_ context.Context, f []string) error {
	if _, err := protocol.ParseTarget(f[0]); err != nil {
		return err
	}
	id, bad := protocol.ParseID(f[1])
	if bad != nil {
		return bad
	}
	return s.wait(func(done func(error)) error {
		return s.seat.Seen(f[0], id, func(at int64, err error) {
			if err == nil {
				s.ok(f[0], strconv.FormatInt(at, 10))
			}
			done(err)
		})
	})
}

// directions are the ways in which HISTORY reads.
var directions = map[string]func(*chat.Seat, context.Context, string, int64, int, chat.Reader) error{
	"after":  (*chat.Seat).HistoryAfter,
	"before": (*chat.Seat).HistoryBefore,
}

func (s *session) history(ctx context.Context, f []string) error {
	if _, err := protocol.ParseTarget(f[0]); err != nil {
		return err
	}
	read, id, limit := directions["before"], int64(math.MaxInt64), historyLimit
	if len(f) == 4 {
		var known bool
		var err *protocol.Error
		if read, known = directions[f[1]]; !known {
			return protocol.Errorf(protocol.BadData, "the second field is after or before")
		}
		if id, err = protocol.ParseID(f[2]); err != nil {
			return err
		}
		if limit, err = protocol.ParseLimit(f[3]); err != nil {
			return err
		}
	}
	return s.answer(func(to chat.Reader) error { return read(s.seat, ctx, f[0], id, limit, to) })
}

func (s *session) find(ctx context.Context, f []string) error {
	if _, err := protocol.ParseTarget(f[0]); err != nil {
		return err
	}
	if err := protocol.CheckText(f[1]); err != nil {
		return err
	}
	words := strings.Fields(f[1])
	return s.answer(func(to chat.Reader) error { return s.seat.Find(ctx, f[0], words, findLimit, to) })
}

// answer sends events and their count in one piece: live events wait. The
// peer's pace is kept: this waits where the outbox is full.
func (s *session) answer(read func(chat.Reader) error) error {
	defer s.out.release()
	count := 0
	err := read(chat.Reader{
		// From here on live events wait. Those before are told before; the hub's lock makes it one moment for all.
		Begin: s.out.hold,
		Page: func(page []chat.Event) bool {
			var lines []byte
			for i := range page {
				lines = Append(lines, &page[i])
				if i+1 < len(page) && len(lines) < recordSize/2 {
					continue
				}
				if !s.out.answer(lines) {
					return false
				}
				lines = nil
			}
			count += len(page)
			s.out.flush() // the next page comes from the disk
			return true
		},
	})
	if err != nil {
		return err
	}
	s.ok(strconv.Itoa(count))
	return nil
}
