package web_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/internal/parleytest"
)

const toasts = `document.getElementById('toasts').textContent`

// TestPageModerate: an admin takes back, mutes, lets speak, and ends sessions, by menus; who is none is told so.
func TestPageModerate(t *testing.T) {
	s, b := start(t)
	s.User("carol", "--admin")
	bob := s.SignIn("bob")
	bob.Do("MSG|something rude")
	carol := b.person()
	carol.signIn("carol", parleytest.Password)
	carol.shows("something rude")
	moderate := func(p *tab, button, entry string) {
		t.Helper()
		p.choose(button, "Moderate")
		p.await(`[...document.querySelectorAll('#menu button')].some((b) => b.textContent.startsWith(%s) && (b.click(), true))`, entry)
	}
	moderate(carol, ".message .more", "Take back")
	carol.yes()
	carol.await(texts + `.join() === 'This message was taken back.'`)
	bob.Await("GONE|")

	// By keys alone: from the panel of who is here to the menu, and on.
	js[bool](carol, `(document.querySelector('button.person').focus(), true)`)
	carol.press(kb.Enter, 0)
	carol.await(`document.activeElement.role === 'menuitem'`)
	for _, entry := range []string{"Moderate…", "Mute bob…"} {
		for range 8 {
			if js[string](carol, `document.activeElement.textContent`) == entry {
				break
			}
			carol.press(kb.ArrowDown, 0)
		}
		carol.press(kb.Enter, 0)
	}
	carol.await(`document.querySelector('#dialog[open] h2')?.textContent === 'Keep bob from speaking?'`)
	js[bool](carol, `(document.getElementById('ask-minutes').value = 'long', true)`)
	carol.press(kb.Enter, 0)
	carol.await(`document.querySelector('#dialog .wrong').textContent.includes('a year')`)
	js[bool](carol, `(document.getElementById('ask-minutes').value = '5', true)`)
	carol.press(kb.Enter, 0)
	bob.Await("NOTE|you are muted until")
	if code := bob.Code("MSG|but"); code != "forbidden" {
		t.Errorf("muted, and answered %q", code)
	}
	moderate(carol, "button.person", "Let bob speak")
	bob.Await("NOTE|you are not muted")

	alice := b.person() // history tells no time of what was taken back
	alice.signIn("alice", parleytest.Password)
	alice.shows("This message was taken back.")
	alice.await(`document.querySelectorAll('button.person').length === 2`)
	moderate(alice, `button.person`, "Mute bob")
	alice.yes()
	alice.await(toasts + `.includes('Only admins may do this.')`)

	moderate(carol, "[data-key=bob] button.person", "End bob")
	carol.enter("ask-reason", "that was rude")
	bob.Await("BYE|ejected|that was rude")
	carol.await(toasts + `.includes('Sessions of bob that were ended: 1.')`)
	carol.isClean()
	alice.isClean()
}

// TestPageCommands: the terminal's /commands do in the page what they do there, and what is none is not said.
func TestPageCommands(t *testing.T) {
	s, b := start(t)
	s.User("carol", "--admin")
	bob := s.SignIn("bob")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	wrong := func(line, want string) {
		t.Helper()
		js[bool](alice, `(document.getElementById('text').value = '') === ''`)
		alice.enter("text", line)
		alice.await(`document.getElementById('composer-says').textContent === %s && document.getElementById('text').value === %s`, want, line)
	}
	wrong("/nonsense", "There is no /nonsense; /help lists what there is, and //nonsense says it.")
	wrong("/join", "It is /join ROOM [locked].")
	wrong("/join Garden", "That is no name of a room.")
	wrong("/mute bob", "It is /mute USER MINUTES.")
	wrong("/passwd walrus", "It is /passwd.")
	wrong("/room cellar", "You are not in cellar; /join cellar joins it.")
	wrong("/constructor", "There is no /constructor; /help lists what there is, and //constructor says it.")
	js[bool](alice, `(document.getElementById('text').value = '') === ''`)

	alice.enter("text", "//join is a command")
	bob.Await("|lobby|alice|/join is a command")
	alice.enter("text", "/topic what is new")
	bob.Await("TOPIC|lobby|alice|what is new")
	alice.enter("text", "/topic -")
	bob.Await("TOPIC|lobby|alice|")
	alice.enter("text", "/delete")
	alice.yes()
	bob.Await("GONE|")
	alice.enter("text", "/msg bob psst | psst")
	bob.Await("|@alice|alice|psst | psst")
	alice.isIn("bob")
	alice.enter("text", "/join cellar locked")
	alice.isIn("cellar")
	alice.enter("text", "/invite bob")
	bob.Await("NOTE|alice invites you to the room cellar")
	bob.Do("JOIN|cellar")
	alice.enter("text", "/open")
	alice.await(toasts + `.includes('cellar is open now.')`)
	alice.enter("text", "/lock cellar")
	alice.await(toasts + `.includes('cellar is locked now.')`)
	alice.enter("text", "/expel bob")
	alice.yes()
	bob.Await("NOTE|alice has taken you out of the room cellar")
	alice.enter("text", "/room lobby")
	alice.isIn("lobby")
	bob.Do("SEND|lobby||about a walrus")
	alice.shows("about a walrus")
	alice.enter("text", "/find walrus")
	alice.await(`document.querySelectorAll('.result').length === 1`)
	alice.enter("text", "/mute bob 5")
	alice.await(toasts + `.includes('Only admins may do this.')`)
	alice.enter("text", "/help")
	alice.await(`document.querySelector('#dialog[open]')?.textContent.includes('/expel USER [ROOM]')`)
	alice.press(kb.Escape, 0)
	alice.enter("text", "/quit")
	alice.isSignedOut()
	alice.isClean()
}

