package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
)

// isSignedOut waits until the page has begun anew and asks who is there.
func (p *tab) isSignedOut() {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.WaitVisible(chromedp.CSS("#signin")))
}

// TestPagePassword: who changes the password stays signed in, also where another tab has used the token that they share; signing out then
// leaves nothing in the page.
func TestPagePassword(t *testing.T) {
	const fresh = "seven purple lanterns over water"
	s, b := start(t)
	bob := s.SignIn("bob")
	alice := b.person()
	alice.await(`!document.getElementById('signin').hidden`)
	alice.click("#signin-stay")
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	second := alice.again()
	second.isOnline()
	kept := js[string](alice, `localStorage.getItem('parley.stay.alice')`)
	alice.choose("#my-menu", "Change password")
	do(t, alice.ctx, chromedp.SendKeys(chromedp.CSS("#ask-password"), fresh))
	alice.enter("ask-again", fresh)
	second.await(`document.getElementById('signin-wrong').textContent.startsWith('You were signed out')`)
	alice.await(`localStorage.getItem('parley.stay.alice') !== %s`, kept)
	alice.await(`document.getElementById('ask-password') === null`)
	do(t, alice.ctx, chromedp.Reload())
	alice.isOnline()

	bob.Do("TOPIC|lobby|walruses")
	bob.Do("MSG|a walrus, alice")
	alice.shows("a walrus, alice")
	alice.await(`document.getElementById('topic').textContent === 'walruses'`)
	do(t, alice.ctx, chromedp.SendKeys(chromedp.CSS("#text"), "about the walrus"))
	alice.choose("#my-menu", "Sign out")
	alice.isSignedOut()
	left := js[string](alice, `location.hash + document.documentElement.textContent + [...document.querySelectorAll('input, textarea')].map((e) => e.value).join()`)
	for _, secret := range []string{"walrus", "lobby", fresh} {
		if strings.Contains(left, secret) {
			t.Errorf("after signing out the page has %q in it: %s", secret, left)
		}
	}
	alice.isClean()
}
