package auth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
)

const canary = "canary-in-the-coal-mine"

// shows tells whether text holds the secret, as it is or in hex.
func shows(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret))
}

func TestSecretNeverShows(t *testing.T) {
	type credentials struct {
		Name     string
		Password auth.Secret
		Hidden   *auth.Secret
		Tokens   []auth.Secret
		ByName   map[string]auth.Secret
	}
	secret := auth.Secret(canary)
	values := []any{
		secret, &secret, []auth.Secret{secret}, [1]auth.Secret{secret}, struct{ S any }{secret},
		credentials{"bob", secret, &secret, []auth.Secret{secret}, map[string]auth.Secret{"bob": secret}},
		auth.Resumed{Account: auth.Account{Name: "bob"}, Token: secret},
		fmt.Errorf("wrapped: %v", secret),
	}
	for i, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%10.3s", "%t"} {
			if out := fmt.Sprintf(verb, v); shows(out, canary) || shows(out, canary[:3]) {
				t.Errorf("value %d, %s: %s", i, verb, out)
			}
		}
		var out bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("signing in", "value", v, slog.Group("g", "value", v))
		}
		if shows(out.String(), canary) {
			t.Errorf("value %d, slog: %s", i, out.String())
		}
		if j, _ := json.Marshal(v); shows(string(j), canary) {
			t.Errorf("value %d, json: %s", i, j)
		}
	}
}

// The hash of a password is left out where an account is printed as people do.
func TestAccountHashDoesNotShow(t *testing.T) {
	a := auth.Account{Name: "bob", Hash: []byte(canary)}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("signing in", "account", a)
	}
	fmt.Fprintf(&out, "%v %+v %s", a, a, a)
	if shows(out.String(), canary) || strings.Contains(out.String(), "99 97 110") {
		t.Error(out.String())
	}
}

// Whatever happens to a password or token, neither the log nor an error tells it.
func TestServiceTellsNoSecret(t *testing.T) {
	var log bytes.Buffer
	store := &faulty{Store: authtest.NewStore()}
	s := open(t, store, auth.Options{Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ctx := t.Context()
	var told []error
	tell := func(err error) { told = append(told, err) }

	tell(s.Add(ctx, "eve", canary, false, true))
	tell(newPassword(t, s, "eve", canary, ""))
	tell(s.SetPassword(ctx, "bob", "bob "+canary))
	tell(s.SetPassword(ctx, "bob", canary+"\x00"))
	tell(s.SetPassword(ctx, "bob", canary))
	tell(s.Add(ctx, canary+canary, canary, false, false))
	for range 7 {
		_, err := s.SignIn(ctx, "bob", canary+"x", home)
		tell(err)
		_, err = s.SignIn(ctx, canary+" typed as a name", canary, away)
		tell(err)
	}
	a, err := s.SignIn(ctx, "bob", canary, away)
	tell(err)
	token, err := s.Issue(ctx, a, "s0", "lobby")
	tell(err)
	r, err := s.Resume(ctx, "bob", token, "s1", nobody, anybody)
	tell(err)
	tell(s.Confirm(ctx, "s1"))
	_, err = s.Resume(ctx, "bob", token, "s2", nobody, anybody)
	tell(err)
	setHash(t, store.Store, "bob", plainHash(t, canary, 4))
	store.change = func(auth.Change) error { return errors.New("the disk is full") }
	s.Lift("", "")
	_, err = s.SignIn(ctx, "bob", canary, away)
	tell(err)

	all := log.String() + fmt.Sprintf("%+v", s.Throttled())
	for _, err := range told {
		all += fmt.Sprintf("\n%v %+v %#v", err, err, err)
	}
	for _, secret := range []string{canary, string(token), string(r.Token), "pt1.A"} {
		if shows(all, secret) {
			t.Errorf("%s shows:\n%s", secret, all)
		}
	}
	for _, logged := range []string{"throttled", "family", "renewing"} {
		if !strings.Contains(log.String(), logged) {
			t.Errorf("nothing is logged about %q: the test has lost its grip", logged)
		}
	}
}
