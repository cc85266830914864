package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/internal/parleytest"
)

// choose opens a menu and takes the entry that begins so.
func (p *tab) choose(button, entry string) {
	p.t.Helper()
	p.await(`document.querySelector(%s) !== null`, button)
	js[bool](p, `(document.querySelector(%s).click(), true)`, button)
	p.await(`[...document.querySelectorAll('#menu button')].some((b) => b.textContent.startsWith(%s) && (b.click(), true))`, entry)
}

// press presses a key with a modifier.
func (p *tab) press(key string, modifiers chromedp.Modifier) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers)))
}

// yes says yes in the dialog.
func (p *tab) yes() {
	p.t.Helper()
	p.await(`document.getElementById('dialog').open && (document.querySelector('#dialog .primary').click(), true)`)
}

// isIn waits until a room is on the screen.
func (p *tab) isIn(room string) {
	p.t.Helper()
	p.await(`document.getElementById('room-name').textContent === %s && document.getElementById('beginning').textContent !== 'Loading…'`, room)
}

// TestPageRooms: a private room is made, somebody invited, a topic set, a message taken back, and who is taken out is out.
func TestPageRooms(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	alice.click("#add-room")
	alice.click("#ask-locked")
	alice.enter("ask-room", "cellar")
	alice.isIn("cellar")
	if code := bob.Code("JOIN|cellar"); code != "not-member" {
		t.Errorf("the room is not private: %s", code)
	}
	alice.choose("#room-menu", "Invite")
	alice.enter("ask-user", "bob")
	bob.Await("NOTE|alice invites you to the room cellar")
	bob.Do("JOIN|cellar")
	alice.await(`document.getElementById('here-count').textContent === '2'`)
	alice.choose("#room-menu", "Set the topic")
	alice.enter("ask-topic", "what is | below")
	bob.Await("TOPIC|cellar|alice|what is | below")
	alice.await(`document.getElementById('topic').textContent === 'what is | below'`)

	alice.enter("text", "my password is walrus")
	bob.Await("|cellar|alice|my password is walrus")
	bob.Do("MSG|better take that back")
	alice.shows("better take that back")
	alice.choose(".message.mine .more", "Take back")
	alice.yes()
	bob.Await("|cellar|alice")
	alice.await(texts + `.join() === 'This message was taken back.,better take that back'`)

	second := s.SignIn("alice")
	second.Do("LEAVE|cellar")
	alice.isIn("lobby")
	alice.await(`!document.getElementById('rooms').textContent.includes('cellar')`)
	alice.isClean()
}

// TestPageUnread: what another session has read is not unread here, and what is read here is read there.
func TestPageUnread(t *testing.T) {
	s, b := start(t)
	bob, second := s.SignIn("bob"), s.SignIn("alice")
	bob.Do("JOIN|garden")
	second.Do("JOIN|garden")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	const badge = `document.querySelector('a[href="#garden"] .badge')?.textContent`
	bob.Do("SEND|garden||one")
	id := strings.TrimPrefix(bob.Do("SEND|garden||two, alice"), "OK|")
	bob.Do("SEND|garden||three")
	alice.await(badge + ` === '@1 · 3'`)
	second.Do("SEEN|garden|" + id)
	alice.await(badge + ` === '1'`)
	alice.click(`a[href="#garden"]`)
	alice.shows("three")
	alice.await(`document.getElementById('new-line')?.nextElementSibling.textContent.includes('three')`)
	second.Await("SEEN|garden|")
	alice.await(`document.querySelector('a[href="#garden"] .badge').hidden && document.title === '#garden · parley'`)
	if list := second.Do("LIST|"); !strings.Contains(list, ":0|lobby:") {
		t.Errorf("read here and unread there: %s", list)
	}
	alice.isClean()
}

// TestPageKeys: rooms, search and many lines by keys alone.
func TestPageKeys(t *testing.T) {
	s, b := start(t)
	bob, second := s.SignIn("bob"), s.SignIn("alice")
	for _, room := range []string{"garden", "kitchen"} {
		second.Do("JOIN|" + room)
	}
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.await(`document.querySelectorAll('#rooms a').length === 3`)
	alice.press(kb.ArrowUp, chromedp.ModifierAlt)
	alice.isIn("kitchen")
	alice.press(kb.ArrowDown, chromedp.ModifierAlt)
	alice.isIn("lobby")
	alice.press("k", chromedp.ModifierCtrl)
	alice.enter("ask-words", "gar")
	alice.isIn("garden")
	bob.Do("SEND|lobby||anybody?")
	alice.await(`document.querySelector('a[href="#lobby"] .badge')?.textContent === '1'`)
	alice.press("a", chromedp.ModifierAlt)
	alice.isIn("lobby")
	alice.press("f", chromedp.ModifierCtrl)
	alice.await(`document.activeElement.id === 'find-words'`)
	alice.press(kb.Escape, 0)
	alice.await(`document.getElementById('find-form').hidden`)

	paste := func() {
		js[bool](alice, `(() => {
			const text = document.getElementById('text')
			text.focus()
			text.value = Array.from({ length: 8 }, (_, i) => 'pasted ' + i).join('\n')
			return text.dispatchEvent(new Event('input'))
		})()`)
		alice.click("#send")
		alice.await(`document.getElementById('dialog').open`)
	}
	paste()
	alice.press(kb.Escape, 0)
	alice.await(`!document.getElementById('dialog').open && document.getElementById('text').value.endsWith('pasted 7')`)
	paste()
	alice.yes()
	bob.Await("|lobby|alice|pasted 7")
	alice.await(texts + `.join() === 'anybody?,pasted 0,pasted 1,pasted 2,pasted 3,pasted 4,pasted 5,pasted 6,pasted 7'`)
	alice.isClean()
}

