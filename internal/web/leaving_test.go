package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
)

const said = `document.getElementById('signin-wrong').textContent`

// types types into the message box, without Enter.
func (p *tab) types(text string) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.SendKeys(chromedp.CSS("#text"), text))
}

// TestPageDrafts: what was begun is there again after a reload and after a session that was ended, each in its room; signing out forgets it.
func TestPageDrafts(t *testing.T) {
	s, b := start(t)
	s.User("carol", "--admin")
	s.SignIn("alice").Do("JOIN|garden")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.types("begun in the lobby")
	alice.click(`a[href="#garden"]`)
	alice.isIn("garden")
	alice.await(`document.getElementById('text').value === ''`)
	alice.types("begun in the garden")
	has := func(room, text string) {
		t.Helper()
		alice.click(`a[href="#` + room + `"]`)
		alice.isIn(room)
		alice.await(`document.getElementById('text').value === %s`, text)
	}
	do(t, alice.ctx, chromedp.Reload())
	alice.isOnline()
	has("lobby", "begun in the lobby")
	has("garden", "begun in the garden")
	s.SignIn("carol").Do("EJECT|alice|come back")
	alice.await(said + ` === 'You were signed out: come back.'`)
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	has("garden", "begun in the garden")
	has("lobby", "begun in the lobby")
	alice.choose("#my-menu", "Sign out")
	alice.isSignedOut()
	if kept := js[string](alice, `JSON.stringify({ ...localStorage, ...sessionStorage })`); strings.Contains(kept, "begun") {
		t.Errorf("after signing out the browser keeps %s", kept)
	}
	alice.isClean()
}

// TestPageSignOutOffline: who signs out while the server is away is told that it does not know; when it is back it is told, and the token is
// good for nothing.
func TestPageSignOutOffline(t *testing.T) {
	s, b := start(t)
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	token := js[string](alice, `JSON.parse(sessionStorage.getItem('parley.tab')).token`)
	s.Kill()
	alice.await(`!document.getElementById('banner').hidden`)
	alice.choose("#my-menu", "Sign out")
	alice.await(`document.querySelector('#dialog[open]')?.textContent.includes('There is no connection')`)
	alice.yes()
	alice.await(said + `.includes('it does not know')`)
	if kept := js[string](alice, `JSON.stringify({ ...localStorage, ...sessionStorage })`); strings.Contains(kept, "pt1.") {
		t.Errorf("after signing out the browser keeps %s", kept)
	}
	s.Launch()
	alice.await(said + ` === 'The server knows now that you are signed out.'`)
	if reply := s.Dial().Do("HELLO|alice|" + token); !strings.HasPrefix(reply, "ERROR|denied|") {
		t.Errorf("the token is answered %s", reply)
	}
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	alice.isClean()
}

// TestPageSignOutElsewhere: a tab that another one signs out says what was not sent from it.
func TestPageSignOutElsewhere(t *testing.T) {
	s, b := start(t)
	alice := b.person()
	alice.await(`!document.getElementById('signin').hidden`)
	alice.click("#signin-stay")
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	second, third := alice.again(), alice.again()
	second.isOnline()
	third.isOnline()
	s.Kill()
	third.await(`!document.getElementById('banner').hidden`)
	second.enter("text", "waits <b>here</b>")
	second.await(`document.querySelector('.message.pending') !== null`)
	second.types("only begun")
	alice.await(`!document.getElementById('banner').hidden`)
	alice.choose("#my-menu", "Sign out")
	alice.yes()
	second.await(said + `.includes('not sent from here')`)
	third.await(said + ` === 'You are signed out.'`)
	const listed = `[...document.querySelectorAll('#signin-unsaid-list p')].map((p) => p.textContent).join('; ')`
	if got := js[string](second, listed); got != "waits <b>here</b>; only begun" {
		t.Errorf("not sent: %q", got)
	}
	second.click("#signin-forget")
	second.await(`document.getElementById('signin-unsaid').hidden && ` + listed + ` === ''`)
	s.Launch()
	alice.await(said + ` === 'The server knows now that you are signed out.'`)
	second.isClean()
}

// TestPageOldPost: what was sent and not answered a day ago is not sent again by itself, but is there to be sent or not.
func TestPageOldPost(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	js[bool](alice, `(sessionStorage.setItem('parley.posts', JSON.stringify({ self: 'alice', posts: [
		{ target: 'lobby', text: 'from yesterday', key: 'a', tried: true, at: Date.now() - 23 * 3600_000 },
		{ target: 'lobby', text: 'from today', key: 'b', tried: true, at: Date.now() - 3600_000 },
	] })), true)`)
	for range 2 {
		do(t, alice.ctx, chromedp.Reload())
		alice.isOnline()
		alice.await(`document.querySelector('.message.failed')?.textContent.includes('may have been said') && document.querySelector('.message.pending') === null`)
	}
	bob.Await("|lobby|alice|from today")
	alice.click(`[data-act="edit"]`)
	alice.await(`document.getElementById('text').value === 'from yesterday' && document.querySelector('.message.failed') === null`)
	alice.enter("text", " after all")
	bob.Await("|lobby|alice|from yesterday after all")
	alice.isClean()
}

// TestPageAsked: what a server says as it refuses somebody can't turn the page's text around; where it asks to wait, the banner says so and
// does not offer what would do nothing.
func TestPageAsked(t *testing.T) {
	_, b := start(t)
	alice := b.person()
	alice.await(`!document.getElementById('signin').hidden`)
	js[bool](alice, `(() => {
		window.WebSocket = class {
			constructor() { setTimeout(() => this.onopen({})) }
			send(line) {
				const [command] = line.split('|')
				let reply = { LIST: 'OK|lobby:0:0:0', HELLO: 'OK|session|pt1.x|lobby', HISTORY: 'OK|0' }[command] ?? 'OK|'
				if (command === 'HELLO' && window.refusal) reply = window.refusal
				if (window.isBusy && command !== 'HELLO') return this.onclose({})
				setTimeout(() => this.onmessage?.({ data: reply }))
			}
			close() {}
		}
		window.refusal = 'ERROR|forbidden|not \u202eyou'
		return true
	})()`)
	alice.signIn("alice", parleytest.Password)
	alice.await(said + ` === 'Not \\u{202e}you.'`)
	js[bool](alice, `(window.refusal = '') === ''`)
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	js[bool](alice, `(window.refusal = 'ERROR|busy|40 seconds to wait: too many', window.isBusy = true)`)
	alice.enter("text", "anybody?")
	alice.await(`document.getElementById('banner-text').textContent.includes('s, as the server asks.') && document.getElementById('try-now').hidden`)
}
