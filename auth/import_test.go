package auth_test

import (
	"strings"
	"testing"

	"parley/auth"
	"parley/auth/authtest"
)

func TestImport(t *testing.T) {
	s := open(t, authtest.NewStore(), auth.Options{}) // has bob
	hash := string(plainHash(t, good, 4))
	for _, revision := range []string{"2a", "2b", "2y"} {
		name := "from-" + revision
		want(t, s.Import(t.Context(), name, "$"+revision+hash[3:]), nil)
		_, err := s.SignIn(t.Context(), name, good, home)
		want(t, err, nil)
		_, err = s.SignIn(t.Context(), name, wrong, home)
		want(t, err, auth.ErrDenied)
	}
	want(t, s.Import(t.Context(), "from-2a", hash), auth.ErrTaken)
	want(t, s.Import(t.Context(), "bob", hash), auth.ErrTaken)
	want(t, s.Import(t.Context(), "Ann", hash), auth.ErrName)
	want(t, s.Import(t.Context(), "~ann", hash), auth.ErrName)
	for _, bad := range []string{
		"", "x", string(good), hash[:59], hash + "a", "$2x" + hash[3:], "$1$" + hash[3:], "p1:" + hash, "p1:" + hash[:57],
		hash[:4] + "03" + hash[6:], hash[:4] + "17" + hash[6:], hash[:4] + "31" + hash[6:], hash[:4] + "xx" + hash[6:],
		hash[:3] + "." + hash[4:], hash[:6] + "." + hash[7:], hash[:59] + "!", hash[:59] + "\n", strings.Repeat("$2a$", 15),
	} {
		want(t, s.Import(t.Context(), "ann", bad), auth.ErrHash)
	}
	want(t, s.Import(t.Context(), "ann", hash), nil)
}
