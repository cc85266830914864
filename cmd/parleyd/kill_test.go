package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestKill: killed with SIGKILL at random moments under load, a server that
// is started again has lost nothing that was acknowledged and holds nothing twice or out of order.
func TestKill(t *testing.T) {
	kills := 10
	if os.Getenv("PARLEY_SOAK") != "" {
		kills = 200
	}
	s := parleytest.Start(t, "--msg-rate", "0", "--byte-rate", "0", "--command-rate", "0")
	const talkers = 4
	book := &book{said: make(map[int64]string), texts: make(map[string]int64)}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for i := range talkers {
		name := fmt.Sprintf("talker%d", i)
		s.User(name)
		running.Go(func() { talk(t, s, name, book, stop) })
	}
	s.User("reader")
	for range kills {
		before := book.len()
		for book.len() < before+50 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		s.Kill()
		s.Launch()
	}
	close(stop)
	running.Wait()
	book.compare(t, readAs(t, s, "reader"))
	t.Logf("%d kills, %d messages acknowledged", kills, book.len())
}

// book is what was acknowledged.
type book struct {
	mu    sync.Mutex
	said  map[int64]string
	texts map[string]int64
	twice []string
}

func (b *book) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.said)
}

func (b *book) note(id int64, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, known := b.said[id]; known && old != text {
		b.twice = append(b.twice, fmt.Sprintf("id %d for %q and %q", id, old, text))
	}
	b.said[id] = text
	b.texts[text] = id
}

func (b *book) compare(t *testing.T, kept []message) {
	for _, line := range b.twice {
		t.Error(line)
	}
	seen := make(map[string]int64)
	last := make(map[string]int)
	var lastID int64
	for _, m := range kept {
		if m.id <= lastID {
			t.Errorf("id %d after %d", m.id, lastID)
		}
		lastID = m.id
		if before, twice := seen[m.text]; twice {
			t.Errorf("%q is there twice: %d, %d", m.text, before, m.id)
		}
		seen[m.text] = m.id
		n, _ := strconv.Atoi(m.text[strings.LastIndexByte(m.text, ' ')+1:])
		if n <= last[m.user] {
			t.Errorf("%s: %d after %d", m.user, n, last[m.user])
		}
		last[m.user] = n
	}
	for text, id := range b.texts {
		if seen[text] != id {
			t.Errorf("%q was acknowledged as %d and is %d", text, id, seen[text])
		}
	}
}

// talk says numbered texts with keys, many at once, and says again what had no
// answer, in order, whenever the connection breaks.
func talk(t *testing.T, s *parleytest.Server, name string, b *book, stop <-chan struct{}) {
	next, acknowledged := 1, 0
	for {
		conn, r := connect(t, s, name)
		if conn == nil {
			return
		}
		replies := make(chan int64, 1000)
		go func() {
			defer close(replies)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if text, ok := strings.CutPrefix(line, "OK|"); ok {
					id, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
					replies <- id
				} else if strings.HasPrefix(line, "ERROR") {
					t.Errorf("%s: %s", name, line)
				}
			}
		}()
		sent := acknowledged
		for open := true; open; {
			select {
			case <-stop:
				if sent == acknowledged {
					conn.Close()
					for range replies {
					}
					return
				}
			default:
			}
			if sent-acknowledged < 16 && !(closed(stop) && sent >= next-1) {
				sent++
				next = max(next, sent+1)
				fmt.Fprintf(conn, "SEND|lobby|k%d|%s says %d\n", sent, name, sent)
				continue
			}
			id, ok := <-replies
			if !ok {
				open = false
				continue
			}
			acknowledged++
			b.note(id, fmt.Sprintf("%s says %d", name, acknowledged))
		}
		conn.Close()
		for range replies {
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// connect signs in, again and again until a server is there.
func connect(t *testing.T, s *parleytest.Server, name string) (*tls.Conn, *bufio.Reader) {
	for give := time.Now().Add(parleytest.Patience); time.Now().Before(give); time.Sleep(5 * time.Millisecond) {
		conn, err := tls.Dial("tcp", s.Addr, s.TLS())
		if err != nil {
			continue
		}
		fmt.Fprintf(conn, "HELLO|%s|%s\n", name, parleytest.Password)
		r := bufio.NewReader(conn)
		if line, err := r.ReadString('\n'); err == nil && strings.HasPrefix(line, "OK|") {
			return conn, r
		}
		conn.Close()
	}
	t.Errorf("%s cannot sign in", name)
	return nil, nil
}

type message struct {
	id         int64
	user, text string
}

// readAs reads the lobby's whole history, page by page.
func readAs(t *testing.T, s *parleytest.Server, name string) (list []message) {
	c := s.SignIn(name)
	for after := int64(0); ; {
		c.Events = nil
		reply := c.Do(fmt.Sprintf("HISTORY|lobby|after|%d|500", after))
		for _, e := range c.Events {
			f := strings.SplitN(e, "|", 6)
			if f[0] != "MSG" {
				continue
			}
			id, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil || len(f) != 6 {
				t.Fatalf("%q", e)
			}
			list = append(list, message{id, f[4], f[5]})
			after = id
		}
		if reply != "OK|500" {
			return list
		}
	}
}
