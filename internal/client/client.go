package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"parley/protocol"
)

// Config says whom a [Client] talks to, as whom, and within which bounds. A zero bound is its default.
type Config struct {
	// Dial makes a verified connection, as [Dialer.Dial] does. Required.
	Dial func(context.Context) (net.Conn, error)
	// Avoid is told whose sign-in was refused as busy, or broke off, so that Dial tries another address next, as [Dialer.Avoid] does. nil: nobody is.
	Avoid func(net.Addr)

	User  string
	Guest bool   // sign in without a credential
	Token string // resume token to try first

	// SaveToken keeps the token that the next sign-in needs, "" for none. Called before the old one could fail. nil keeps it in memory alone.
	SaveToken func(token string) error
	// Password asks for the password, during Connect alone, once it is needed; refused is the server's no to the one before, or nil.
	// Its error ends Connect. nil: there is none.
	Password func(ctx context.Context, refused error) (string, error)
	// NewPassword asks an invited account for its own password, during Connect alone. nil: such an account can't sign in.
	NewPassword func(ctx context.Context, refused error) (string, error)

	// OnUpdate is told what happens, one update at a time, in order. While it runs nothing is read: it may block for as long
	// as it must, and what the server then drops is fetched later. It must not call the Client, but for Seen. Required.
	OnUpdate func(Update)
	// Follow limits what OnUpdate is told to the events of some rooms and conversations. nil: all.
	Follow func(room string) bool
	// After is where the history of a room is taken up, exclusively. Other rooms begin with what is said from now on, and
	// where at most Unread messages of others have not been read there, with these; an Update of the state Unread tells of rooms with
	// more. 0: neither.
	After  map[string]int64
	Unread int
	// Whole tells, among these, also what the account itself said and what is gone, so that no message between them is missing.
	Whole bool

	FirstTries int // of connecting before Connect gives up; 3
	// GiveUp is how long the client may be without a connection that is up to date, and a message without an answer since it was
	// first sent, before the client ends with a *LostError; and how long a message may be refused as busy before that is told. It
	// also bounds Session.ReplyTimeout. The time that OnUpdate takes does not count. 0 is never.
	GiveUp       time.Duration
	MessageRate  float64 // messages a second that Post keeps to; 10
	MessageBurst int     // and may send at once; 40
	Queue        int     // posts that wait; 256
	// SeenEvery is how often at most the server is told of a room that Seen was called for; 2 s.
	SeenEvery time.Duration
	Session   Options
}

// Update is one thing that happened: an event, or a change of the connection.
type Update struct {
	Event  protocol.Event // Command is empty for a change of the connection
	State  State
	Past   bool          // Event: history tells it, since it was missed
	Missed int           // Online: messages that were missed and told since the connection was lost
	Wait   time.Duration // Lost, Waiting: until the next try
	Err    error         // Lost, Waiting, Held, Warning: why
	Room   Room          // Unread, Rewound
}

// State is what an Update tells of the connection.
type State int

// The states of an Update.
const (
	Event     State = iota // nothing: the update is an event
	Online                 // signed in, and all that was missed has been told
	Connected              // signed in; what was missed is being fetched
	Lost                   // the connection ended; it is tried again
	Waiting                // a try failed, or must wait
	Held                   // the server can't keep a message now (Err): it is sent again, and those behind it wait. Err is nil: none waits for that any more
	Warning                // something that does not stop anything, such as a token that could not be kept
	Rewound                // a room has less than was told: the server goes on from older data, and what it has now is told anew
	Unread                 // at first: a room has more unread messages than Config.Unread, and they are not told
)

// ErrOffline: there is no connection at the moment.
var ErrOffline = errors.New("there is no connection at the moment")

// NewKey returns a key for SEND: 128 random bits.
func NewKey() string { return rand.Text() }

