package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/internal/parleytest"
)

// hasFocus waits until what has the focus matches a selector.
func (p *tab) hasFocus(selector string) {
	p.t.Helper()
	p.await(`document.activeElement.matches(%s)`, selector)
}

// focus puts the focus on the first element that matches a selector.
func (p *tab) focus(selector string) {
	p.t.Helper()
	p.await(`(document.querySelector(%s)?.focus(), true)`, selector)
	p.hasFocus(selector)
}

// TestPageFocus: whatever has the focus goes away, something that stands for it has the focus, and a message tells what it says.
func TestPageFocus(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	first := strings.TrimPrefix(bob.Do("MSG|take me back"), "OK|")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.shows("take me back")

	alice.focus("#scroller")
	alice.press(kb.ArrowUp, 0)
	alice.hasFocus(".message")
	alice.await(`/^bob .* take me back$/.test(document.activeElement.ariaLabel)`)
	alice.click(".message .more")
	alice.hasFocus("#menu button")
	bob.Do("DELETE|" + first)
	alice.shows("This message was taken back.")
	alice.press(kb.Escape, 0)
	alice.hasFocus("#text")

	second := strings.TrimPrefix(bob.Do("MSG|and me"), "OK|")
	alice.shows("and me")
	alice.focus("#scroller")
	alice.press(kb.ArrowUp, 0)
	bob.Do("DELETE|" + second)
	alice.await(`document.querySelectorAll('.gone').length === 2`)
	alice.hasFocus(".message.gone")

	alice.focus("button.person")
	bob.Do("EXIT|")
	alice.await(`document.getElementById('here-count').textContent === '1'`)
	alice.hasFocus("#text")

	alice.focus("#text")
	alice.press("f", chromedp.ModifierCtrl)
	alice.hasFocus("#find-words")
	alice.press(kb.Escape, 0)
	alice.hasFocus("#text")
	alice.isClean()
}

// TestPageFocusNarrow: where one thing covers another, as on a phone or much enlarged, the focus is with what is to be seen.
func TestPageFocusNarrow(t *testing.T) {
	s, b := start(t)
	s.SignIn("bob").Do("MSG|hello")
	alice := b.person()
	do(t, alice.ctx, chromedp.EmulateViewport(390, 700))
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	alice.await(`document.querySelector('#rooms a') !== null`)
	alice.focus("#rooms a")
	alice.press(kb.Enter, 0)
	alice.shows("hello")
	alice.hasFocus("#text")
	alice.focus("#here")
	alice.press(kb.Enter, 0)
	alice.hasFocus("#aside-close")
	alice.press(kb.Escape, 0)
	alice.await(`document.getElementById('aside').hidden`)
	alice.hasFocus("#here")
	alice.focus("#back")
	alice.press(kb.Enter, 0)
	alice.hasFocus(`a[href="#lobby"]`)
	alice.isClean()
}

// TestPageNotices: what the server says to somebody stays until it is closed, and calls who is elsewhere; other notices pass only while
// somebody could see them.
func TestPageNotices(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	bob.Do("JOIN|cellar")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	js[bool](alice, `(() => {
		window.calls = []
		window.Notification = class {
			static permission = 'granted'
			constructor(title, { body }) { calls.push(title + ': ' + body) }
		}
		document.hasFocus = () => false
		window.tick = []
		const real = setInterval
		window.setInterval = (act, every) => every === 1000 ? tick.push(act) : real(act, every)
		return true
	})()`)
	bob.Do("INVITE|cellar|alice")
	alice.await(toasts + `.includes('bob invites you to the room cellar')`)
	alice.await(`calls.join() === 'parley: bob invites you to the room cellar'`)
	alice.enter("text", "/open cellar")
	alice.await(`document.querySelectorAll('.toast').length === 2`)
	const passes = `(() => { for (let i = 0; i < 60; i++) for (const act of tick) act(); return true })()`
	js[bool](alice, passes)
	alice.await(`document.querySelectorAll('.toast').length === 2`)
	js[bool](alice, `(document.hasFocus = () => true)()`)
	js[bool](alice, passes)
	alice.await(`document.querySelectorAll('.toast').length === 1`)
	alice.await(toasts + `.includes('bob invites you to the room cellar')`)
	alice.focus(".toast button")
	alice.press(kb.Enter, 0)
	alice.await(toasts + ` === ''`)
	alice.hasFocus("#text")
	alice.isClean()
}
