// Package stream is one JetStream stream as an ordered log of bytes, and the
// connection to NATS that it needs.
//
// What is appended under NAME.log. is kept; the stream's leader publishes each
// entry once more under NAME.tail. when it is kept, which is how readers hear
// of it at once. That copy may be lost: what it leaves out is fetched from any
// replica. So reading needs no consumer on a server, and no election but the
// stream's own.
//
// The first entry of a stream is a mark that Open makes and nobody is handed:
// it is never deleted, so that a stream that begins above it has been purged.
package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// What can be wrong, apart from sentences about the configuration.
var (
	ErrConflict    = errors.New("the subject's last entry is not the expected one")
	ErrTooLarge    = errors.New("the entry is too large for the stream")
	ErrUnavailable = errors.New("the stream can't be reached")
	ErrNotFound    = errors.New("no such entry in the stream")
	ErrNoStream    = errors.New("there is no such stream yet")
	ErrReplaced    = errors.New("the stream was deleted, or replaced by another of its name")
	ErrTruncated   = errors.New("the stream has lost entries that it had")
	ErrPlain       = errors.New("nats:// is not encrypted and goes to this machine only (127.0.0.1, [::1], localhost): use tls://")
)

// MaxEntry bounds an entry with its headers, in bytes.
const MaxEntry = 64 << 10

// Defaults and bounds of [Options].
const (
	DefaultName     = "parley"
	DefaultReplicas = 3
	DefaultPending  = 1024
	MaxTimeout      = 5 * time.Second
)

// Options say which stream, and how it is reached.
type Options struct {
	Servers  string        // comma-separated tls:// or nats:// URLs; the latter to loopback only, and without a user or password inside; others that the servers tell of are not used
	Creds    string        // credentials file; refused where others than its owner may read it
	CA       string        // PEM file; the system's roots where empty
	Name     string        // of the stream; "" is [DefaultName]
	Replicas int           // 1, 3 or 5: the stream's when it is made; one with fewer is refused. 0 is [DefaultReplicas]
	Find     bool          // never make one: where there is none, Open fails with ErrNoStream
	First    uint64        // when it is made: no entry gets a sequence as low as this
	Wait     time.Duration // how long Open waits for a server and a leader; 0: for ever, telling the log every few seconds
	Pending  int           // appends without an acknowledgement at once; 0 is [DefaultPending]
	Timeout  time.Duration // of an append's acknowledgement; [MaxTimeout] at the most, and where it is 0
	Log      *slog.Logger  // nil: nothing is told
}

// Stream is safe for use by many goroutines. It owns the connection, the
// goroutine that watches the leader, and the one that answers appends; Close
// waits for both.
type Stream struct {
	o        Options
	nc       *nats.Conn
	log      *slog.Logger
	identity string
	mark     uint64 // sequence of the first entry
	ends     context.CancelFunc
	done     context.Context
	working  sync.WaitGroup
	closing  sync.Once
	appends  appends
	answered atomic.Int64 // Unix nanoseconds of when the leader was last heard
	latest   atomic.Pointer[observation]
	missing  atomic.Bool // when last asked, NATS knew of no such stream
	awake    chan struct{}
}

// Open connects, and makes the stream where there is none. Two that make it at
// once agree on one. It waits as Options.Wait says, but not for what waiting
// does not mend: options, credentials, a server too old, another stream of that name.
func Open(ctx context.Context, o Options) (*Stream, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Stream{o: o, log: o.Log, awake: make(chan struct{}, 1)}
	s.done, s.ends = context.WithCancel(context.Background())
	s.appends.init(s, o.Pending)
	options, err := s.natsOptions()
	if err != nil {
		return nil, err
	}
	if o.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Wait)
		defer cancel()
	}
	err = s.patiently(ctx, func() (err error) {
		if s.nc == nil {
			if s.nc, err = connect(o.Servers, options); err == nil {
				s.working.Go(s.watch)
			}
		}
		if err == nil {
			err = s.establish(ctx)
		}
		return err
	})
	if err == nil {
		err = s.appends.listen()
	}
	if err != nil {
		s.ends()
		s.working.Wait()
		if s.nc != nil {
			s.nc.Close()
		}
		return nil, err
	}
	s.answered.Store(time.Now().UnixNano())
	s.working.Go(s.appends.answer)
	return s, nil
}

// Close lets appends be answered, for Options.Timeout at the most, and waits
// for the stream's goroutines. Appends after it are ErrUnavailable.
func (s *Stream) Close() error {
	s.closing.Do(func() {
		s.appends.drain()
		s.ends()
		s.working.Wait()
		s.nc.Close()
	})
	return nil
}

// Conn is the connection, for messages beside the log. It is the stream's: Close ends it.
func (s *Stream) Conn() *nats.Conn { return s.nc }

// Name is the stream's, with which all of its subjects begin.
func (s *Stream) Name() string { return s.o.Name }

// Identity was given when the stream was made, and tells it from another of the same name.
func (s *Stream) Identity() string { return s.identity }

// LastHeard is the sequence of the stream's last entry as its leader told it last, a second ago or so while it is reachable.
func (s *Stream) LastHeard() uint64 {
	if latest := s.latest.Load(); latest != nil {
		return latest.State.LastSeq
	}
	return 0
}

// Reachable says whether the stream's leader answers, as of the last two seconds or so.
func (s *Stream) Reachable() bool {
	return s.nc.IsConnected() && time.Since(time.Unix(0, s.answered.Load())) < probeEvery+probeTimeout+probeEvery/2
}