// Client is a conversation with a server over connections that come and go. What is posted is said once: it is sent again with its
// key until the server acknowledges it. What is said in the account's rooms is told once and, within each room, in order.
//
// Its goroutines: one of its own, which connects, signs in, catches up and sends; and the reading goroutine of the present [Session].
type Client struct {
	cfg     Config
	ctx     context.Context // ended by Close
	cancel  context.CancelFunc
	done    chan struct{} // closed when the client's own goroutine has ended
	err     error         // why; set before done is closed
	queue   chan *Post
	hurry   chan struct{} // holds one wish to try now
	leaving atomic.Bool   // Quit was called: the end of the session is no loss

	telling sync.Mutex   // one OnUpdate at a time
	told    atomic.Int64 // the nanoseconds that OnUpdate has taken; see clock

	mu       sync.Mutex
	session  *Session  // nil while there is no connection
	signedIn SignedIn  // to the last session
	password string    // once it is known to be right, or to be tried
	provenAt time.Time // when the last session was begun by password; zero where it was not

	// Of Connect, and then of the client's own goroutine.
	limit    *rate.Limiter
	backoff  backoff
	lostAt   time.Time // by clock: since when there is no connection that is up to date; zero while there is one
	online   bool      // Connect succeeded: nobody is asked for anything any more
	inflight *Post     // sent, or about to be, and not settled
	token    string
	doubtful bool // nobody knows whether a HELLO with this token took effect
	denials  int  // of a doubtful token

	progress progress // of the reading goroutine; between sessions, of the client's own
	shown    shown
}

// Connect signs in and returns the client that keeps the connection up until [Client.Close]. ctx bounds Connect alone.
// Its errors: a *tlsutil.TrustError, a *SignInError, those of Config.Password, or a *LostError when no connection could be made.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	cfg.FirstTries = cmp.Or(cfg.FirstTries, 3)
	cfg.MessageRate = cmp.Or(cfg.MessageRate, 10)
	cfg.MessageBurst = cmp.Or(cfg.MessageBurst, 40)
	cfg.Queue = cmp.Or(cfg.Queue, 256)
	cfg.SeenEvery = cmp.Or(cfg.SeenEvery, 2*time.Second)
	if cfg.GiveUp > 0 {
		cfg.Session.ReplyTimeout = min(cfg.Session.withDefaults().ReplyTimeout, cfg.GiveUp)
	}
	if cfg.Follow == nil {
		cfg.Follow = func(string) bool { return true }
	}
	self := cfg.User
	if cfg.Guest {
		self = protocol.GuestMark + cfg.User
	}
	c := &Client{
		cfg:      cfg,
		done:     make(chan struct{}),
		queue:    make(chan *Post, cfg.Queue),
		hurry:    make(chan struct{}, 1),
		limit:    rate.NewLimiter(rate.Limit(cfg.MessageRate), cfg.MessageBurst),
		token:    cfg.Token,
		lostAt:   time.Now(),
		progress: newProgress(self, cfg.Unread, cfg.After),
		shown:    shown{pending: map[string]int64{}, known: map[string]int64{}, noted: make(chan struct{}, 1)},
	}
	c.progress.whole = cfg.Whole
	c.cfg.Session.OnEvent = c.onEvent
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	session, err := c.establish(ctx, 0)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.online = true
	go c.run(session)
	return c, nil
}

// Session is the present connection, or ErrOffline.
func (c *Client) Session() (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil, ErrOffline
	}
	return c.session, nil
}

// TryNow cuts short the wait for the next try to connect, where there is one that the server did not ask for.
func (c *Client) TryNow() {
	select {
	case c.hurry <- struct{}{}:
	default: // it is wished already
	}
}

// Done is closed when the client has given up, or was closed.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the client ended, nil after Close; only to be asked after Done.
func (c *Client) Err() error { return c.err }

// Close ends the connection without EXIT, so that the token stays good, and waits for the client's goroutines. What Seen has noted is
// told before, where that takes no more than a moment.
func (c *Client) Close() {
	wait := c.tellShownAtLast(c.ctx)
	c.cancel()
	<-c.done
	wait()
}

