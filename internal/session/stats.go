package session

import (
	"maps"
	"sync"

	"parley/protocol"
)

// Stats are what the sessions of a service have done, and what they have. Every key that a map can have is there from the start.
type Stats struct {
	SignIns       map[SignIn]int64
	Refused       map[protocol.Code]int64 // ERROR replies; those that are not known here, as Internal
	Limited       map[string]int64        // lines that a rate refused: messages, commands, bytes
	Ended         map[string]int64        // sessions, by why, as the log says it
	Sessions      int                     // that are under way
	Outbox        int                     // bytes that wait in all outboxes
	LargestOutbox int                     // and in the fullest one
}

// SignIn is what sign-ins are counted by.
type SignIn struct {
	By      string // password, token, guest
	Outcome string // ok, denied, throttled, busy, or failed: the server's own fault
}

// The ways to sign in.
const (
	byPassword = "password"
	byToken    = "token"
	byGuest    = "guest"
)

// How sessions end, beside by a BYE, whose code it is then.
const (
	endExit    = "exit"
	endRefused = "refused" // what came first was no HELLO, but no line at all
	endClosed  = "closed by the peer"
	endLost    = "lost"
)

// rateNames are those of the rates, for people.
var rateNames = [costs]string{command: "commands", message: "messages", bytes: "bytes"}

// counts are guarded by mu. What is counted here happens once a session or is a refusal: nothing of what a message does.
type counts struct {
	mu sync.Mutex
	Stats
}

func newStats() Stats {
	c := Stats{
		SignIns: make(map[SignIn]int64), Refused: make(map[protocol.Code]int64), Limited: make(map[string]int64), Ended: make(map[string]int64),
	}
	for _, by := range []string{byPassword, byToken, byGuest} {
		for _, outcome := range []string{"ok", string(protocol.Denied), string(protocol.Throttled), string(protocol.Busy), "failed"} {
			c.SignIns[SignIn{by, outcome}] = 0
		}
	}
	for _, code := range []protocol.Code{
		protocol.BadFormat, protocol.UnknownCommand, protocol.BadData, protocol.Empty, protocol.TooLong, protocol.BadText, protocol.HelloFirst,
		protocol.AlreadyHello, protocol.Denied, protocol.Throttled, protocol.RateLimited, protocol.NotMember, protocol.NoSuchUser,
		protocol.Forbidden, protocol.WeakPassword, protocol.PasswordChange, protocol.Busy, protocol.Internal,
	} {
		c.Refused[code] = 0
	}
	for _, name := range rateNames[command:] {
		c.Limited[name] = 0
	}
	for _, why := range []string{
		endExit, endRefused, endClosed, endLost, protocol.ByeShutdown, protocol.ByeIdle, protocol.ByeSlow, protocol.ByeFlood,
		protocol.ByeEjected, protocol.ByeLoginTimeout, protocol.ByeTooManyErrors,
	} {
		c.Ended[why] = 0
	}
	return c
}

// signedIn counts a sign-in, and returns its error.
func (c *counts) signedIn(by string, err error) error {
	outcome := "ok"
	if err != nil {
		outcome = string(refusal(err).Code)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := SignIn{by, outcome}
	if _, known := c.SignIns[key]; !known {
		key.Outcome = "failed"
	}
	c.SignIns[key]++
	return err
}

func (c *counts) refuse(code protocol.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.Refused[code]; !known {
		code = protocol.Internal
	}
	c.Refused[code]++
}

func (c *counts) limit(by cost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Limited[rateNames[by]]++
}

func (c *counts) end(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Ended[why]++
}

// Stats counts. It looks at every session, so it is for now and then.
func (s *Service) Stats() Stats {
	s.counts.mu.Lock()
	st := s.counts.Stats
	st.SignIns, st.Refused = maps.Clone(st.SignIns), maps.Clone(st.Refused)
	st.Limited, st.Ended = maps.Clone(st.Limited), maps.Clone(st.Ended)
	s.counts.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		waiting := one.out.bytes()
		st.Outbox += waiting
		st.LargestOutbox = max(st.LargestOutbox, waiting)
	}
	st.Sessions = len(s.sessions)
	return st
}

// bytes is how much waits to be written.
func (o *outbox) bytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting[event] + o.waiting[answer]
}
