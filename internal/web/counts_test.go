package web_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
)

// TestPageCounts: whatever is said, read here or elsewhere, taken back, joined and left, over connections that end, what the page counts as
// unread is what the server counts, in each room.
func TestPageCounts(t *testing.T) {
	s, b := start(t, "--msg-rate", "0", "--command-rate", "0")
	rooms := []string{"lobby", "constructor", "toString-0", "@bob"}
	rooms[2] = "tostring"
	bob, other := s.SignIn("bob"), s.SignIn("alice")
	for _, room := range rooms[1:3] {
		bob.Do("JOIN|" + room)
		other.Do("JOIN|" + room)
	}
	alice := b.person()
	// What is shown is told after two seconds: a tenth of that here, since it is waited for again and again.
	do(t, alice.ctx, script(`const later = setTimeout; window.setTimeout = (act, wait, ...rest) => later(act, wait === 2000 ? 200 : wait, ...rest)`), chromedp.Reload())
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	random := rand.New(rand.NewPCG(7, 2))
	last := map[string][]string{} // ids of what bob has said
	said := 0
	say := func(room, text string) {
		if room == "@bob" {
			room = "@alice"
		}
		reply := bob.Do(fmt.Sprintf("SEND|%s||%s %d", room, text, said))
		said++
		if id, ok := strings.CutPrefix(reply, "OK|"); ok {
			last[room] = append(last[room], id)
		} else {
			t.Fatal(reply)
		}
	}
	does := map[string]func(room string){
		"say":  func(room string) { say(room, "something") },
		"mean": func(room string) { say(room, "alice, something") },
		"say much": func(room string) {
			for range random.IntN(60) {
				say(room, "much")
			}
		},
		"open": func(room string) { js[string](alice, `location.hash = %s`, room) },
		"up":   func(string) { js[bool](alice, `(document.getElementById('scroller').scrollTop -= 300, true)`) },
		"look": func(string) { js[bool](alice, `(document.getElementById('to-newest').click(), true)`) },
		"away": func(string) { js[bool](alice, `(document.hasFocus = () => false, dispatchEvent(new Event('blur')))`) },
		"here": func(string) { js[bool](alice, `(document.hasFocus = () => true, dispatchEvent(new Event('focus')))`) },
		"read elsewhere": func(room string) {
			if ids := last[strings.Replace(room, "@bob", "@alice", 1)]; len(ids) > 0 {
				other.Do("SEEN|" + room + "|" + ids[random.IntN(len(ids))])
			}
		},
		"say elsewhere": func(room string) { other.Do("SEND|" + room + "||from elsewhere") },
		"take back": func(room string) {
			if ids := last[strings.Replace(room, "@bob", "@alice", 1)]; len(ids) > 0 {
				bob.Do("DELETE|" + ids[max(0, len(ids)-1-random.IntN(20))])
			}
		},
		"leave and join": func(room string) {
			if room != "lobby" && room[0] != '@' {
				other.Do("LEAVE|" + room)
				say(room, "while away")
				other.Do("JOIN|" + room)
			}
		},
		"reload": func(string) {
			do(t, alice.ctx, chromedp.Reload())
			alice.isOnline()
		},
	}
	names := []string{"say", "say", "say", "mean", "mean", "say much", "open", "open", "open", "up", "up", "look", "away", "here", "here", "read elsewhere", "read elsewhere", "say elsewhere", "take back", "take back", "take back", "leave and join", "reload"}
	agree := func(trace []string) {
		t.Helper()
		alice.isOnline()
		// What is shown is told a moment later, so the two are compared until they agree.
		const counted = `JSON.stringify(Object.fromEntries([...document.querySelectorAll('#rooms a, #people a')].map((a) => [decodeURIComponent(a.hash.slice(1)), parseInt(a.querySelector('.unseen').textContent.slice(2)) || 0])))`
		var want, got string
		for give := time.Now().Add(parleytest.Patience); time.Now().Before(give); time.Sleep(20 * time.Millisecond) {
			counts := map[string]int{}
			for field := range strings.SplitSeq(strings.TrimPrefix(other.Do("LIST|"), "OK|"), "|") {
				parts := strings.Split(field, ":")
				var n int
				fmt.Sscan(parts[3], &n)
				counts[parts[0]] = n
			}
			want, got = quote(counts), js[string](alice, `JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(`+counted+`)).sort(([a], [b]) => a < b ? -1 : 1)))`)
			if want == got {
				return
			}
		}
		t.Fatalf("the page counts %s, the server %s\n%s", got, want, strings.Join(trace, "\n"))
	}
	say("@bob", "first")
	var trace []string
	for step := range 150 {
		name, room := names[random.IntN(len(names))], rooms[random.IntN(len(rooms))]
		trace = append(trace, name+" "+room)
		does[name](room)
		if step%6 == 5 {
			agree(trace)
		}
	}
	agree(trace)
	alice.isClean()
}
