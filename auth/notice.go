package auth

import "net/netip"

// NoticeKind says what a Notice tells.
type NoticeKind uint8

// What services tell each other.
const (
	Failed NoticeKind = iota + 1 // a sign-in failed
	Passed                       // one went well: the failures of the name from the network are forgotten
	Lifted                       // an operator lifted throttles, as by Service.Lift
)

// Notice is what one Service tells the others that sign in to the same accounts, so that their throttles are
// one. It holds no secret, and no name that no account could have: what was typed in place of one may be a password.
type Notice struct {
	Kind    NoticeKind
	Name    string       // empty: no name of an account; of a Lifted one, any
	Network netip.Prefix // see Network; of a Lifted one, invalid for any
}

// Tell has told called with every Notice of this service. It is called in the goroutine of who
// signs in, and so does not block. nil ends it.
func (s *Service) Tell(told func(Notice)) { s.told.Store(&told) }

func (s *Service) tell(kind NoticeKind, w who) {
	if told := s.told.Load(); told != nil && *told != nil {
		(*told)(Notice{Kind: kind, Name: w.name, Network: w.addr})
	}
}

// Note takes what another service told: it counts as if it had happened here. What no service tells is ignored.
func (s *Service) Note(n Notice) {
	w := who{name: n.Name}
	if n.Network.IsValid() {
		w.addr = Network(n.Network.Addr())
	}
	if w.name != "" && !validName(w.name) {
		return
	}
	switch n.Kind {
	case Failed:
		if s.throttle.note(w) {
			s.log.Warn("sign-ins are throttled", "event", "throttle.begin", "account", w.name, "address", show(w.addr))
		}
	case Passed:
		s.throttle.passed(w)
	case Lifted:
		address := ""
		if w.addr.IsValid() {
			address = show(w.addr)
		}
		s.throttle.lift(w.name, address)
	}
}

// note counts a failure elsewhere; see fail.
func (t *throttle) note(w who) bool {
	t.mu.Lock()
	t.pairs.begin(w)
	t.addrs.begin(w.addr)
	t.mu.Unlock()
	return t.fail(w)
}

// passed forgets what pass does, for a try elsewhere.
func (t *throttle) passed(w who) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.clear(w)
}
