package auth_test

import (
	_ "embed"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/auth"
)

//go:embed testdata/passwords.txt
var corpus string

func TestPasswordCorpus(t *testing.T) {
	for i, line := range strings.Split(corpus, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, "\t", 3)
		if len(f) != 3 {
			t.Fatalf("line %d: %q", i+1, line)
		}
		password := f[2]
		if password[0] == '"' {
			var err error
			if password, err = strconv.Unquote(password); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		}
		err := auth.Rules{}.CheckPassword(f[1], auth.Secret(password))
		if got := map[bool]string{true: "ok", false: "weak"}[err == nil]; got != f[0] {
			t.Errorf("line %d: %q for %s is %s (%v), want %s", i+1, password, f[1], got, err, f[0])
		}
		checkWeakError(t, err, password)
		if err != nil && len(password) >= 12 && strings.Contains(err.Error(), password) {
			t.Errorf("line %d: the error tells the password: %v", i+1, err)
		}
	}
}

// checkWeakError: whatever is wrong is told as a *WeakError.
func checkWeakError(t *testing.T, err error, password string) {
	t.Helper()
	var weak *auth.WeakError
	if err != nil && (!errors.As(err, &weak) || weak.Why == "") {
		t.Errorf("%q: error %v, want a *WeakError", password, err)
	}
}

func TestPasswordLength(t *testing.T) {
	words := strings.Repeat("an orange bicycle, ", 400)
	for _, c := range []struct {
		min, bytes int
		ok         bool
	}{
		{0, 14, false}, {0, 15, true}, {20, 19, false}, {20, 20, true}, {8, 8, true},
		{0, 64, true}, {0, 1000, true}, {0, auth.PasswordMaxBytes, true}, {0, auth.PasswordMaxBytes + 1, false},
	} {
		password := "vQ8-" + words[:c.bytes-4]
		if err := (auth.Rules{Min: c.min}).CheckPassword("bob", auth.Secret(password)); (err == nil) != c.ok {
			t.Errorf("min %d, %d bytes: %v, want ok %v", c.min, c.bytes, err, c.ok)
		}
	}
}

func TestRandomPasswordsPass(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, alphabet := range []string{"abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"} {
		for range 60 {
			p := make([]byte, 20)
			for i := range p {
				p[i] = alphabet[rnd.IntN(len(alphabet))]
			}
			if err := (auth.Rules{}).CheckPassword("bob", auth.Secret(p)); err != nil {
				t.Errorf("%s: %v", p, err)
			}
		}
	}
}

// A signed-in person can make the server judge whatever fits a line. The bound is
// a thousand times what it takes, and a hundredth of what it took with the
// library's look-alike matcher, which does not end.
func TestJudgingIsBounded(t *testing.T) {
	for _, p := range []string{
		strings.Repeat("4@8({[<63911!|1705$+7%2", 100),
		strings.Repeat("1", auth.PasswordMaxBytes),
		strings.Repeat("19112011-", 400),
		strings.Repeat("qazwsxedcrfvtgbyhnujmikolp", 100),
	} {
		p = p[:min(len(p), auth.PasswordMaxBytes-1)] + "x"
		began := time.Now()
		_ = auth.Rules{}.CheckPassword("bob", auth.Secret(p))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%.20s…: judging took %v", p, took)
		}
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("bob", "a long enough phrase")
	f.Add("", "İİİİİİİİİİİİİİİİpassword")
	f.Add("bob", "4@8({[<63911!|1705$+7%2")
	f.Add("x\xff", "\xff\xfe\x00 bytes that are no text")
	f.Fuzz(func(t *testing.T, name, password string) {
		err := auth.Rules{}.CheckPassword(name, auth.Secret(password))
		checkWeakError(t, err, password)
		if err == nil && (!utf8.ValidString(password) || utf8.RuneCountInString(password) < auth.DefaultPasswordMin ||
			len(name) >= 3 && strings.Contains(password, name)) {
			t.Errorf("%q passes for %q", password, name)
		}
	})
}