// TestPagePhone: on a narrow screen the rooms come first, and nothing is wider than the screen.
func TestPagePhone(t *testing.T) {
	s, b := start(t)
	s.SignIn("bob").Do("MSG|" + strings.Repeat("a_very_long_word_", 20))
	alice := b.person()
	do(t, alice.ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	fits := func() {
		t.Helper()
		if width := js[int](alice, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); width > 390 {
			t.Errorf("the page is %d pixels wide", width)
		}
	}
	visible := func(id string) {
		t.Helper()
		alice.await(`document.getElementById(%s).getClientRects().length > 0`, id)
	}
	visible("sidebar")
	alice.await(`document.getElementById('room').getClientRects().length === 0`)
	alice.await(`document.querySelector('#rooms .badge')?.textContent === '1'`)
	fits()
	alice.click("#rooms a")
	visible("room")
	alice.await(texts + `.length === 1`)
	alice.await(`document.querySelector('#rooms .badge')?.hidden`)
	fits()
	alice.click("#here")
	visible("aside")
	fits()
	alice.click("#aside-close")
	alice.click("#back")
	visible("sidebar")
	alice.isClean()
}

// TestPageNotify: who does not look is called where they are meant, and nothing counts as read.
func TestPageNotify(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
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
		return window.dispatchEvent(new Event('blur'))
	})()`)
	bob.Do("MSG|good morning")
	alice.shows("good morning")
	bob.Do("MSG|Alice, are you there?")
	alice.shows("Alice, are you there?")
	alice.await(`calls.join() === 'bob in lobby: Alice, are you there?'`)
	alice.await(`document.title.startsWith('(1)')`)
	alice.await(`document.querySelector('a[href="#lobby"] .badge')?.textContent === '@1 · 2'`)
	js[bool](alice, `(document.hasFocus = () => true, window.dispatchEvent(new Event('focus')))`)
	alice.await(`document.querySelector('a[href="#lobby"] .badge')?.hidden && !document.title.startsWith('(')`)
	alice.isClean()
}

// TestPageExpelled: what somebody types as they are taken out of a room is not said in another one without their word.
func TestPageExpelled(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	bob.Do("JOIN|secret")
	second := s.SignIn("alice")
	second.Do("JOIN|secret")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.click(`a[href="#secret"]`)
	alice.isIn("secret")
	do(t, alice.ctx, chromedp.SendKeys(chromedp.CSS("#text"), "only for "))
	bob.Do("EXPEL|secret|alice")
	alice.isIn("lobby")
	alice.press("u", 0)
	alice.press("s", 0)
	alice.press(kb.Enter, 0)
	alice.await(`document.querySelector('#dialog[open] h2')?.textContent === 'Send it to lobby?'`)
	alice.press(kb.Enter, 0) // as one does who types on without looking
	alice.press(kb.Escape, 0)
	alice.await(`!document.getElementById('dialog').open && document.getElementById('text').value === 'only for us'`)
	if n := js[int](alice, texts+`.length + document.querySelectorAll('.message.pending').length`); n != 0 {
		t.Errorf("%d messages are said", n)
	}
	alice.press(kb.Enter, 0)
	alice.yes()
	second.Await("|lobby|alice|only for us")
	alice.enter("text", "all may read this")
	second.Await("|lobby|alice|all may read this")
	alice.isClean()
}

// TestPageMissed: what was said in an empty conversation while there was no connection is shown, and read only then.
func TestPageMissed(t *testing.T) {
	s, b := start(t)
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	js[string](alice, `location.hash = '@bob'`)
	alice.isIn("bob")
	alice.holdOff()
	s.Kill()
	alice.await(`!document.getElementById('try-now').hidden`)
	s.Launch()
	bob := s.SignIn("bob")
	bob.Do("SEND|@alice||one")
	bob.Do("SEND|@alice||two")
	alice.comeBack()
	alice.await(texts + `.join() === 'one,two'`)
	bob.Do("SEND|@alice||three")
	alice.await(texts + `.join() === 'one,two,three'`)
	alice.isClean()
}

// TestPageNotSaid: what waits for a room that one is taken out of stays to be seen, until one has done with it.
func TestPageNotSaid(t *testing.T) {
	s, b := start(t)
	s.SignIn("bob").Do("JOIN|secret")
	s.SignIn("alice").Do("JOIN|secret")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.click(`a[href="#secret"]`)
	alice.isIn("secret")
	alice.holdOff()
	s.Kill()
	alice.enter("text", "only for us")
	alice.await(`document.querySelector('.message.pending') !== null`)
	s.Launch()
	s.SignIn("bob").Do("EXPEL|secret|alice")
	alice.comeBack()
	alice.await(`document.querySelector('.message.failed .text')?.textContent === 'only for us'`)
	alice.click(`[data-act="discard"]`)
	alice.isIn("lobby")
	alice.await(texts + `.length === 0`)
	alice.isClean()
}
