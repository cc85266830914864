package stream

import (
	"context"
	"errors"
	"time"
)

const (
	probeEvery   = time.Second     // how often the leader is asked
	probeTimeout = time.Second     // how long that may take
	quorumHeard  = 3 * time.Second // three of the heartbeats between a leader and its replicas
	moveAfter    = 3 * time.Second // without a leader: the server may be cut off from the others
)

// observation is what the leader said, and when it was asked.
type observation struct {
	*streamInfo
	asked time.Time
}

// watch asks the leader again and again, on its own goroutine, and goes to
// another server where one that is connected has known of no leader for some time.
func (s *Stream) watch() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	since := time.Now()
	var wrong string // with how the stream is set up
	for {
		select {
		case <-s.done.Done():
			return
		case <-s.awake:
		case <-tick.C:
		}
		asked := time.Now()
		info, err := s.info(s.done)
		if err == nil {
			s.latest.Store(&observation{info, asked})
			s.appends.reigns(info.reign(), asked)
			wrong = s.compare(info, wrong)
		}
		if gone := code(err) == codeNoStream; err == nil || gone {
			s.missing.Store(gone)
		}
		switch {
		case err == nil:
			since = time.Now()
			s.answered.Store(since.UnixNano())
		case !s.nc.IsConnected(), code(err) == codeNoStream:
			since = time.Now()
		case time.Since(since) > moveAfter:
			since = time.Now()
			s.log.Warn("the stream has no leader that answers", "event", "stream.unled", "server", s.nc.ConnectedUrlRedacted())
			if len(s.nc.Servers()) > 1 {
				_ = s.nc.ForceReconnect() // an error says that the connection is closed
			}
		}
	}
}

// compare tells the log where somebody has changed how the stream is set up, once for
// each change, and returns what is wrong with it now. Nobody is ended for it: it may be on its way to what it should be.
func (s *Stream) compare(info *streamInfo, before string) (wrong string) {
	if err := s.o.agrees(&info.Config); err != nil {
		wrong = err.Error()
	}
	switch {
	case wrong != "" && wrong != before:
		s.log.Error("the stream was changed: what is acknowledged may be lost, or nothing be kept", "event", "stream.changed", "reason", wrong)
	case wrong == "" && before != "":
		s.log.Info("the stream is as it should be again", "event", "stream.right")
	}
	return wrong
}

// wake has the watcher look now: after a reconnect, and where an answer is slow.
func (s *Stream) wake() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}

// pause waits, and says whether ctx lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// judge says whether the stream still is the one that has what was read:
// ErrReplaced, ErrTruncated, nil, or another error where nobody can say now.
// next is the sequence that is wanted next. What condemns a stream must be said
// several times in a row, by one leader with a majority behind it: a node that is
// ended for nothing is worse than one that ends some seconds late.
func (s *Stream) judge(ctx context.Context, next uint64) error {
	for said, by := 0, ""; ; {
		reign, err := s.look(ctx, next)
		if !condemns(err) {
			return err
		}
		if reign != by {
			said, by = 0, reign
		}
		if said++; said == condemnations {
			return err
		}
		if !pause(ctx, probeEvery/2) {
			return ctx.Err()
		}
	}
}

const condemnations = 6

// look asks once, and says who answered.
func (s *Stream) look(ctx context.Context, next uint64) (reign string, err error) {
	info, err := s.info(ctx)
	if code(err) == codeNoStream {
		return "", ErrReplaced
	}
	if err != nil {
		return "", err
	}
	return info.reign(), s.verdict(info, next)
}

func (s *Stream) verdict(i *streamInfo, next uint64) error {
	first, last := i.State.FirstSeq, i.State.LastSeq
	switch {
	case identity(i) != s.identity:
		return ErrReplaced
	case last+1 < next, first > s.mark && next < first:
		return ErrTruncated
	}
	return nil
}

func condemns(err error) bool { return errors.Is(err, ErrReplaced) || errors.Is(err, ErrTruncated) }
