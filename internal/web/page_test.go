package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/internal/parleytest"
)

// start is a server with accounts, and a browser.
func start(t *testing.T, flags ...string) (*parleytest.Server, *browser) {
	t.Helper()
	s := serve(t, flags...)
	for _, name := range []string{"alice", "bob"} {
		s.User(name)
	}
	return s, openBrowser(t, s)
}

// TestPageTalk: a wrong password, two people in two browsers, one in a terminal and one at the line port, what is unread, and a conversation.
func TestPageTalk(t *testing.T) {
	s, b := start(t)
	s.User("carol")
	s.User("dave")
	alice, bob := b.person(), b.person()
	alice.signIn("alice", "not her password")
	alice.await(`document.getElementById('signin-wrong').textContent === 'The name or the password is wrong.'`)
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	bob.signIn("bob", parleytest.Password)
	bob.isOnline()
	carol := s.SignIn("carol")

	env := append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "TERM=xterm-256color", "NO_COLOR=", "PARLEY_PASSWORD=", "PARLEY_PLAIN=false")
	dave := parleytest.OpenTmux(t, 100, 24, env, parleytest.Build(t, "parley"), "--ca", s.CA, "dave@"+s.Addr)
	dave.Await("Password of dave")
	dave.Enter(parleytest.Password)
	dave.Await("● TLS 1.3")

	alice.enter("text", "hello from alice")
	bob.shows("hello from alice")
	dave.Await("alice │ hello from alice")
	dave.Enter("hello from a terminal")
	alice.shows("hello from a terminal")
	bob.shows("hello from a terminal")
	carol.Await("|lobby|alice|hello from alice")
	carol.Do("MSG|hello from carol, bob")
	alice.shows("hello from carol, bob")
	bob.shows("hello from carol, bob")
	if n := js[int](bob, `document.querySelectorAll('.message.meant mark').length`); n != 1 {
		t.Errorf("%d messages are marked as for bob", n)
	}

	carol.Do("SEND|@alice||psst")
	alice.await(`document.querySelector('#people .badge')?.textContent === '1'`)
	alice.await(`document.title.startsWith('(1)')`)
	alice.click("#people a")
	alice.shows("psst")
	alice.await(`document.querySelector('#people .badge').hidden`)
	alice.enter("text", "what is it?")
	carol.Await("|@alice|alice|what is it?")
	if n := alice.shows("what is it?"); n != 1 {
		t.Errorf("an own message is shown %d times", n)
	}
	alice.isClean()
	bob.isClean()
}

// TestPageHistory: what was said long ago comes as one scrolls up, and the view stays where it is; what is found is gone to.
func TestPageHistory(t *testing.T) {
	s, b := start(t, "--msg-rate", "0")
	bob := s.SignIn("bob")
	for from := 0; from < 1500; from += 100 {
		for i := from; i < from+100; i++ {
			bob.Send(fmt.Sprintf("MSG|line %d of many%s", i, map[bool]string{true: " with a walrus"}[i == 40]))
		}
		for range 100 {
			if reply := bob.Reply(); !strings.HasPrefix(reply, "OK|") {
				t.Fatal(reply)
			}
		}
	}
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.shows("line 1499 of many")
	const scroller = `document.getElementById('scroller')`
	for range 40 {
		if js[bool](alice, texts+`.includes('line 0 of many')`) {
			break
		}
		before := js[string](alice, `(() => { const rows = document.querySelectorAll('.message'); window.was = rows[3]; was.scrollIntoView({ block: 'start' }); window.at = was.getBoundingClientRect().top; window.first = rows[0]; return was.textContent })()`)
		alice.await(`document.querySelectorAll('.message')[0] !== window.first`)
		if moved := js[float64](alice, `window.was.getBoundingClientRect().top - window.at`); moved > 2 || moved < -2 {
			t.Errorf("%q moved by %v as older messages came", before, moved)
		}
	}
	alice.shows("line 0 of many")
	if n := js[int](alice, `document.querySelectorAll('.message').length`); n > 1300 {
		t.Errorf("%d messages are held", n)
	}
	order := js[[]string](alice, texts)
	for i, text := range order {
		if want := fmt.Sprintf("line %d of many", i); !strings.HasPrefix(text, want) {
			t.Fatalf("%d: %q", i, text)
		}
	}
	alice.click("#to-newest")
	alice.shows("line 1499 of many")
	alice.await(scroller + `.scrollHeight - ` + scroller + `.scrollTop - ` + scroller + `.clientHeight < 40`)

	alice.click("#find")
	alice.enter("find-words", "walrus")
	alice.await(`document.querySelectorAll('.result').length === 1`)
	alice.click(".result")
	alice.await(`document.querySelector('.message.found')?.textContent.includes('line 40 of many with a walrus')`)
	bob.Do("MSG|said while she reads old things")
	alice.click("#to-newest")
	alice.shows("said while she reads old things")
	alice.isClean()
}

