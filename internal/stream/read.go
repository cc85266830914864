package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	lookEvery    = time.Second // for entries whose copy got lost
	retryFirst   = 20 * time.Millisecond
	fetchTimeout = 500 * time.Millisecond // without a further message
	fetchBytes   = 8 << 20                // in one answer, about
	fetchMost    = 1024
	tailMost     = 4096 // copies that wait for the reader; what is beyond is fetched
	tailBytes    = 16 << 20
	remembered   = 1024 // times of entries handed over
)

// reader is one call of Read, on its goroutine.
type reader struct {
	s       *Stream
	next    uint64    // sequence that is wanted next
	heard   uint64    // the highest there was a copy of
	moved   time.Time // when next was last another
	most    int
	take    func([]Entry) error
	batch   []Entry
	last    Entry // handed over last, without its data
	vouched vouched
	tail    *nats.Subscription // copies of what was kept just now
	answers *nats.Subscription // to fetches
	inbox   string
	fetches uint64
	times   [remembered]Entry // without data: what was handed over last, by sequence
}

// Read hands over entries from a sequence on, in order, each once, without end, in
// batches of what has arrived, at most most, on the caller's goroutine, until ctx
// ends or take returns an error, and returns that. The slice is the reader's again
// when take returns, the data in it is not. Sequences that are missing were deleted.
//
// It outlives the connection, leaders and servers, and goes on about two seconds
// after one is lost. It ends with ErrReplaced where the stream is no longer the one
// that was opened, and with ErrTruncated where the stream's last entry lies below
// from or what was read, or entries that are wanted were purged. It is
// ErrUnavailable only when the stream is closed.
func (s *Stream) Read(ctx context.Context, from uint64, most int, take func([]Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.done, cancel)()
	r := &reader{s: s, next: max(from, 1), most: max(1, min(most, fetchMost)), take: take, inbox: s.nc.NewRespInbox() + "."}
	var err error
	if r.tail, err = s.nc.SubscribeSync(s.o.Name + ".tail.>"); err != nil {
		return ErrUnavailable
	}
	defer func() { _ = r.tail.Unsubscribe() }()
	if r.answers, err = s.nc.SubscribeSync(r.inbox + "*"); err != nil {
		return ErrUnavailable
	}
	defer func() { _ = r.answers.Unsubscribe() }()
	if r.tail.SetPendingLimits(tailMost, tailBytes) != nil || r.answers.SetPendingLimits(-1, -1) != nil {
		return ErrUnavailable
	}
	err = r.run(ctx)
	if own := (stop{}); errors.As(err, &own) {
		return own.error
	}
	if s.done.Err() != nil && errors.Is(err, context.Canceled) {
		return ErrUnavailable
	}
	return err
}

// run fetches what there is, and then follows the copies until one is missing,
// or none came for a second. A failure is tried again, soon and then less often.
func (r *reader) run(ctx context.Context) error {
	retry := retryFirst
	for {
		behind, err := r.catchUp(ctx)
		wait := lookEvery
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case fatal(err):
			return err
		case err != nil || behind:
			wait = retry
			retry = min(2*retry, lookEvery)
		default:
			retry = retryFirst
		}
		if err := r.follow(ctx, wait); fatal(err) {
			return err
		}
	}
}

// catchUp fetches to the end. behind says that there was a copy of a later entry.
func (r *reader) catchUp(ctx context.Context) (behind bool, err error) {
	if err := r.hand(ctx); err != nil { // what came before something failed
		return false, err
	}
	latest := r.s.latest.Load()
	if r.s.missing.Load() || latest != nil && latest.asked.After(r.moved) && r.s.verdict(latest.streamInfo, r.next) != nil {
		if err := r.s.judge(ctx, r.next); err != nil {
			return false, err
		}
	}
	for more := true; more; {
		if more, err = r.fetch(ctx); err != nil {
			return false, err
		}
		if err := r.hand(ctx); err != nil {
			return false, err
		}
	}
	return r.next <= r.heard, nil
}

// fatal is what Read ends with; else it tries again.
func fatal(err error) bool {
	var own stop
	return condemns(err) || errors.As(err, &own)
}

// hand gives the batch to the caller.
func (r *reader) hand(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	if err := r.certain(ctx); err != nil {
		return err
	}
	last := r.batch[len(r.batch)-1]
	r.last = Entry{Seq: last.Seq, Time: last.Time}
	r.moved = time.Now()
	err := r.take(r.batch)
	clear(r.batch)
	r.batch = r.batch[:0]
	if err != nil {
		return stop{err}
	}
	return nil
}

