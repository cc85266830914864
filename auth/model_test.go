package auth_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"parley/auth"
	"parley/auth/authtest"
)

// TestTokenRules plays clients, thieves, lost connections, sign-outs, new passwords and
// time against a model that states the rules as plainly as it can: what is
// known of each token, and which sessions live.
func TestTokenRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			m := &model{store: authtest.NewStore(), live: map[string]bool{}, heard: map[string]bool{}}
			var err error
			if m.service, err = auth.New(t.Context(), m.store, auth.Options{Cost: auth.MinCost}); err != nil {
				rt.Fatal(err)
			}
			defer m.service.Close()
			// No password is compared here: the rules of tokens are at stake, and bcrypt is slow.
			if _, err := m.store.Change(t.Context(), auth.Change{Account: auth.Account{Name: "bob", Hash: []byte("x")}}); err != nil {
				rt.Fatal(err)
			}
			rt.Repeat(map[string]func(*rapid.T){
				"sign in": m.signIn,
				"resume":  m.resume,
				"lose":    m.lose,
				"speak":   m.speak,
				"exit":    m.exit,
				"renew":   m.renew,
				"wait":    m.wait,
				"":        m.check,
			})
		})
	})
}

// noDeadline hides t.Deadline, which a bubble does not allow.
type noDeadline struct{ rapid.TB }

// given is what the model knows about one token.
type given struct {
	text    auth.Secret
	family  int
	session string // it was given to
	opened  string // the session that it opened last, if any
	used    bool   // that session's own token was used
	dropped bool
	expires time.Time
}

type model struct {
	service  *auth.Service
	store    *authtest.Store
	tokens   []*given // all ever given
	live     map[string]bool
	heard    map[string]bool // sessions that sent a line
	sessions []string        // all ever
	families int
}

func (m *model) session() string {
	s := fmt.Sprint("s", len(m.sessions))
	m.sessions = append(m.sessions, s)
	return s
}

func (m *model) give(text auth.Secret, family int, session string) {
	m.live[session] = true
	m.tokens = append(m.tokens, &given{text: text, family: family, session: session, expires: time.Now().Add(auth.DefaultTokenLife)})
}

// some draws a session that lives, or skips the step.
func (m *model) some(rt *rapid.T) string {
	var alive []string
	for _, s := range m.sessions {
		if m.live[s] {
			alive = append(alive, s)
		}
	}
	if len(alive) == 0 {
		rt.Skip("nobody is in")
	}
	return rapid.SampledFrom(alive).Draw(rt, "session")
}

func (m *model) signIn(rt *rapid.T) {
	session := m.session()
	account, err := m.store.Account(rt.Context(), "bob")
	if err != nil {
		rt.Fatal(err)
	}
	text, err := m.service.Issue(rt.Context(), account, session, "lobby")
	if err != nil {
		rt.Fatal(err)
	}
	m.give(text, m.families, session)
	m.families++
}

// verdict is the rule: let in, refused, or refused with the family's end.
func (m *model) verdict(g *given) (let, ends bool) {
	switch {
	case g.dropped, !time.Now().Before(g.expires):
		return false, false
	case g.opened == "":
		return true, false
	case m.live[g.opened]:
		return false, false
	case m.heard[g.opened], g.used:
		return false, true
	}
	return true, false
}

// resume uses any token that was ever given, as its client would, or its thief.
func (m *model) resume(rt *rapid.T) {
	if len(m.tokens) == 0 {
		rt.Skip("there are no tokens")
	}
	g := m.tokens[rapid.IntRange(0, len(m.tokens)-1).Draw(rt, "token")]
	refused := rapid.IntRange(0, 9).Draw(rt, "full") == 0
	full := errors.New("full")
	let, ends := m.verdict(g)
	session := m.session()
	r, err := m.service.Resume(rt.Context(), "bob", g.text, session,
		func(s string) bool { return m.live[s] },
		func(auth.Account) error {
			if refused {
				return full
			}
			return nil
		})
	if let && refused {
		if err != full {
			rt.Fatalf("admission refused: %v", err)
		}
		return
	}
	if let != (err == nil) || !let && err != auth.ErrDenied {
		rt.Fatalf("token of %s: %v, want it let in: %v", g.session, err, let)
	}
	if ends {
		for _, other := range m.tokens {
			if other.family == g.family {
				other.dropped = true
				m.live[other.session], m.live[other.opened] = false, false
			}
		}
	}
	if !let {
		return
	}
	for _, other := range m.tokens {
		if g.opened != "" && other.session == g.opened && other.opened == "" {
			other.dropped = true // the lost reply's
		}
		if other.opened == g.session {
			other.used = true
		}
	}
	g.opened, g.used = session, false
	m.give(r.Token, g.family, session)
}

// lose ends a session without a word.
func (m *model) lose(rt *rapid.T) { m.live[m.some(rt)] = false }

func (m *model) speak(rt *rapid.T) { m.confirm(rt, m.some(rt)) }

func (m *model) confirm(rt *rapid.T, session string) {
	if err := m.service.Confirm(rt.Context(), session); err != nil {
		rt.Fatal(err)
	}
	m.heard[session] = true
}

func (m *model) exit(rt *rapid.T) {
	session := m.some(rt)
	m.confirm(rt, session)
	if err := m.service.End(rt.Context(), session); err != nil {
		rt.Fatal(err)
	}
	m.live[session] = false
	for _, g := range m.tokens {
		if g.session == session && g.opened == "" {
			g.dropped = true
		}
	}
}

// renew is PASSWD, whose hashing is left out.
func (m *model) renew(rt *rapid.T) {
	session := m.some(rt)
	m.confirm(rt, session)
	a, err := m.store.Account(rt.Context(), "bob")
	if err != nil {
		rt.Fatal(err)
	}
	a.Hash = append(a.Hash, 'x')
	if _, err := m.store.Change(rt.Context(), auth.Change{Account: a, End: true, Except: session}); err != nil {
		rt.Fatal(err)
	}
	for s := range m.live {
		m.live[s] = s == session
	}
	for _, g := range m.tokens {
		g.dropped = g.dropped || g.session != session
	}
}

func (m *model) wait(rt *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(1, 100).Draw(rt, "hours")) * time.Hour)
}

// check holds after every step: of what the store keeps, all is known to the
// model and not dropped, and no session has two tokens that can be used.
func (m *model) check(rt *rapid.T) {
	kept := 0
	for _, g := range m.tokens {
		if !g.dropped {
			kept++
		}
	}
	if got := len(m.store.Tokens()); got != kept {
		rt.Fatalf("%d tokens are kept, want %d", got, kept)
	}
	unspent := map[string]int{}
	for _, tok := range m.store.Tokens() {
		if tok.Opened == "" {
			if unspent[tok.Session]++; unspent[tok.Session] > 1 {
				rt.Fatalf("session %s has two unspent tokens", tok.Session)
			}
		}
	}
}
