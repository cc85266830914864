package store_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

// A talker says messages of unique words, takes some back, and knows what must be there.
type talker struct {
	t     *testing.T
	s     *store.Store
	dir   string
	opts  store.Options
	rnd   *rand.Rand
	words int

	mu    sync.Mutex
	said  []chat.Entry // in the order of ids
	gone  map[int64]bool
	texts []string // that were taken back
}

func newTalker(t *testing.T, dir string, seed uint64) *talker {
	k := &talker{t: t, dir: dir, rnd: newRandom(seed), gone: map[int64]bool{}}
	k.opts = store.Options{Log: quiet, CheckpointPages: 200}
	k.open()
	return k
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

func (k *talker) open() {
	k.s = open(k.t, k.dir, k.opts)
	k.s.Start(chattest.Each(func(chat.Entry) {}))
}

// word is one that no other text has: some letters, and a number of its own. Many have their beginning in common
// with others, or all but the number, so that the index's separators are whole words.
func (k *talker) word() string {
	k.words++
	prefix := []string{"", "", "pre", "correct-horse-battery", "Straße", "family"}[k.rnd.IntN(6)]
	var b strings.Builder
	for range 8 {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz"[k.rnd.IntN(26)])
	}
	word := b.String()
	switch {
	case prefix == "family":
		word = ""
	case k.rnd.IntN(4) == 0:
		word = strings.ToUpper(word)
	}
	return fmt.Sprintf("%s%s%06d", prefix, word, k.words)
}

func (k *talker) text() string {
	n := 1 + k.rnd.IntN(6)
	if k.rnd.IntN(15) == 0 {
		n = 90 // some 1,500 bytes
	}
	list := []string{}
	for range n {
		list = append(list, k.word())
		if k.rnd.IntN(3) == 0 {
			list = append(list, []string{"common", "words", "r1", "foo-bar"}[k.rnd.IntN(4)])
		}
	}
	return strings.Join(list, " ")
}

var talkRooms = []string{"lobby", "tea", "coffee", "@alice@bob"}

// say says n messages at once and waits for them.
func (k *talker) say(n int) {
	k.t.Helper()
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		e := chat.Entry{Kind: chat.Said, Room: talkRooms[k.rnd.IntN(len(talkRooms))], Account: "alice", Text: k.text()}
		k.s.Append(e, func(e chat.Entry, err error) {
			defer all.Done()
			if err != nil {
				k.t.Error(err)
				return
			}
			k.mu.Lock()
			defer k.mu.Unlock()
			k.said = append(k.said, e)
		})
	}
	all.Wait()
}

func goneOf(e chat.Entry) chat.Entry {
	return chat.Entry{Kind: chat.Gone, Account: "alice", User: e.Account, Room: e.Room, Message: e.ID}
}

// takeBack takes back the message at a place in said.
func (k *talker) takeBack(at int) {
	k.t.Helper()
	e := k.said[at]
	m, ok, err := k.s.Message(k.t.Context(), e.ID)
	if err != nil || !ok || m.Room != e.Room || m.User != e.Account || m.Text != e.Text && !k.gone[e.ID] || !m.Time.Equal(e.Time) {
		k.t.Fatalf("message %d is %+v, %t, %v; want %+v", e.ID, m, ok, err, e)
	}
	if _, err := try(k.t, k.s, goneOf(e)); err != nil {
		k.t.Fatal(err)
	}
	if !k.gone[e.ID] {
		k.gone[e.ID] = true
		k.texts = append(k.texts, e.Text)
	}
}

// takeBackSome takes back n, most of them among the last ones.
func (k *talker) takeBackSome(n int) {
	k.t.Helper()
	for range n {
		at := k.rnd.IntN(len(k.said))
		if k.rnd.IntN(3) > 0 {
			at = len(k.said) - 1 - k.rnd.IntN(min(len(k.said), 40))
		}
		k.takeBack(at)
	}
}

// takeBackMany takes back this part of all messages, many at once.
func (k *talker) takeBackMany(part float64) {
	k.t.Helper()
	var all sync.WaitGroup
	window := make(chan struct{}, 1000)
	for _, e := range k.said {
		if k.gone[e.ID] || k.rnd.Float64() > part {
			continue
		}
		all.Add(1)
		window <- struct{}{}
		k.gone[e.ID] = true
		k.texts = append(k.texts, e.Text)
		k.s.Append(goneOf(e), func(_ chat.Entry, err error) {
			if err != nil {
				k.t.Error(err)
			}
			<-window
			all.Done()
		})
	}
	all.Wait()
}

