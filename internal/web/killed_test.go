package web_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
)

// TestPageKilledAgain: over five kills, with two tabs that share a sign-in and somebody at the line port who all speak, what was acknowledged
// is there once, in the same order everywhere, and the pages' texts are all said.
func TestPageKilledAgain(t *testing.T) {
	s, b := start(t, "--msg-rate", "0")
	alice := b.person()
	js[bool](alice, `(document.getElementById('signin-stay').checked = true)`)
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	other := alice.again()
	do(t, other.ctx, script("const listen = addEventListener; window.addEventListener = (kind, ...rest) => kind !== 'beforeunload' && listen(kind, ...rest)"), chromedp.Reload()) // nobody answers what it asks
	other.isOnline()
	tabs := []*tab{alice, other}
	var said []string
	for kill := range 5 {
		bob := s.SignIn("bob")
		for i := range 8 {
			for n, p := range tabs {
				text := fmt.Sprintf("tab %d, %d.%d", n, kill, i)
				said = append(said, text)
				js[bool](p, `((text) => { const box = document.getElementById('text'); box.value = text; return box.form.dispatchEvent(new Event('submit', { cancelable: true })) || true })(%s)`, text)
			}
			if text := fmt.Sprintf("bob, %d.%d", kill, i); i < 5 && strings.HasPrefix(bob.Do("MSG|"+text), "OK|") {
				said = append(said, text)
			}
		}
		s.Kill()
		s.Launch()
		if kill == 2 {
			do(t, other.ctx, chromedp.Reload())
		}
	}
	for _, p := range tabs {
		p.await(`document.getElementById('connection').textContent === 'connected' && document.querySelector('.message.pending') === null || (document.getElementById('try-now').click(), false)`)
	}
	bob := s.SignIn("bob")
	count, err := strconv.Atoi(strings.TrimPrefix(bob.Do("HISTORY|lobby|after|0|500"), "OK|"))
	if err != nil || count == 0 {
		t.Fatal(count, err)
	}
	var want []string
	for _, line := range bob.Events[len(bob.Events)-count:] {
		want = append(want, strings.SplitN(line, "|", 6)[5])
	}
	for _, text := range said {
		if n := len(slices.DeleteFunc(slices.Clone(want), func(other string) bool { return other != text })); n != 1 {
			t.Errorf("%q was said %d times", text, n)
		}
	}
	for i, p := range tabs {
		p.await(texts+`.at(-1) === %s`, want[len(want)-1])
		// What is further up comes as one scrolls.
		if got := js[[]string](p, texts); len(got) < 20 || !slices.Equal(got, want[max(0, len(want)-len(got)):]) {
			t.Errorf("tab %d shows %q, not %q", i, got, want)
		}
		p.isClean()
	}
}
