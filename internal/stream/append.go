package stream

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Headers of entries; the first three are JetStream's.
const (
	headerID     = "Nats-Msg-Id"
	headerExpect = "Nats-Expected-Last-Subject-Sequence"
	headerStream = "Nats-Expected-Stream"
	headerOrigin = "Parley-Origin"
	headerLog    = "Parley-Log" // identity of the stream that the entry is meant for
)

const (
	grace = 300 * time.Millisecond // how much later an answer may come than one to a later append, or than word of another leader
	slow  = 300 * time.Millisecond // after so long without an answer the leader is asked whether it is the same
)

// What JetStream answers appends with, by its error codes.
var refusals = map[int]error{
	10071: ErrConflict, // wrong last sequence
	10164: ErrConflict, // the same, found while another append is on its way
	10054: ErrTooLarge, // message size exceeds maximum
}

// refusal is why the stream keeps nothing for now: a limit that was reached, say. It is an ErrUnavailable.
type refusal struct{ *apiError }

func (r refusal) Error() string        { return "NATS keeps nothing: " + r.Description }
func (r refusal) Is(target error) bool { return target == ErrUnavailable }

// Append is one entry to be kept.
type Append struct {
	Subject string  // behind NAME.log.
	ID      string  // an entry with the same ID within two minutes is kept once; "": always kept. With Expect, a repeat is told as a duplicate by a cluster, as a conflict by a single server
	Expect  *uint64 // sequence of the subject's last entry, 0: none yet; nil: not asked
	Origin  string  // given back with the entry
	Data    []byte  // is the caller's again when Append returns
}

// sent is an append without its answer.
type sent struct {
	acked    func(seq uint64, dup bool, err error)
	at       time.Time
	deadline time.Time
	answered bool
	seq      uint64
	dup      bool
	err      error
}

// appends are those without an answer, in order. Numbers count appends from 0:
// queue[i] has the number head+i, which is the last token of where its answer goes.
type appends struct {
	s     *Stream
	inbox string        // ends with a dot
	room  chan struct{} // one for each that waits
	ready chan struct{} // something was answered

	mu     sync.Mutex // guards what follows, and publishing, so that numbers are in order on the wire
	head   uint64
	passed uint64    // appends before this one wait for a grace at the most
	reign  string    // of the leader that was there last
	told   time.Time // when the log was last told of a refusal
	queue  []*sent
}

func (a *appends) init(s *Stream, most int) {
	a.s, a.room, a.ready = s, make(chan struct{}, most), make(chan struct{}, 1)
}

func (a *appends) listen() error {
	a.inbox = a.s.nc.NewRespInbox() + "."
	sub, err := a.s.nc.Subscribe(a.inbox+"*", a.heard)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1) // as many as there are appends
	}
	if err != nil {
		return ErrUnavailable
	}
	return nil
}

// Append sends a and returns, waiting only where Options.Pending others have no
// answer yet. acked is called once, on the stream's own goroutine, in the order
// of Appends, and must not call Append. It gets the sequence; dup says that this
// is the one of an earlier entry with the same ID. err is ErrConflict or
// ErrTooLarge where nothing was kept, else ErrUnavailable: it may have been kept
// or not, or may be yet. That comes at once while there is no connection or
// leader, when the connection breaks, and after Options.Timeout.
func (s *Stream) Append(a Append, acked func(seq uint64, dup bool, err error)) {
	select {
	case s.appends.room <- struct{}{}:
		s.appends.send(a, acked)
	case <-s.done.Done():
		acked(0, false, ErrUnavailable)
	}
}