func (k *talker) scrub() {
	k.t.Helper()
	if err := k.s.Scrub(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	wantNoBytes(k.t, k.dir, k.texts)
}

// wantNoBytes wants no file of dir to hold any of the texts, of their words, or of the ends of these.
func wantNoBytes(t *testing.T, dir string, texts []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[string]bool{} // the last letters and the number
	for _, text := range texts {
		for _, word := range strings.Fields(strings.ToLower(text)) {
			if len(word) >= 12 && strings.TrimRight(word, "0123456789") == word[:len(word)-6] {
				ends[word[len(word)-12:]] = true
			}
		}
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ToLower(b)
		for at := 0; at+12 <= len(b); at++ {
			if c := b[at+6]; c < '0' || c > '9' {
				continue
			}
			if ends[string(b[at:at+12])] && !shorter(b[:at]) {
				t.Fatalf("%s has %q at %d: %q", f.Name(), b[at:at+12], at, b[max(0, at-60):min(len(b), at+30)])
			}
		}
	}
}

// shorter says whether what stands before a word of 12 letters says that a separator of the index follows which is
// one letter shorter, and so that its page's number only looks like the last one.
func shorter(before []byte) bool {
	const type11, at = 12 + 2*(1+11), 5
	n := len(before)
	return n >= at && before[n-1] == '0' && bytes.IndexByte(before[n-at:], type11) >= 0
}

// check wants everything to be read and found that was said, and nothing of what was taken back.
func (k *talker) check() {
	k.t.Helper()
	ctx := k.t.Context()
	want := map[string][]chat.Message{}
	for _, e := range k.said {
		m := chat.Message{ID: e.ID, Time: e.Time, Room: e.Room, User: e.Account, Text: e.Text}
		if k.gone[e.ID] {
			m.Text = ""
		}
		want[e.Room] = append(want[e.Room], m)
	}
	for room, want := range want {
		var got []chat.Message
		for after := int64(0); ; after = got[len(got)-1].ID {
			list, err := k.s.History(ctx, room, chat.Range{After: after, Before: math.MaxInt64, Limit: 500})
			if err != nil {
				k.t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			got = append(got, list...)
		}
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					k.t.Fatalf("%s: %+v, want %+v", room, got[i], want[i])
				}
			}
			k.t.Fatalf("%s: %d messages, want %d", room, len(got), len(want))
		}
	}
	for i, e := range k.said {
		if i%7 != 0 && !k.gone[e.ID] {
			continue
		}
		words := strings.Fields(e.Text)
		list, err := k.s.Find(ctx, e.Room, []string{words[k.rnd.IntN(len(words))], words[0]}, 50)
		if err != nil {
			k.t.Fatal(err)
		}
		if k.gone[e.ID] != (len(list) == 0) || !k.gone[e.ID] && (len(list) != 1 || list[0].Text != e.Text) {
			k.t.Fatalf("%d (gone %t) %q: found %v", e.ID, k.gone[e.ID], e.Text, list)
		}
		m, ok, err := k.s.Message(ctx, e.ID)
		if err != nil || !ok || (m.Text == "") != k.gone[e.ID] {
			k.t.Fatalf("message %d: %+v, %t, %v", e.ID, m, ok, err)
		}
	}
}

// integrity closes the store and has SQLite look at all of it, the search index too, then opens it again.
func (k *talker) integrity() {
	k.t.Helper()
	if err := k.s.Close(); err != nil {
		k.t.Fatal(err)
	}
	wantNoBytes(k.t, k.dir, k.texts)
	db := raw(k.t, k.dir)
	var check string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		k.t.Fatalf("integrity: %q, %v", check, err)
	}
	runScript(k.t, db, `INSERT INTO search (search) VALUES ('integrity-check')`)
	db.Close()
	k.open()
}

// TestTakingBack says and takes back at random moments: after each scrub nothing of what was taken back is in
// any file, and everything else is there.
func TestTakingBack(t *testing.T) {
	t.Parallel()
	seeds, rounds := soak(2, 60), soak(20, 80)
	if parleytest.Race {
		seeds, rounds = 1, 6
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			k := newTalker(t, t.TempDir(), seed)
			for round := range rounds {
				switch k.rnd.IntN(8) {
				case 0:
					k.say(1)
					k.takeBack(len(k.said) - 1) // from the backlog
				case 1:
					k.say(300 + k.rnd.IntN(600))
					k.takeBackSome(10)
				case 2:
					k.say(20)
					if _, err := k.s.State(t.Context()); err != nil { // brings them into the database
						t.Fatal(err)
					}
					k.takeBackSome(5)
				case 3:
					k.integrity()
					k.takeBackSome(3)
				case 4: // killed before the scrub
					k.say(30)
					k.takeBackSome(2)
					dir := crashed(t, k.dir)
					k.s.Close()
					k.dir = dir
					k.open()
				case 5: // each in a row of its own
					for range 20 {
						k.say(1)
						join := chat.Entry{Kind: chat.Joined, Account: "alice", Room: fmt.Sprint("room", round)}
						if _, err := try(t, k.s, join); err != nil {
							t.Fatal(err)
						}
					}
				default:
					k.say(k.rnd.IntN(100) + 1)
				}
				if k.rnd.IntN(2) == 0 && len(k.said) > 0 {
					k.takeBackSome(k.rnd.IntN(5))
					k.scrub()
				}
			}
			k.scrub()
			k.check()
			k.takeBackMany(0.3)
			k.scrub()
			k.say(100)
			k.takeBackMany(0.6)
			k.scrub()
			k.integrity()
			k.check()
			t.Logf("%d said, %d taken back", len(k.said), len(k.texts))
		})
	}
}