// Quit signs out: EXIT ends the session and its token. Then it closes. Where ctx ends first, or there is no connection, it closes all
// the same; the token is forgotten here in any case.
func (c *Client) Quit(ctx context.Context) error {
	wait := c.tellShownAtLast(ctx)
	defer wait()
	c.leaving.Store(true)
	session, err := c.Session()
	if err == nil {
		_, err = session.Do(ctx, "EXIT", "")
	}
	c.Close()
	return errors.Join(err, c.keepToken(""))
}

// run is the client's own goroutine: it serves one session after the other.
func (c *Client) run(s *Session) {
	defer close(c.done)
	c.lostAt = c.clock()
	for {
		began := time.Now()
		err := c.serve(s)
		c.shown.setOpen(false)
		c.mu.Lock()
		c.session = nil
		c.mu.Unlock()
		s.Close()
		// What the server said before it broke the protocol counts.
		if broken := (*MisbehaviorError)(nil); s.bye != nil && errors.As(err, &broken) {
			err = s.bye
		}
		if c.ctx.Err() != nil || c.leaving.Load() {
			return
		}
		if bye := (*ByeError)(nil); errors.As(err, &bye) && bye.Code == protocol.ByeEjected {
			c.err = bye
			return
		}
		if c.lostAt.IsZero() {
			c.lostAt = c.clock()
		}
		c.backoff.survived(time.Since(began))
		wait := c.backoff.next()
		if c.overdue(wait) {
			c.err = asLost(err)
			return
		}
		c.tell(Update{State: Lost, Err: err, Wait: wait})
		if s, err = c.establish(c.ctx, wait); err != nil {
			if c.ctx.Err() == nil {
				c.err = err
			}
			return
		}
	}
}

// serve brings a session up to date and then sends what is posted, until the session or the client ends.
func (c *Client) serve(s *Session) error {
	defer context.AfterFunc(c.ctx, s.Close)()
	// A line straight after HELLO tells the server that its reply, with the next token in it, has arrived.
	if _, err := s.Do(c.ctx, "PING", ""); err != nil {
		return err
	}
	// First of all, so that history does not show as somebody else's what was sent from here.
	if c.inflight != nil {
		if err := c.deliver(s, c.inflight); err != nil {
			return err
		}
	}
	c.tell(Update{State: Connected})
	missed, err := c.catchUp(s)
	if err != nil {
		return err
	}
	c.lostAt = time.Time{}
	c.shown.setOpen(true)
	c.tell(Update{State: Online, Missed: missed})
	for due := (<-chan time.Time)(nil); ; {
		select {
		case <-c.shown.noted:
			if due == nil {
				due = time.After(c.cfg.SeenEvery)
			}
		case <-due:
			due = nil
			if err := c.tellShown(c.ctx, s, seenAtOnce); err != nil {
				return err
			}
			c.shown.more()
		case c.inflight = <-c.queue:
			if err := c.deliver(s, c.inflight); err != nil {
				return err
			}
		case <-s.Done():
			return s.Err()
		}
	}
}

// SignedIn is what the server told at the last sign-in.
func (c *Client) SignedIn() SignedIn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signedIn
}

func (c *Client) tell(u Update) {
	c.telling.Lock()
	defer c.telling.Unlock()
	began := time.Now()
	c.cfg.OnUpdate(u)
	c.told.Add(int64(time.Since(began)))
}

// clock is the time without what OnUpdate has taken of it: the server can't be blamed for that.
func (c *Client) clock() time.Time { return time.Now().Add(-time.Duration(c.told.Load())) }

// overdue tells whether GiveUp will have passed after wait, for the connection or for the message in flight.
func (c *Client) overdue(wait time.Duration) bool {
	late := func(since time.Time) bool {
		return c.cfg.GiveUp > 0 && !since.IsZero() && c.clock().Sub(since)+wait > c.cfg.GiveUp
	}
	return late(c.lostAt) || c.inflight != nil && late(c.inflight.begun)
}

// pause waits, unless the session ends first.
func pause(s *Session, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.Done():
		return s.Err()
	}
}
