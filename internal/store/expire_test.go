package store_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/chat/chattest"
	"parley/internal/parleytest"
	"parley/internal/store"
)

const keepAge = 48 * time.Hour

func keeping(c *clock) store.Options {
	c.ms.Store(1767225600000)
	return store.Options{
		Now: c.now, Log: quiet, CheckpointPages: 200,
		Keep: store.Keep{Age: keepAge, Rooms: map[string]time.Duration{"tea": 10 * keepAge, "coffee": 0}},
	}
}

// age lets time pass. What was said before is in the tables, so that no row has messages of both sides.
func age(t *testing.T, s *store.Store, c *clock, by time.Duration) {
	t.Helper()
	if _, err := s.State(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.step(by)
}

// TestExpirePositions: what is unread is exact, whatever is dropped.
func TestExpirePositions(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := new(clock)
	r := &readers{t: t, dir: t.TempDir(), said: map[string][]chat.Message{}, seen: map[[2]string]int64{}, opts: keeping(c)}
	r.s = open(t, r.dir, r.opts)
	r.start()
	accounts := []string{"alice", "bob", "carol"}
	rooms := []string{"lobby", "tea", chat.Conversation("alice", "bob")}
	dropped := 0
	drop := func() {
		t.Helper()
		if err := r.s.DropOld(t.Context()); err != nil {
			t.Fatal(err)
		}
		for room, list := range r.said {
			age := keepAge
			if room == "tea" {
				age = 10 * keepAge
			}
			young := slices.DeleteFunc(slices.Clone(list), func(m chat.Message) bool { return m.Time.Before(c.now().Add(-age)) })
			dropped += len(list) - len(young)
			r.said[room] = young
			got, err := r.s.History(t.Context(), room, chat.Range{Before: math.MaxInt64, Limit: 500})
			if err != nil || len(got) != min(500, len(young)) || len(got) > 0 && got[0].ID != young[0].ID {
				t.Fatalf("%s: %d messages, want %d of %d; %v", room, len(got), len(young), len(list), err)
			}
		}
	}
	for range soak(100, 3000) {
		room := rooms[rnd.IntN(3)]
		list := r.said[room]
		switch rnd.IntN(10) {
		case 0, 1, 2, 3:
			age(t, r.s, c, time.Duration(rnd.IntN(20))*time.Hour)
			now := c.now()
			r.say(room, 1+rnd.IntN(80)*rnd.IntN(2), func(int) string { return append(accounts[:2:2], "~guest")[rnd.IntN(3-strings.Count(room, "@")/2)] })
			for i := range r.said[room] {
				if m := &r.said[room][i]; m.Time.IsZero() {
					m.Time = now.Truncate(time.Millisecond)
				}
			}
		case 4:
			if len(list) > 0 {
				m := &list[rnd.IntN(len(list))]
				r.append(chat.Entry{Kind: chat.Gone, Account: m.User, Room: room, User: m.User, Message: m.ID})
				m.Text = ""
			}
		case 5, 6:
			age(t, r.s, c, time.Duration(rnd.IntN(30))*time.Hour)
			drop()
		case 7:
			r.reopen(rnd.IntN(2) == 0, accounts, rooms)
			drop() // as it does by itself at a start
		default:
			if len(list) > 0 {
				r.see(accounts[rnd.IntN(3)], room, list[rnd.IntN(len(list))].ID)
			}
		}
		for _, account := range accounts {
			e := r.append(chat.Entry{Kind: chat.Joined, Account: account, Room: room})
			if want := r.unread(account, room); e.Unread != want {
				t.Fatalf("%s has %d unread in %s, want %d", account, e.Unread, room, want)
			}
		}
	}
	r.reopen(true, accounts, rooms)
	if dropped == 0 {
		t.Error("nothing was ever dropped")
	}
}

// expireOld drops, and notes what must be gone from everywhere. What is taken back of it is noted already.
func (k *talker) expireOld(c *clock) {
	k.t.Helper()
	age(k.t, k.s, c, keepAge/2)
	if err := k.s.DropOld(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	var left []chat.Entry
	for _, e := range k.said {
		kept := e.Room == "coffee" || e.Room == "tea" && e.Time.After(c.now().Add(-10*keepAge)) || e.Time.After(c.now().Add(-keepAge))
		switch {
		case kept:
			left = append(left, e)
		case !k.gone[e.ID]:
			k.texts = append(k.texts, e.Text)
		}
	}
	k.said = left
}

// TestExpire says, takes back and drops: nothing of what was dropped is in any file then, and everything else is there, and found.
func TestExpire(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak(1, 30)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := new(clock)
			k := &talker{t: t, dir: t.TempDir(), rnd: newRandom(seed), gone: map[int64]bool{}, opts: keeping(c)}
			k.open()
			said := 0
			for round := range soak(12, 60) {
				n := 1 + k.rnd.IntN(400)
				said += n
				k.say(n)
				if k.rnd.IntN(2) == 0 {
					for range 20 { // each in a row of its own
						k.say(1)
						if _, err := try(t, k.s, chat.Entry{Kind: chat.Joined, Account: "alice", Room: fmt.Sprint("room", round)}); err != nil {
							t.Fatal(err)
						}
					}
				}
				k.takeBackSome(k.rnd.IntN(8))
				switch k.rnd.IntN(4) {
				case 0:
					k.expireOld(c)
					wantNoBytes(t, k.dir, k.texts)
				case 1:
					k.expireOld(c)
					dir := crashed(t, k.dir)
					k.s.Close()
					k.dir = dir
					k.open()
				case 2:
					age(t, k.s, c, keepAge/3)
				}
			}
			k.expireOld(c) // as it would be by itself at the next start
			k.integrity()
			k.check()
			for range 22 {
				k.expireOld(c)
			}
			k.integrity()
			k.check()
			for _, e := range k.said {
				if e.Room != "coffee" {
					t.Fatalf("%+v is there", e)
				}
			}
			t.Logf("%d said, %d left", said, len(k.said))
		})
	}
}

