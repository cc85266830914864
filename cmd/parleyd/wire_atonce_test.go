package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/internal/parleytest"
)

// TestPositionsAtOnce: several sessions of several accounts speak, read, leave, come back and take back at the same time. Then every
// count is what the history says, to all sessions, and after a kill.
func TestPositionsAtOnce(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--outbox-bytes", "16MiB")...)
	names := []string{"ada", "bob", "cyd"}
	addUsers(s, names...)
	rounds := 3
	for round := range rounds {
		var all sync.WaitGroup
		var conns []*parleytest.Conn
		for i, name := range append(names, names...) {
			c := s.SignIn(name)
			conns = append(conns, c)
			c.Do("JOIN|room")
			r := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			all.Go(func() { busy(t, c, r) })
		}
		all.Wait()
		if t.Failed() {
			return
		}
		for _, c := range conns {
			c.Do("JOIN|room") // the other session may have left it last
		}
		drop(conns...)
		room, lists := wholeRoom(t, conns[0]), map[string]string{}
		for i, c := range conns {
			name := names[i%len(names)]
			item := listed(t, c, "room")
			f := strings.Split(item, ":")
			at, _ := strconv.ParseInt(f[2], 10, 64)
			unread := 0
			for _, m := range room {
				if m.id > at && m.user != name && m.text != "" {
					unread++
				}
			}
			if want := fmt.Sprintf("room:%d:%d:%d", room[len(room)-1].id, at, unread); item != want {
				t.Errorf("round %d: %s has %s, want %s", round, name, item, want)
			}
			if lists[name] != "" && lists[name] != item {
				t.Errorf("%s's sessions have %s and %s", name, lists[name], item)
			}
			lists[name] = item
			c.Do("EXIT|")
		}
		if round == rounds/2 {
			s.Kill()
			s.Launch()
		}
	}
}

// busy has a session do all that changes counts, pipelined.
func busy(t *testing.T, c *parleytest.Conn, r *rand.Rand) {
	var known, mine []int64
	for range 30 {
		var lines []string
		for range 5 {
			switch n := r.IntN(40); {
			case n < 26 || len(known) == 0:
				lines = append(lines, "SEND|room||text")
			case n < 34:
				lines = append(lines, seen("room", pick(r, known)))
			case n < 36:
				lines = append(lines, "LEAVE|room", "JOIN|room")
			case n < 38 && len(mine) > 0:
				lines = append(lines, fmt.Sprint("DELETE|", pick(r, mine)))
			default:
				lines = append(lines, "SEEN|room|9223372036854775807")
			}
		}
		if _, err := c.TLS.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
			t.Error(err)
			return
		}
		for i := 0; i < len(lines); {
			line, err := c.TryLine(parleytest.Patience)
			if err != nil {
				t.Error(err)
				return
			}
			f := strings.Split(line, "|")
			switch n, _ := strconv.ParseInt(f[1], 10, 64); {
			case f[0] == "MSG":
				known = append(known, n)
				continue
			case !parleytest.IsReply(line):
				continue
			case f[0] == "ERROR" && f[1] != "not-member": // another session of the account has left
				t.Errorf("%s: %s", lines[i], line)
			case strings.HasPrefix(lines[i], "SEND|") && f[0] == "OK":
				known, mine = append(known, n), append(mine, n)
			}
			i++
		}
	}
}

// wholeRoom reads a room's history, what was taken back as well.
func wholeRoom(t *testing.T, c *parleytest.Conn) (list []modelMessage) {
	t.Helper()
	for last := int64(0); ; last = list[len(list)-1].id {
		c.Events = nil
		reply := c.Do(fmt.Sprintf("HISTORY|room|after|%d|500", last))
		for _, e := range c.Events {
			f := strings.SplitN(e, "|", 6)
			n, _ := strconv.ParseInt(f[1], 10, 64)
			switch f[0] {
			case "MSG":
				list = append(list, modelMessage{n, f[4], f[5]})
			case "GONE":
				list = append(list, modelMessage{n, f[3], ""})
			}
		}
		if reply != "OK|500" {
			c.Events = nil
			return list
		}
	}
}

// TestJoinableInPages: LIST|* is cut as WHO is.
func TestJoinableInPages(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--max-rooms", "0", "--max-invites", "0")...)
	addUsers(s, "maker", "bob")
	maker, bob := s.SignIn("maker"), s.SignIn("bob")
	var lines, want []string
	for i := range 300 {
		name := fmt.Sprintf("%s%04d", strings.Repeat("r", 28), i)
		switch i % 3 {
		case 0:
			lines, want = append(lines, "JOIN|"+name), append(want, name+":1")
		case 1:
			lines = append(lines, "JOIN|"+name+"|locked")
		case 2:
			lines, want = append(lines, "JOIN|"+name+"|locked", "INVITE|"+name+"|bob"), append(want, name+":1")
		}
	}
	maker.Send(lines...)
	for range lines {
		maker.Reply()
	}
	name := func(item string) string { return item[:strings.IndexByte(item, ':')] }
	if got, n := pages(t, bob, "LIST|*", "LIST|*|", name); !slices.Equal(got, want) || n != 2 {
		t.Errorf("%d items on %d pages, want %d", len(got), n, len(want))
	}
	hold(t, maker, []exchange{{"LIST|*", "OK|"}})
}