// TestPageResume: a reload goes on without a password; tabs that stay signed in do not take each other's token; signing out ends all.
func TestPageResume(t *testing.T) {
	s, b := start(t)
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	for range 3 {
		do(t, alice.ctx, chromedp.Reload())
		alice.isOnline()
	}
	other := alice.again()
	other.await(`!document.getElementById('signin').hidden`)
	// A browser that duplicates a tab copies what it keeps.
	copied := js[string](alice, `sessionStorage.getItem('parley.tab')`)
	js[bool](other, `(sessionStorage.setItem('parley.tab', %s), true)`, copied)
	do(t, other.ctx, chromedp.Reload())
	other.await(`!document.getElementById('signin').hidden`)
	do(t, alice.ctx, chromedp.Reload())
	alice.isOnline()
	s.Run("another good long passphrase\n", "user", "passwd", "alice", "--data", s.Data)
	alice.await(`document.getElementById('signin-wrong').textContent.startsWith('You were signed out')`)

	bob := b.person()
	bob.await(`!document.getElementById('signin').hidden`)
	bob.click("#signin-stay")
	bob.signIn("bob", parleytest.Password)
	bob.isOnline()
	second := bob.again()
	second.isOnline()
	s.Kill()
	s.Launch()
	for range 2 {
		do(t, bob.ctx, chromedp.Reload())
		bob.isOnline()
		do(t, second.ctx, chromedp.Reload())
		second.isOnline()
	}
	js[bool](bob, `(document.getElementById('my-menu').click(), true)`)
	bob.await(`[...document.querySelectorAll('#menu button')].some((entry) => entry.textContent === 'Sign out' && (entry.click(), true))`)
	bob.isSignedOut()
	second.isSignedOut()
	if kept := js[string](bob, `JSON.stringify({ ...localStorage, ...sessionStorage })`); strings.Contains(kept, "pt1.") {
		t.Errorf("after signing out the browser keeps %s", kept)
	}
	alice.isClean()
	bob.isClean()
}

// TestPageServerKilled: what is typed while the server is away goes out once, behind what was missed.
func TestPageServerKilled(t *testing.T) {
	s, b := start(t)
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	alice.enter("text", "before")
	alice.await(texts + `.includes('before') && document.querySelector('.message.pending') === null`)
	alice.holdOff()
	s.Kill()
	alice.enter("text", "meanwhile")
	alice.await(`document.querySelector('.message.pending')?.textContent.includes('meanwhile')`)
	alice.await(`!document.getElementById('banner').hidden && document.getElementById('banner').textContent.includes('1 message waits')`)
	s.Launch()
	bob := s.SignIn("bob")
	bob.Do("MSG|missed")
	alice.comeBack()
	bob.Await("|lobby|alice|meanwhile")
	alice.await(texts + `.join() === 'before,missed,meanwhile'`)
	alice.await(`document.querySelector('.message.pending') === null`)
	for i := range 3 { // killed as it says something: said once all the same
		text := fmt.Sprintf("in between %d", i)
		alice.enter("text", text)
		s.Kill()
		s.Launch()
		js[bool](alice, `(document.getElementById('try-now').click(), true)`)
		alice.await(texts+`.includes(%s) && document.querySelector('.message.pending') === null`, text)
	}
	do(t, alice.ctx, chromedp.Reload())
	alice.isOnline()
	for _, text := range []string{"before", "missed", "meanwhile", "in between 0", "in between 1", "in between 2"} {
		if n := alice.shows(text); n != 1 {
			t.Errorf("%q is shown %d times", text, n)
		}
	}
}

// TestPageHostile: whatever others say, it is text; only what leads to a web page is a link, and says where to.
func TestPageHostile(t *testing.T) {
	s, b := start(t, "--msg-rate", "0")
	corpus, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(corpus), "\n"), "\n")
	bob := s.SignIn("bob")
	for _, line := range lines {
		if reply := bob.Do("MSG|" + line); !strings.HasPrefix(reply, "OK|") {
			t.Fatal(line, reply)
		}
		bob.Do("SEND|@alice||" + line)
	}
	bob.Do("TOPIC|lobby|" + lines[0])
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.shows(lines[len(lines)-1])
	shown := js[[]string](alice, texts)
	if len(shown) != len(lines) {
		t.Fatalf("%d messages are shown, not %d", len(shown), len(lines))
	}
	for i, line := range lines {
		if shown[i] != line {
			t.Errorf("%q is shown as %q", line, shown[i])
		}
	}
	elements := js[[]string](alice, `[...new Set([...document.querySelectorAll('#messages .text *')].map((e) => e.localName))].sort()`)
	if got := strings.Join(elements, " "); got != "a code mark" {
		t.Errorf("there are elements in what was said: %s", got)
	}
	for _, link := range js[[][]string](alice, `[...document.querySelectorAll('.text a')].map((a) => [a.getAttribute('href'), a.textContent, a.rel, a.protocol, a.username])`) {
		if link[0] != link[1] || link[2] != "noopener noreferrer" || link[3] != "http:" && link[3] != "https:" || link[4] != "" {
			t.Errorf("a link is %q", link)
		}
	}
	alice.enter("text", lines[10])
	alice.await(texts+`.filter((text) => text === %s).length === 2`, lines[10])
	alice.await(`document.getElementById('topic').textContent === %s`, lines[0])
	alice.isClean()
}