// onDisk is how many bytes a file takes on the disk.
func onDisk(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// TestExpireGivesBack: what is dropped takes no room on the disk any more, and the database is whole, with readers all the while.
func TestExpireGivesBack(t *testing.T) {
	t.Parallel()
	c := new(clock)
	k := &talker{t: t, dir: t.TempDir(), rnd: newRandom(1), gone: map[int64]bool{}, opts: keeping(c)}
	k.opts.Keep.Rooms = nil
	k.open()
	fill := func() {
		for range 4 {
			k.say(400)
		}
	}
	fill()
	k.integrity() // with the write-ahead log moved into it
	full := onDisk(t, k.dir)
	k.say(100) // which the journal has
	age(t, k.s, c, 2*keepAge)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if _, err := k.s.Find(t.Context(), "lobby", []string{"common"}, 50); err != nil {
					stopped <- err
					return
				}
				time.Sleep(time.Millisecond) // what it reads by must not take all of a processor
			}
		}
	}()
	if err := k.s.DropOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	for _, e := range k.said {
		k.texts = append(k.texts, e.Text)
	}
	k.said = nil
	wantNoBytes(t, k.dir, k.texts)
	empty := onDisk(t, k.dir)
	t.Logf("%d bytes with all, %d with nothing", full, empty)
	if probe(t) && empty > full/5 {
		t.Errorf("of %d bytes %d are left", full, empty)
	}
	// The pages are used again.
	fill()
	k.check()
	k.integrity()
	k.check()
	if again := onDisk(t, k.dir); again > full+full/4 {
		t.Errorf("as much said again takes %d bytes, at first %d", again, full)
	}
}

// probe says whether the file system here makes holes in files.
func probe(t *testing.T) bool {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const punchHole, keepSize = 2, 1
	if _, err := f.Write(make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	err = syscall.Fallocate(int(f.Fd()), punchHole|keepSize, 0, 1<<16)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		t.Log("the file system makes no holes: what is free is used again only")
	}
	return err == nil
}

// TestKeeperRuns: it looks by itself, at the start and then now and then.
func TestKeeperRuns(t *testing.T) {
	c := new(clock)
	opts := keeping(c)
	opts.Keep.Every = time.Millisecond
	s := open(t, t.TempDir(), opts)
	s.Start(chattest.Each(func(chat.Entry) {}))
	say(t, s, "old")
	for range 6 { // a step at a time: it does not believe a clock that jumps
		age(t, s, c, 24*time.Hour)
		say(t, s, "young")
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		list, err := s.History(t.Context(), "lobby", chat.Range{Before: math.MaxInt64, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) < 4 && len(list) > 0 {
			break
		}
		if time.Since(begun) > parleytest.Patience {
			t.Fatalf("there is %+v", list)
		}
	}
}

func TestKeepInCluster(t *testing.T) {
	s := openStream(t, "keep", 0)
	_, err := store.Open(t.Context(), t.TempDir(), store.Options{Stream: s, Keep: store.Keep{Age: keepAge}})
	if !errors.Is(err, store.ErrKeepCluster) {
		t.Error(err)
	}
}
