package auth_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/auth"
	"parley/auth/authtest"
)

func nobody(string) bool         { return false }
func anybody(auth.Account) error { return nil }

// first signs bob in and returns his first token, given to session s0.
func first(t *testing.T, s *auth.Service) auth.Secret {
	t.Helper()
	token, err := s.Issue(t.Context(), signIn(t, s, "bob", good), "s0", "tea")
	want(t, err, nil)
	return token
}

// resume must succeed.
func resume(t *testing.T, s *auth.Service, token auth.Secret, session string) auth.Secret {
	t.Helper()
	r, err := s.Resume(t.Context(), "bob", token, session, nobody, anybody)
	want(t, err, nil)
	if r.Account.Name != "bob" || r.Room != "tea" || !auth.IsToken(r.Token) || r.Token == token {
		t.Fatalf("resumed: %v, room %q", r.Account, r.Room)
	}
	return r.Token
}

func denied(t *testing.T, s *auth.Service, name string, token auth.Secret, live func(string) bool) {
	t.Helper()
	_, err := s.Resume(t.Context(), name, token, "sx", live, func(auth.Account) error {
		t.Error("admit was asked about who is not let in")
		return nil
	})
	want(t, err, auth.ErrDenied)
}

func TestTokenText(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	seen := map[auth.Secret]bool{}
	a := signIn(t, s, "bob", good)
	for range 100 {
		token, err := s.Issue(t.Context(), a, "s0", "lobby")
		want(t, err, nil)
		if len(token) != 4+43 || !strings.HasPrefix(string(token), "pt1.") || seen[token] {
			t.Fatalf("token %q", string(token))
		}
		seen[token] = true
	}
	for credential, is := range map[auth.Secret]bool{"pt1.": true, "pt1.x": true, "pt1": false, "PT1.x": false, " pt1.x": false, good: false} {
		if auth.IsToken(credential) != is {
			t.Errorf("IsToken(%q) is not %v", string(credential), is)
		}
	}
}

func TestResumeRotates(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	token := first(t, s)
	for i := range 5 {
		token = resume(t, s, token, fmt.Sprint("s", i+1))
	}
}

func TestResumeDenied(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, s *auth.Service, token auth.Secret) (who string, with auth.Secret)
	}{
		{"unknown", func(_ *testing.T, _ *auth.Service, token auth.Secret) (string, auth.Secret) {
			return "bob", token + "x"
		}},
		{"other account", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.Add(t.Context(), "alice", good, false, false), nil)
			return "alice", token
		}},
		{"no account", func(_ *testing.T, _ *auth.Service, token auth.Secret) (string, auth.Secret) { return "nobody", token }},
		{"expired", func(_ *testing.T, _ *auth.Service, token auth.Secret) (string, auth.Secret) {
			time.Sleep(auth.DefaultTokenLife)
			return "bob", token
		}},
		{"disabled", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.Disable(t.Context(), "bob"), nil)
			want(t, s.Enable(t.Context(), "bob"), nil) // it does not come back
			return "bob", token
		}},
		{"removed", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.Remove(t.Context(), "bob"), nil)
			return "bob", token
		}},
		{"ejected", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.EndSessions(t.Context(), "bob", "out"), nil)
			return "bob", token
		}},
		{"new password", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, newPassword(t, s, "bob", fresh, "elsewhere"), nil)
			return "bob", token
		}},
		{"operator's password", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.SetPassword(t.Context(), "bob", fresh), nil)
			return "bob", token
		}},
		{"exit", func(t *testing.T, s *auth.Service, token auth.Secret) (string, auth.Secret) {
			want(t, s.End(t.Context(), "s0"), nil)
			return "bob", token
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, authtest.NewStore(), auth.Options{})
				name, token := c.do(t, s, first(t, s))
				denied(t, s, name, token, nobody)
			})
		})
	}
}

// Tokens whose account changed without ending them: the account's state decides.
func TestResumeLooksAtTheAccount(t *testing.T) {
	for name, change := range map[string]func(*auth.Account){
		"disabled": func(a *auth.Account) { a.Disabled = true },
		"removed":  func(a *auth.Account) { a.Removed = true },
		"invited":  func(a *auth.Account) { a.Invited = true },
	} {
		store := authtest.NewStore()
		s := open(t, store, auth.Options{})
		token := first(t, s)
		a, err := store.Account(t.Context(), "bob")
		want(t, err, nil)
		change(&a)
		putAccount(t, store, a)
		t.Run(name, func(t *testing.T) { denied(t, s, "bob", token, nobody) })
	}
}

func TestTokenLivesSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, authtest.NewStore(), auth.Options{})
		token := first(t, s)
		for i := range 3 { // each successor anew
			time.Sleep(auth.DefaultTokenLife - time.Second)
			token = resume(t, s, token, fmt.Sprint("s", i+1))
		}
	})
}

func TestLostReplyMayBeRepeated(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	token := first(t, s)
	lost := resume(t, s, token, "s1")
	denied(t, s, "bob", token, func(session string) bool { return session == "s1" }) // and nothing ends:
	again := resume(t, s, token, "s2")
	denied(t, s, "bob", lost, nobody)
	resume(t, s, again, "s3")
}

