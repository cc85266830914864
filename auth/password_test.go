package auth

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// What bcrypt alone gets wrong: each pair is of two passwords that it takes for one.
func TestPreparedPasswordsDiffer(t *testing.T) {
	long := strings.Repeat("x", 72)
	many := strings.Repeat("ä", 36) // 72 bytes
	for _, pair := range [][2]Secret{
		{Secret(long), Secret(long + "y")},
		{Secret(long + "1"), Secret(long + "2")},
		{Secret(many), Secret(many + "ö")},
		{"a", "a\x00a"},
		{"a\x00a", "a\x00a\x00a"},
		{"", "\x00"},
	} {
		hash, err := hashPassword(pair[0], MinCost)
		if err != nil {
			t.Fatalf("%q: %v", string(pair[0]), err)
		}
		if !matches(hash, pair[0]) {
			t.Errorf("%q does not match its own hash", string(pair[0]))
		}
		if matches(hash, pair[1]) {
			t.Errorf("%q matches the hash of %q", string(pair[1]), string(pair[0]))
		}
	}
	if prepared := prepare(Secret(strings.Repeat("x", 4000))); len(prepared) != 44 || bytes.IndexByte(prepared, 0) >= 0 {
		t.Errorf("prepared: %d bytes, %q", len(prepared), prepared)
	}
}

// The form kept is a promise to data that exists already.
func TestPreparedFormIsStable(t *testing.T) {
	const kept = "p1:$2a$04$nNLLkELNKMJpXTL9SwSb/u4QobM73h/LHD0NpJ00I82OGFPjBZWxS"
	if got := string(prepare("a long enough phrase")); got != "Wt4rak88XoKjEqAuqaeyCy/M+vfCxFnMnQqdGRfpPiI=" {
		t.Errorf("prepared: %s", got)
	}
	if !matches([]byte(kept), "a long enough phrase") {
		t.Error("a hash of the first release does not match any more")
	}
}

func TestImportedHash(t *testing.T) {
	within := strings.Repeat("x", 72)
	hash, err := bcrypt.GenerateFromPassword([]byte(within), MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password string
		want     bool
	}{
		{within, true},
		{within + "beyond what bcrypt saw", true},
		{within[:71], false},
		{within[:71] + "y", false},
		{within + "\x00", false},
	} {
		if got := matches(hash, Secret(c.password)); got != c.want {
			t.Errorf("%q: %v, want %v", c.password, got, c.want)
		}
	}
	short, err := bcrypt.GenerateFromPassword([]byte("a"), MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if matches(short, "a\x00a") || !matches(short, "a") {
		t.Error(`an imported hash of "a" must match "a" and not "a NUL a"`)
	}
	// The prepared form of a password is no password of the imported one.
	raw, err := bcrypt.GenerateFromPassword(prepare("a"), MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if matches(raw, "a") {
		t.Error("an imported hash was compared as a prepared one")
	}
}

func TestHashCost(t *testing.T) {
	five, err := bcrypt.GenerateFromPassword([]byte("x"), 5)
	if err != nil {
		t.Fatal(err)
	}
	dear := bytes.Replace(five, []byte("$05$"), []byte("$17$"), 1)
	for _, c := range []struct {
		hash  string
		cost  int
		stale bool // at live cost 5
	}{
		{"p1:" + string(five), 5, false},
		{string(five), 5, true},
		{"p1:" + string(dear), 0, true},
		{string(dear), 0, true},
		{"", 0, true},
		{"p1:", 0, true},
		{"p2:" + string(five), 0, true},
		{"$1$x", 0, true},
		{"plain text, by mistake", 0, true},
	} {
		if got := hashCost([]byte(c.hash)); got != c.cost {
			t.Errorf("%q: cost %d, want %d", c.hash, got, c.cost)
		}
		if got := stale([]byte(c.hash), 5); got != c.stale {
			t.Errorf("%q: stale %v, want %v", c.hash, got, c.stale)
		}
	}
}
