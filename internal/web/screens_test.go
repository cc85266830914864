package web_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
)

// remake makes the pictures of the page anew: go test ./internal/web -run TestPagePicture -remake
var remake = flag.Bool("remake", false, "make the pictures of the page in docs/screens anew")

const pictures = "../../docs/screens"

// line is what somebody says before the pictures, in order.
type line struct {
	room, user, at, text string
}

var scene = []line{
	{"lobby", "maximiliana.von-hohenstein", "yesterday 16:02", "The new landing page is live. Thanks everybody, that was a long week!"},
	{"lobby", "bob", "yesterday 16:04", "🎉 and not one ticket so far"},
	{"lobby", "carol", "yesterday 16:31", "numbers of the first hour: https://stats.example.org/launch?from=15:00"},
	{"lobby", "bob", "today 08:47", "good morning! did anybody look at the slow search since yesterday?"},
	{"lobby", "dara", "today 08:52", "yes, it was a missing index"},
	{"lobby", "dara", "today 08:52", "`CREATE INDEX CONCURRENTLY messages_room_id ON messages (room, id);`"},
	{"lobby", "dara", "today 08:53", "from 900 ms to 4 ms"},
	{"lobby", "alice", "today 08:55", "lovely. Can you write that down in the wiki?"},
	{"lobby", "dara", "today 08:56", "done: https://wiki.example.org/db/indexes#search"},
	{"lobby", "maximiliana.von-hohenstein", "today 09:12", "@all the review is at 10:30 today, in the small room. Who is on call brings the list; who has a demo tells me until ten, so that we can keep it under half an hour."},
	{"lobby", "carol", "today 09:14", "I have one, five minutes"},
	{"lobby", "carol", "today 09:38", "alice, will you show the new pages for phones?"},
	{"lobby", "bob", "today 09:39", "I would love to see those"},
	{"deploys", "dara", "today 09:20", "4.12 is out on staging"},
	{"deploys", "dara", "today 09:31", "and looks good"},
	{"deploys", "bob", "today 09:33", "alice: ready when you are"},
	{"design", "carol", "yesterday 11:02", "colours are settled"},
	{"incidents-2026", "bob", "yesterday 10:00", "all quiet"},
	{"@alice", "carol", "today 09:02", "Do you have ten minutes before the review?"},
	{"@carol", "alice", "today 09:03", "sure, coffee at ten?"},
	{"@alice", "carol", "today 09:03", "perfect ☕"},
	{"@alice", "bob", "today 09:36", "psst: cake in the kitchen"},
}

// readTo is how far alice has read, by room: so many of its lines.
var readTo = map[string]int{"lobby": 11, "design": 1, "incidents-2026": 1, "@carol": 3}

// playScene is alice's page when all that has been said. Times are those of the scene, whenever it is played, and so is the server's name.
func playScene(t *testing.T) (*parleytest.Server, *browser, *tab) {
	t.Helper()
	s := serve(t, "--msg-rate", "0")
	people := map[string]*parleytest.Conn{}
	for _, name := range []string{"alice", "bob", "carol", "dara", "maximiliana.von-hohenstein"} {
		s.User(name)
		people[name] = s.SignIn(name)
		for _, room := range []string{"deploys", "design", "incidents-2026"} {
			people[name].Do("JOIN|" + room)
		}
	}
	people["maximiliana.von-hohenstein"].Do("TOPIC|lobby|Everything that is for all of us. The review is on Fridays, 10:30")
	people["bob"].Do("TOPIC|deploys|Staging first, then coffee, then production")
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	var times strings.Builder
	read := map[string]string{}
	count := map[string]int{}
	for _, l := range scene {
		id := strings.TrimPrefix(people[l.user].Do(fmt.Sprintf("SEND|%s||%s", l.room, l.text)), "OK|")
		day, clock, _ := strings.Cut(l.at, " ")
		at, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		when := midnight.Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
		if day == "yesterday" {
			when = when.AddDate(0, 0, -1)
		}
		fmt.Fprintf(&times, "%q: %q,", id, when.Format("2006-01-02T15:04:05.000Z"))
		room := l.room
		if room == "@alice" {
			room = "@" + l.user
		}
		if count[room]++; count[room] <= readTo[room] {
			read[room] = id
		}
	}
	for room, id := range read {
		people["alice"].Do("SEEN|" + room + "|" + id)
	}
	b := openBrowser(t, s)
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	alice := &tab{t: t, ctx: ctx, url: "https://" + s.Addr + "/"}
	must(t, chromedp.Do(ctx)) // makes the tab
	do(t, ctx,
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			source := noteWrong + fmt.Sprintf(clocks, times.String())
			if _, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source}); err != nil {
				return err
			}
			if _, err := cdp.Call(ctx, target, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"}); err != nil {
				return err
			}
			if _, err := cdp.Call(ctx, target, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"}); err != nil {
				return err
			}
			_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
			return err
		}),
		chromedp.EmulateViewport(1280, 800),
		chromedp.Navigate(alice.url))
	alice.prefers("light")
	return s, b, alice
}