// certain makes sure, on each connection and under each leader, that the stream
// still has what was handed over last: it may have gone back, and on another way.
func (r *reader) certain(ctx context.Context) error {
	now := vouched{connection: r.s.nc.Stats().Reconnects}
	if latest := r.s.latest.Load(); latest != nil {
		now.reign = latest.reign()
	}
	if now == r.vouched {
		return nil
	}
	if r.last.Seq != 0 {
		kept, err := r.s.Get(ctx, r.last.Seq)
		if err == nil && !kept.Time.Equal(r.last.Time) {
			return ErrTruncated
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	r.vouched = now
	return nil
}

// vouched is on which connection, and under whom, the stream was last seen to be the same.
type vouched struct {
	connection uint64
	reign      string
}

// add puts an entry into the batch. One beyond the wanted is no gap from purging: that is asked about first.
func (r *reader) add(ctx context.Context, e Entry, foreign bool) error {
	if e.Seq > r.next || foreign && e.Seq != r.s.mark {
		if err := r.s.judge(ctx, r.next); err != nil {
			return err
		}
	}
	r.next = e.Seq + 1
	r.times[e.Seq%remembered] = Entry{Seq: e.Seq, Time: e.Time}
	if !foreign {
		r.batch = append(r.batch, e)
	}
	return nil
}

// fetch asks any replica for the next entries, and says whether there are more.
func (r *reader) fetch(ctx context.Context) (more bool, err error) {
	r.fetches++
	reply := r.inbox + strconv.FormatUint(r.fetches, 36)
	request := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, r.next, r.most, fetchBytes)
	if err := r.s.nc.PublishRequest("$JS.API.DIRECT.GET."+r.s.o.Name, reply, request); err != nil {
		return false, ErrUnavailable
	}
	for last := ""; ; {
		m, err := await(ctx, r.answers, fetchTimeout)
		if err != nil {
			return false, err
		}
		if m.Subject != reply {
			continue // of a fetch that was given up
		}
		switch status := first(m.Header, "Status"); status {
		case "":
		case "204": // end of the batch
			left := first(m.Header, "Nats-Num-Pending")
			return left != "" && left != "0", nil
		case "404":
			return false, nil
		default: // 503: nobody has the stream
			return false, errors.Join(ErrUnavailable, r.s.judge(ctx, r.next))
		}
		e, foreign, err := r.s.parse(m)
		if err != nil {
			return false, ErrUnavailable
		}
		// What got lost on the way shows: each names the one before it in the answer.
		if before := first(m.Header, "Nats-Last-Sequence"); last != "" && before != last || e.Seq < r.next {
			return false, ErrUnavailable
		}
		last = first(m.Header, "Nats-Sequence")
		if err := r.add(ctx, e, foreign); err != nil {
			return false, err
		}
	}
}

// follow hands over copies as they come, until one is missing or none came for so long.
func (r *reader) follow(ctx context.Context, long time.Duration) error {
	if err := r.hand(ctx); err != nil { // what came before something failed
		return err
	}
	for {
		m, err := await(ctx, r.tail, long)
		if errors.Is(err, ErrUnavailable) {
			return nil
		}
		if err != nil {
			return err
		}
		whole, err := r.copied(ctx, m)
		for waiting, _, _ := r.tail.Pending(); err == nil && whole && waiting > 0 && len(r.batch) < r.most; waiting-- {
			if m, err = r.tail.NextMsg(time.Second); err != nil {
				whole, err = false, nil
				break
			}
			whole, err = r.copied(ctx, m)
		}
		if err := r.hand(ctx); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if !whole {
			return nil
		}
	}
}

// copied takes one copy; whole is false where it shows that others are missing.
func (r *reader) copied(ctx context.Context, m *nats.Msg) (whole bool, err error) {
	e, foreign, err := r.s.parse(m)
	if err != nil {
		return true, nil // somebody else's
	}
	if e.Seq < r.next {
		return true, r.again(ctx, e)
	}
	r.heard = max(r.heard, e.Seq)
	if e.Seq > r.next {
		return false, nil
	}
	return true, r.add(ctx, e, foreign)
}

// again is for a copy of what was handed over already: fetched first, or told
// by two leaders. Where it is another entry of that sequence, the stream went back and on.
func (r *reader) again(ctx context.Context, e Entry) error {
	known := r.times[e.Seq%remembered]
	if known.Seq != e.Seq || known.Time.Equal(e.Time) {
		return nil
	}
	if err := r.s.judge(ctx, r.next); err != nil {
		return err
	}
	kept, err := r.s.Get(ctx, e.Seq)
	if err == nil && !kept.Time.Equal(known.Time) {
		return ErrTruncated
	}
	return nil
}

// await is the next message within a time, ErrUnavailable, or ctx's error.
func await(ctx context.Context, sub *nats.Subscription, long time.Duration) (*nats.Msg, error) {
	within, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	m, err := sub.NextMsgWithContext(within)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, ErrUnavailable
	}
	return m, nil
}

// stop is the caller's own error, which ends Read also where it looks like one to try again after.
type stop struct{ error }
