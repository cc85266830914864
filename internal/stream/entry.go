package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Entry is one entry as it is kept.
type Entry struct {
	Seq     uint64
	Time    time.Time // when the stream's leader took it, in UTC
	Subject string    // behind NAME.log.
	Origin  string
	Data    []byte
}

// parse makes an entry of a copy, or of the answer to a fetch. foreign says
// that it was not meant for this stream, or is its mark. An error says that it is no such message.
func (s *Stream) parse(m *nats.Msg) (e Entry, foreign bool, err error) {
	if first(m.Header, "Nats-Stream") != s.o.Name {
		return e, false, errors.New("not of this stream")
	}
	if e.Seq, err = strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64); err != nil {
		return e, false, err
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, first(m.Header, "Nats-Time-Stamp")); err != nil {
		return e, false, err
	}
	subject, ours := strings.CutPrefix(first(m.Header, "Nats-Subject"), s.o.Name+".log.")
	e.Subject, e.Origin, e.Data = subject, first(m.Header, headerOrigin), m.Data
	return e, !ours || first(m.Header, headerLog) != s.identity || subject == markSubject, nil
}

// first is a header's value; the names are spelled as they come.
func first(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Ends are the sequences of the stream's first entry, which may have been deleted
// singly, and of the last that is there, 0 where none is: by the leader, with a
// majority behind it. The error is ErrUnavailable, ErrReplaced, or ctx's.
func (s *Stream) Ends(ctx context.Context) (first, last uint64, err error) {
	info, err := s.info(ctx)
	if code(err) == codeNoStream {
		return 0, 0, ErrReplaced
	}
	if err != nil {
		return 0, 0, unavailable(err)
	}
	if identity(info) != s.identity {
		return 0, 0, ErrReplaced
	}
	first = max(info.State.FirstSeq, s.mark+1)
	for last = info.State.LastSeq; last > s.mark; last-- {
		if _, err := s.Get(ctx, last); err == nil {
			return first, last, nil
		} else if !errors.Is(err, ErrNotFound) {
			return 0, 0, err
		}
	}
	return first, 0, nil
}

// unavailable keeps what JetStream says of itself from people.
func unavailable(err error) error {
	if refused := (*apiError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("%w (%s)", ErrUnavailable, refused.Description)
	}
	return err
}

// Get asks the leader for one entry. The error is ErrNotFound, ErrUnavailable, or ctx's.
func (s *Stream) Get(ctx context.Context, seq uint64) (Entry, error) {
	if seq == 0 {
		return Entry{}, ErrNotFound
	}
	return s.get(ctx, map[string]any{"seq": seq})
}

// Last asks the leader for the last entry of a subject, so that it is current.
// Errors are those of [Stream.Get].
func (s *Stream) Last(ctx context.Context, subject string) (Entry, error) {
	return s.get(ctx, map[string]any{"last_by_subj": s.o.Name + ".log." + subject})
}

func (s *Stream) get(ctx context.Context, which map[string]any) (Entry, error) {
	var found struct {
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	err := s.ask(ctx, "STREAM.MSG.GET."+s.o.Name, which, &found)
	if code(err) == codeNoMessage {
		return Entry{}, ErrNotFound
	}
	if err != nil {
		return Entry{}, unavailable(err)
	}
	m := &found.Message
	header, err := nats.DecodeHeadersMsg(m.Header)
	if err != nil || first(header, headerLog) != s.identity || m.Seq == s.mark {
		return Entry{}, ErrNotFound
	}
	return Entry{Seq: m.Seq, Time: m.Time.UTC(), Origin: first(header, headerOrigin), Data: m.Data,
		Subject: strings.TrimPrefix(m.Subject, s.o.Name+".log.")}, nil
}

// LastEach calls each with the last entry of every subject that matches filter
// (behind NAME.log.; * and > as in NATS), in the order of the subjects, until it
// returns an error. Subjects whose last entry changes meanwhile are told as they are then.
func (s *Stream) LastEach(ctx context.Context, filter string, each func(Entry) error) error {
	subjects := map[string]uint64{}
	for {
		var page streamInfo
		err := s.ask(ctx, "STREAM.INFO."+s.o.Name,
			map[string]any{"subjects_filter": s.o.Name + ".log." + filter, "offset": len(subjects)}, &page)
		if err != nil {
			return unavailable(err)
		}
		maps.Copy(subjects, page.State.Subjects)
		if len(page.State.Subjects) == 0 || len(subjects) >= page.Total {
			break
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(subjects)), asksAtOnce) {
		entries, errs := make([]Entry, len(some)), make([]error, len(some))
		var asking sync.WaitGroup
		for i, subject := range some {
			asking.Go(func() { entries[i], errs[i] = s.Last(ctx, strings.TrimPrefix(subject, s.o.Name+".log.")) })
		}
		asking.Wait()
		for i, err := range errs {
			if errors.Is(err, ErrNotFound) {
				continue // deleted meanwhile, or the mark
			}
			if err == nil {
				err = each(entries[i])
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const asksAtOnce = 64 // so that a list does not take a way there and back for each

// Delete overwrites an entry with noise, on every replica, and removes it. It
// is nil where the entry is gone already; else the error is ErrUnavailable or ctx's.
func (s *Stream) Delete(ctx context.Context, seq uint64) error {
	if seq == s.mark || seq == 0 {
		return ErrNotFound
	}
	var deleted struct{}
	err := s.ask(ctx, "STREAM.MSG.DELETE."+s.o.Name, map[string]any{"seq": seq, "no_erase": false}, &deleted)
	if code(err) == 0 {
		return err
	}
	if _, gone := s.Get(ctx, seq); errors.Is(gone, ErrNotFound) {
		return nil
	}
	return unavailable(err)
}