// clocks gives messages the times of the scene, and the page a font and a server's name that are the same on every machine that has the font.
const clocks = `
const times = {%s}
const Real = WebSocket
window.WebSocket = class extends Real {
	set onmessage(take) {
		super.onmessage = take && (({ data }) => take({ data: data.replace(/^MSG\|(\d+)\|[^|]+/gm, (all, id) => times[id] ? 'MSG|' + id + '|' + times[id] : all) }))
	}
}
addEventListener('DOMContentLoaded', () => { document.body.style.fontFamily = '"Inter", "Noto Sans", sans-serif' })
addEventListener('load', () => { for (const id of ['host', 'signin-host']) document.getElementById(id).textContent = 'chat.example.org' })
`

// TestPagePicture: the picture of the page in docs/screens is of this page: what it says and how it is styled are noted beside it.
func TestPagePicture(t *testing.T) {
	s, _, alice := playScene(t)
	shots := os.Getenv("SCREENS") // a folder for pictures of everything, to be looked at
	shot := func(name string) {
		t.Helper()
		if shots == "" {
			return
		}
		for _, scheme := range []string{"light", "dark"} {
			alice.prefers(scheme)
			alice.picture(filepath.Join(shots, name+"-"+scheme+".png"))
		}
		alice.prefers("light")
	}
	alice.await(`!document.getElementById('signin').hidden`)
	shot("signin")
	alice.signIn("alice", parleytest.Password)
	alice.isIn("lobby")
	alice.await(`document.querySelector('a[href="#deploys"] .badge')?.textContent === '@1 · 3' && document.querySelector('#new-line') !== null`)
	alice.await(`document.querySelectorAll('.person').length === 5`)
	alice.types("gladly, they are nearly")
	js[bool](alice, `(document.getElementById('host').textContent = 'chat.example.org', true)`)
	shot("lobby")
	checkPicture(t, alice)
	if shots == "" {
		return
	}
	js[bool](alice, `(document.querySelectorAll('.message .more')[3].click(), true)`)
	shot("menu")
	js[bool](alice, `(document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true })), true)`)
	alice.click("#find")
	alice.enter("find-words", "the review")
	alice.await(`document.querySelectorAll('.result').length === 1`)
	shot("search")
	alice.click("#aside-close")
	alice.click("#add-room")
	shot("dialog")
	js[bool](alice, `(document.getElementById('dialog').close(), true)`)
	alice.choose("#my-menu", "Keys")
	shot("help")
	js[bool](alice, `(document.getElementById('dialog').close(), true)`)
	js[string](alice, `location.hash = '@carol'`)
	alice.isIn("carol")
	shot("conversation")
	s.Kill()
	alice.enter("text", "running five minutes late")
	alice.await(`!document.getElementById('banner').hidden && document.querySelector('.message.pending') !== null`)
	shot("offline")
	s.Launch()
	alice.isOnline()
	do(t, alice.ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	js[string](alice, `location.hash = ''`)
	shot("phone-rooms")
	js[string](alice, `location.hash = 'lobby'`)
	alice.isIn("lobby")
	shot("phone-lobby")
	alice.click("#here")
	shot("phone-here")
	alice.click("#aside-close")
	js[string](alice, `location.hash = '@carol'`)
	alice.isIn("carol")
	shot("phone-conversation")
	s.Kill()
	alice.await(`!document.getElementById('banner').hidden`)
	shot("phone-offline")
	alice.isClean()
}

// scale is how many pixels of a picture one of the page is. It leaves the mouse alone, which chromedp.EmulateViewport takes away.
func (p *tab) scale(factor float64) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		size := emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: factor}
		_, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, size)
		return err
	}))
}

// checkPicture compares what is noted beside the picture: the page's words and its style sheets. How a font is drawn differs between machines.
func checkPicture(t *testing.T, alice *tab) {
	t.Helper()
	var noted strings.Builder
	noted.WriteString(js[string](alice, `document.getElementById('chat').innerText.replace(/\n+/g, '\n').trim()`) + "\n")
	for _, sheet := range []string{"style.css", "chat.css", "parts.css"} {
		css, err := os.ReadFile(filepath.Join("page", sheet))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&noted, "%s %s\n", sheet, sum(css))
	}
	txt := filepath.Join(pictures, "page.txt")
	if *remake {
		alice.scale(1.5)
		alice.picture(filepath.Join(pictures, "page.png"))
		alice.scale(1)
		if err := os.WriteFile(txt, []byte(noted.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(txt); err != nil || string(kept) != noted.String() {
		t.Errorf("docs/screens/page.png is of another page (%v); go test ./internal/web -run TestPagePicture -remake makes it anew. Now it says\n%s", err, noted.String())
	}
	if info, err := os.Stat(filepath.Join(pictures, "page.png")); err != nil || info.Size() > 300_000 {
		t.Errorf("the picture: %v, %v", info, err)
	}
}