// TestPageInvited: an invited account chooses a password of its own before all else, and signs in with it.
func TestPageInvited(t *testing.T) {
	s, b := start(t, "--guests")
	s.User("ivan", "--invite")
	ivan := b.person()
	ivan.signIn("ivan", parleytest.Password)
	ivan.await(`!document.getElementById('signin-new').hidden`)
	choose := func(password, again string) {
		js[bool](ivan, `(document.getElementById('new-password').value = %s, document.getElementById('new-again').value = '', true)`, password)
		ivan.enter("new-again", again)
	}
	choose("short", "other")
	ivan.await(`document.getElementById('signin-wrong').textContent === 'The two are not the same.'`)
	choose("short", "short")
	ivan.await(`document.getElementById('signin-wrong').textContent.includes('15')`)
	choose("seven purple lanterns over water", "seven purple lanterns over water")
	ivan.isOnline()
	ivan.enter("text", "here at last")
	ivan.shows("here at last")

	guest := b.person()
	guest.signIn("dora", "")
	guest.isOnline()
	guest.shows("here at last")
	guest.enter("text", "only visiting")
	ivan.shows("only visiting")
	guest.isClean()
	ivan.isClean()
}

// TestPageForeign: another site can't open the socket in somebody's browser.
func TestPageForeign(t *testing.T) {
	s, b := start(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>foreign</title>")
	}))
	defer site.Close()
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	alice.isClean()
	const marks = `(() => { try { document.createElement('p').innerHTML = 'x'; return 'made' } catch (e) { return e.name } })()`
	if got := js[string](alice, marks); got != "TypeError" {
		t.Errorf("markup of a text: %s", got)
	}
	const opens = `new Promise((tell) => {
		const socket = new WebSocket(%s)
		socket.onopen = () => tell('open')
		socket.onerror = () => tell('refused')
	})`
	url := "wss://" + s.Addr + "/ws"
	if got := js[string](alice, opens, url); got != "open" {
		t.Errorf("from the page itself: %s", got)
	}
	foreign := b.openAt(b.ctx, site.URL)
	if got := js[string](foreign, opens, url); got != "refused" {
		t.Errorf("from another site: %s", got)
	}
}

// TestPageAxe: axe-core finds nothing serious, signing in and in the chat, in both colour schemes.
func TestPageAxe(t *testing.T) {
	path := os.Getenv("AXE_CORE")
	if path == "" {
		parleytest.Missing(t, "AXE_CORE does not name axe.min.js of the npm package axe-core")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, b := start(t)
	bob := s.SignIn("bob")
	bob.Do("MSG|hello alice, see https://example.org/")
	bob.Do("MSG|`code`, https://еxample.org/")
	bob.Do("SEND|@alice||psst")
	alice := b.person()
	check := func(where string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			alice.prefers(scheme)
			if _, err := chromedp.Run(alice.ctx, chromedp.Evaluate[chromedp.Void](string(axe))); err != nil {
				t.Fatal(err)
			}
			found := js[[]string](alice, `axe.run().then(({ violations }) => violations
				.filter(({ impact }) => impact === 'serious' || impact === 'critical')
				.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).join(' ')))`)
			for _, finding := range found {
				t.Errorf("%s, %s: %s", where, scheme, finding)
			}
		}
	}
	alice.await(`!document.getElementById('signin').hidden`)
	check("signing in")
	alice.click("#signin-stay")
	alice.signIn("alice", parleytest.Password)
	alice.shows("hello alice, see https://example.org/")
	check("the chat")
	alice.click("#room-menu")
	check("a menu")
	alice.choose(".message .more", "Moderate")
	check("the menu of who moderates")
	alice.click("#add-room")
	check("the dialog")
	alice.press(kb.Escape, 0)
	alice.enter("text", "/help")
	check("the help")
	alice.press(kb.Escape, 0)
	alice.enter("text", "/find code")
	alice.await(`document.querySelectorAll('.result').length === 1`)
	check("what was found")
	alice.click("#people a")
	alice.isIn("bob")
	s.Kill()
	alice.enter("text", "waits")
	alice.await(`!document.getElementById('banner').hidden && document.querySelector('.message.pending') !== null`)
	check("a conversation without a connection")
	js[bool](alice, `(dispatchEvent(new StorageEvent('storage', { key: 'parley.out.alice', newValue: '1' })), true)`)
	alice.await(`!document.getElementById('signin-unsaid').hidden`)
	check("signed out by another tab")
}