func (a *appends) send(entry Append, acked func(seq uint64, dup bool, err error)) {
	header := nats.Header{
		headerLog:    {a.s.identity},
		headerStream: {a.s.o.Name},
	}
	if entry.ID != "" {
		header[headerID] = []string{entry.ID}
	}
	if entry.Origin != "" {
		header[headerOrigin] = []string{entry.Origin}
	}
	if entry.Expect != nil {
		header[headerExpect] = []string{strconv.FormatUint(*entry.Expect, 10)}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	one := &sent{acked: acked, at: now, deadline: now.Add(a.s.o.Timeout)}
	number := a.head + uint64(len(a.queue))
	if a.queue = append(a.queue, one); len(a.queue) == 1 {
		a.wake() // somebody must look at its deadline
	}
	var err error
	switch {
	case len(entry.Data) > MaxEntry:
		err = ErrTooLarge
	default: // refused at once where there is no connection: nothing is buffered for the next
		err = a.s.nc.PublishMsg(&nats.Msg{Subject: a.s.o.Name + ".log." + entry.Subject,
			Reply: a.inbox + strconv.FormatUint(number, 36), Header: header, Data: entry.Data})
	}
	if err != nil {
		one.answered, one.err = true, ErrUnavailable
		if errors.Is(err, ErrTooLarge) || errors.Is(err, nats.ErrMaxPayload) {
			one.err = ErrTooLarge
		}
		a.wake()
	}
}

// heard takes an answer, on a goroutine of the connection.
func (a *appends) heard(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[len(a.inbox):], 36, 64)
	if err != nil {
		return
	}
	seq, dup, err := answer(m)
	a.mu.Lock()
	defer a.mu.Unlock()
	if why := (refusal{}); errors.As(err, &why) && time.Since(a.told) > tellEvery {
		a.told = time.Now()
		a.s.log.Warn("NATS keeps nothing of what is written", "event", "stream.full", "reason", why.Description)
	}
	if i := number - a.head; number >= a.head && i < uint64(len(a.queue)) && !a.queue[i].answered {
		one := a.queue[i]
		one.answered, one.seq, one.dup, one.err = true, seq, dup, err
		if err == nil && !dup {
			a.overtaken(number)
		}
		if i == 0 {
			a.wake()
		}
	}
}

// overtaken has appends before one that was kept not wait for long: a connection's
// reach the leader in order, and what it keeps it answers in order, so theirs
// went to another leader, or got lost. The lock is held.
func (a *appends) overtaken(by uint64) {
	soon := time.Now().Add(grace)
	for n := max(a.passed, a.head); n < by; n++ {
		if one := a.queue[n-a.head]; one.deadline.After(soon) {
			one.deadline = soon
			if n == a.head {
				a.wake()
			}
		}
	}
	a.passed = max(a.passed, by)
}

// reigns is told who leads, as of a time. Where it is another than before, what
// went out until then went to the old leader, which answers no more.
func (a *appends) reigns(reign string, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before := a.reign; before != "" && before != reign {
		i, _ := slices.BinarySearchFunc(a.queue, asked, func(one *sent, t time.Time) int { return one.at.Compare(t) })
		a.overtaken(a.head + uint64(i))
	}
	a.reign = reign
}

func answer(m *nats.Msg) (seq uint64, dup bool, err error) {
	var ack struct {
		Seq       uint64    `json:"seq"`
		Duplicate bool      `json:"duplicate"`
		Error     *apiError `json:"error"`
	}
	if len(m.Data) == 0 || json.Unmarshal(m.Data, &ack) != nil {
		return 0, false, ErrUnavailable // nobody listens: no leader
	}
	if ack.Error != nil {
		if known, ok := refusals[ack.Error.Code]; ok {
			return 0, false, known
		}
		return 0, false, refusal{ack.Error}
	}
	if ack.Seq == 0 {
		return 0, false, ErrUnavailable
	}
	return ack.Seq, ack.Duplicate, nil
}

// lost answers all that went out on a connection that is gone: what was said to it is not repeated on the next.
func (a *appends) lost() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.queue {
		if !one.answered {
			one.answered, one.err = true, ErrUnavailable
		}
	}
	a.wake()
}

func (a *appends) wake() {
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

// answer is the goroutine that calls back, until the stream is closed and nothing waits.
func (a *appends) answer() {
	late := time.NewTimer(0)
	defer late.Stop()
	var done []*sent
	for {
		var next time.Duration
		done, next = a.take(done[:0])
		for _, one := range done {
			one.acked(one.seq, one.dup, one.err)
			<-a.room
		}
		clear(done)
		late.Reset(next)
		select {
		case <-a.ready:
		case <-late.C:
		case <-a.s.done.Done():
			return
		}
	}
}

// take takes off the front what is answered or late, and says when to look
// again if nothing comes. Where the first is slow, the leader is looked at.
func (a *appends) take(done []*sent) ([]*sent, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, next := 0, MaxTimeout
	for now := time.Now(); n < len(a.queue); n++ {
		one := a.queue[n]
		if !one.answered && one.deadline.After(now) {
			if now.Sub(one.at) >= slow {
				a.s.wake()
			}
			next = min(one.deadline.Sub(now), slow)
			break
		}
		if !one.answered {
			one.answered, one.err = true, ErrUnavailable
		}
	}
	done = append(done, a.queue[:n]...)
	clear(a.queue[:n])
	a.queue = a.queue[n:]
	a.head += uint64(n)
	return done, next
}

// drain takes the room of all appends as they are answered, and keeps it, so that there are no more.
func (a *appends) drain() {
	for range cap(a.room) {
		a.room <- struct{}{}
	}
}