func TestReuseEndsTheFamily(t *testing.T) {
	for name, confirm := range map[string]func(t *testing.T, s *auth.Service, next auth.Secret) auth.Secret{
		"after a line": func(t *testing.T, s *auth.Service, next auth.Secret) auth.Secret {
			want(t, s.Confirm(t.Context(), "s1"), nil)
			return next
		},
		"after its successor's use": func(t *testing.T, s *auth.Service, next auth.Secret) auth.Secret {
			return resume(t, s, next, "s2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			store := authtest.NewStore()
			s := open(t, store, auth.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			other := first(t, s)
			token := first(t, s)
			newest := confirm(t, s, resume(t, s, token, "s1"))
			denied(t, s, "bob", token, func(session string) bool { return session == "s1" })
			if len(store.Ended()) != 0 {
				t.Fatal("a family ended though its session lives")
			}
			denied(t, s, "bob", token, nobody)
			denied(t, s, "bob", newest, nobody)
			ended := store.Ended()
			if len(ended) != 1 || ended[0].Account != "bob" || !strings.Contains(strings.Join(ended[0].Only, " "), "s0 s1") {
				t.Errorf("ended: %+v", ended)
			}
			if out := log.String(); !strings.Contains(out, "account=bob") || !strings.Contains(out, "family=") || strings.Contains(out, "pt1.") {
				t.Errorf("logged: %s", out)
			}
			resume(t, s, other, "t1") // another family
		})
	}
}

func TestAdmitDecidesBeforeSpending(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{})
	token := first(t, s)
	full := errors.New("too many sessions")
	_, err := s.Resume(t.Context(), "bob", token, "s1", nobody, func(a auth.Account) error {
		if a.Name != "bob" {
			t.Errorf("asked about %v", a)
		}
		return full
	})
	if err != full {
		t.Fatalf("error %v, want admit's own", err)
	}
	resume(t, s, token, "s2")
}

// Of many that use one token at once, one wins, whether it was spent before or not.
func TestResumeRace(t *testing.T) {
	for _, before := range []string{"unspent", "spent, its reply lost"} {
		t.Run(before, func(t *testing.T) {
			store := authtest.NewStore()
			s := open(t, store, auth.Options{})
			token := first(t, s)
			if before != "unspent" {
				resume(t, s, token, "lost")
			}
			var sessions sync.Map
			live := func(session string) bool { _, ok := sessions.Load(session); return ok }
			var won atomic.Int32
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range 16 {
				wg.Go(func() {
					session, asked := fmt.Sprint("r", i), 0
					<-start
					_, err := s.Resume(t.Context(), "bob", token, session, live, func(auth.Account) error {
						asked++
						sessions.Store(session, true)
						return nil
					})
					if err == nil {
						won.Add(1)
						return
					}
					sessions.Delete(session)
					if !errors.Is(err, auth.ErrDenied) || asked > 1 {
						t.Errorf("%s: %v, admit asked %d times", session, err, asked)
					}
				})
			}
			close(start)
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%d won, want 1", won.Load())
			}
			if len(store.Ended()) != 0 || len(store.Tokens()) != 2 {
				t.Errorf("ended %v, %d tokens are kept, want none and 2", store.Ended(), len(store.Tokens()))
			}
		})
	}
}

// A confirmation that comes between reading and spending is seen.
func TestResumeDecidesAgain(t *testing.T) {
	store := &faulty{Store: authtest.NewStore()}
	s := open(t, store, auth.Options{})
	token := first(t, s)
	resume(t, s, token, "s1")
	asked := 0
	store.spend = func(auth.Token) error {
		store.spend = nil
		return store.ConfirmSession(t.Context(), "s1")
	}
	_, err := s.Resume(t.Context(), "bob", token, "s2", nobody, func(auth.Account) error { asked++; return nil })
	want(t, err, auth.ErrDenied)
	if asked != 1 || len(store.Ended()) != 1 {
		t.Errorf("admit asked %d times, ended %v", asked, store.Ended())
	}
	// Where it is let in all the same, admit is asked no second time.
	token, asked = first(t, s), 0
	store.spend = func(auth.Token) error {
		store.spend = nil
		return auth.ErrConflict
	}
	_, err = s.Resume(t.Context(), "bob", token, "s4", nobody, func(auth.Account) error { asked++; return nil })
	want(t, err, nil)
	if asked != 1 {
		t.Errorf("admit asked %d times", asked)
	}
	// Never for ever.
	token = first(t, s)
	store.spend = func(auth.Token) error { return auth.ErrConflict }
	_, err = s.Resume(t.Context(), "bob", token, "s3", nobody, anybody)
	want(t, err, auth.ErrBusy)
}

// Whatever ends an account's tokens between signing in and the token's issue leaves no way in. Who is let in no
// more is told so; who may be, though what changed was perhaps no more than the form of the hash, tries again.
func TestIssueSeesChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *auth.Service) error
		told   error
	}{
		"new password": {func(t *testing.T, s *auth.Service) error { return newPassword(t, s, "bob", fresh, "other") }, auth.ErrBusy},
		"ejected": {func(t *testing.T, s *auth.Service) error {
			return s.EndSessions(t.Context(), "bob", "out")
		}, auth.ErrBusy},
		"disabled for a while": {func(t *testing.T, s *auth.Service) error {
			return errors.Join(s.Disable(t.Context(), "bob"), s.Enable(t.Context(), "bob"))
		}, auth.ErrBusy},
		"disabled": {func(t *testing.T, s *auth.Service) error { return s.Disable(t.Context(), "bob") }, auth.ErrDenied},
		"removed":  {func(t *testing.T, s *auth.Service) error { return s.Remove(t.Context(), "bob") }, auth.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			store := &faulty{Store: authtest.NewStore()}
			s := open(t, store, auth.Options{})
			a := signIn(t, s, "bob", good)
			store.issued = func(auth.Token) { want(t, c.change(t, s), nil) }
			token, err := s.Issue(t.Context(), a, "s0", "lobby")
			want(t, err, c.told)
			if n := len(store.Tokens()); n != 0 || token != "" {
				t.Errorf("%d tokens are left, and %q was given", n, string(token))
			}
		})
	}
}