// TestPageCovered: what comes while a dialog covers the room is not read, until it is closed.
func TestPageCovered(t *testing.T) {
	s, b := start(t)
	bob, second := s.SignIn("bob"), s.SignIn("alice")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.click("#add-room")
	alice.await(`document.getElementById('dialog').open`)
	bob.Do("MSG|behind the dialog")
	alice.shows("behind the dialog")
	alice.await(`document.querySelector('a[href="#lobby"] .badge')?.textContent === '1'`)
	js[bool](alice, `new Promise((done) => setTimeout(() => done(true), 2500))`) // longer than the page gathers what is read
	if list := second.Do("LIST|"); !strings.HasSuffix(list, ":1") {
		t.Errorf("read behind a dialog: %s", list)
	}
	alice.press(kb.Escape, 0)
	second.Await("SEEN|lobby|")
	alice.await(`document.querySelector('a[href="#lobby"] .badge').hidden`)
	alice.isClean()
}

// TestPageLinks: beside a link whose host reads otherwise than it is stands the real one.
func TestPageLinks(t *testing.T) {
	s, b := start(t)
	bob := s.SignIn("bob")
	bob.Do("MSG|see https://еxample.org/ and https://example.org⁄.evil.example/ and https://good.example/")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.shows("see https://еxample.org/ (xn--xample-2of.org) and https://example.org⁄.evil.example/ and https://good.example/")
	got := js[string](alice, `[...document.querySelectorAll('.text a')].map((a) => [a.hostname, a.rel, a.referrerPolicy].join(' ')).join('; ')`)
	if want := "xn--xample-2of.org noopener noreferrer no-referrer; good.example noopener noreferrer no-referrer"; got != want {
		t.Errorf("links: %s", got)
	}
	alice.isClean()
}

// TestPageShort: the messages of a short room stand at the bottom, above the message box.
func TestPageShort(t *testing.T) {
	s, b := start(t)
	s.SignIn("bob").Do("MSG|all there is")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.shows("all there is")
	below := js[float64](alice, `document.getElementById('scroller').getBoundingClientRect().bottom - document.querySelector('.message').getBoundingClientRect().bottom`)
	if below > 40 {
		t.Errorf("below the only message are %v pixels", below)
	}
}

// TestPageContrast: where the system sets the colours, or more contrast is wanted, one still sees where one is, what has the focus and what
// is unread.
func TestPageContrast(t *testing.T) {
	s, b := start(t)
	bob, second := s.SignIn("bob"), s.SignIn("alice")
	bob.Do("JOIN|garden")
	second.Do("JOIN|garden")
	bob.Do("SEND|garden||one for alice")
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.await(`document.querySelector('a[href="#garden"] .badge')?.textContent === '@1'`)
	prefer := func(name, value string) {
		t.Helper()
		do(t, alice.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			features := []*emulation.MediaFeature{{Name: name, Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
			return err
		}))
		alice.await(`matchMedia(%s).matches`, "("+name+": "+value+")")
	}
	// style is a computed property of what a selector finds.
	style := func(selector, property string) string {
		t.Helper()
		return js[string](alice, `getComputedStyle(document.querySelector(%s))[%s]`, selector, property)
	}
	const open, other, badge = `a[href="#lobby"]`, `a[href="#garden"]`, `a[href="#garden"] .badge`
	prefer("forced-colors", "active")
	if style(open, "outlineStyle") != "solid" || style(other, "outlineStyle") == "solid" {
		t.Error("the open room looks like the others in forced colours")
	}
	if style(badge, "backgroundColor") == style("body", "backgroundColor") || style(badge, "borderTopStyle") != "solid" {
		t.Error("a badge is not seen in forced colours")
	}
	js[bool](alice, `(document.getElementById('text').focus(), true)`)
	if style(".box", "outlineStyle") != "solid" {
		t.Error("the focus in the message box is not seen in forced colours")
	}
	alice.press(kb.Tab, 0)
	if js[string](alice, `getComputedStyle(document.activeElement).outlineWidth`) != "3px" {
		t.Error("the focus on a button is not seen in forced colours")
	}
	js[bool](alice, `(document.getElementById('text').focus(), true)`)
	prefer("prefers-contrast", "more")
	if style(open, "boxShadow") == "none" || style(badge, "borderTopStyle") != "solid" {
		t.Error("where more contrast is wanted, the open room or a badge has no line")
	}
	alice.press(kb.Tab, 0)
	if js[string](alice, `getComputedStyle(document.activeElement).outlineWidth`) != "3px" {
		t.Error("where more contrast is wanted, the focus has a thin line")
	}
}
