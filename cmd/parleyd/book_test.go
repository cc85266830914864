package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// book is what was acknowledged to those who talk.
type book struct {
	pace   time.Duration // that each of them waits between two messages
	filler string        // what each message begins with
	behind func() bool   // where it is not nil: they wait while somebody has too much to hear

	mu      sync.Mutex
	texts   map[string]int64 // what was said, and its id
	said    map[int64]string
	twice   []string
	signIns int // of all of them; more than they are tells of lost connections
	stop    chan struct{}
	running sync.WaitGroup
}

func newBook() *book {
	return &book{said: make(map[int64]string), texts: make(map[string]int64), stop: make(chan struct{})}
}

// talkers adds n accounts and lets each talk in the lobby until end, or the end of a test that fails before.
func (b *book) talkers(t *testing.T, s *parleytest.Server, n int) {
	t.Helper()
	names := numbered("talker", n)
	addUsers(s, names...)
	t.Cleanup(b.end)
	for _, name := range names {
		b.running.Go(func() { b.talk(t, s, name) })
	}
}

// more waits until n more messages are acknowledged.
func (b *book) more(t *testing.T, n int) {
	t.Helper()
	before := b.len()
	eventually(t, fmt.Sprintf("%d more messages are acknowledged", n), func() bool { return b.len() >= before+n || t.Failed() })
}

// end lets those who talk finish. It may be called again.
func (b *book) end() {
	if !closed(b.stop) {
		close(b.stop)
	}
	b.running.Wait()
}

// dropped is how often one of n who talk had to sign in again.
func (b *book) dropped(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.signIns - n
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

// compare says what of the book is lost, and fails the test where anything is, or is there
// twice, out of order, or at a time before the last.
func (b *book) compare(t *testing.T, kept []message) {
	t.Helper()
	for _, line := range b.twice {
		t.Error(line)
	}
	inOrder(t, kept)
	seen := make(map[string]int64)
	count := make(map[string]int)
	for _, m := range kept {
		if before, twice := seen[m.text]; twice {
			t.Errorf("%q is there twice: %d, %d", m.text, before, m.id)
		}
		seen[m.text] = m.id
		n, _ := strconv.Atoi(m.text[strings.LastIndexByte(m.text, ' ')+1:])
		if n <= count[m.user] {
			t.Errorf("%s: %d after %d", m.user, n, count[m.user])
		}
		count[m.user] = n
	}
	lost := 0
	for text, id := range b.texts {
		if seen[text] != id {
			lost++
			t.Errorf("%q was acknowledged as %d and is %d", text, id, seen[text])
		}
	}
	if len(b.texts) == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("%d messages acknowledged, %d lost", len(b.texts), lost)
}

// inOrder fails the test where an id does not grow, or a time goes back.
func inOrder(t *testing.T, kept []message) {
	t.Helper()
	var last message
	for _, m := range kept {
		if m.id <= last.id || m.time < last.time {
			t.Errorf("%d at %s after %d at %s", m.id, m.time, last.id, last.time)
		}
		last = m
	}
}

// talk says numbered texts with keys, many at once, and says again what had no
// answer, in order, whenever the connection breaks.
func (b *book) talk(t *testing.T, s *parleytest.Server, name string) {
	next, acknowledged := 1, 0
	text := func(n int) string { return fmt.Sprintf("%s%s says %d", b.filler, name, n) }
	for {
		conn, r := connect(t, s, name)
		if conn == nil {
			return
		}
		b.mu.Lock()
		b.signIns++
		b.mu.Unlock()
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
			if closed(b.stop) && sent == acknowledged {
				fmt.Fprint(conn, "EXIT|\n")
				for range replies {
				}
				conn.Close()
				return
			}
			if sent-acknowledged < 16 && !(closed(b.stop) && sent >= next-1) {
				for b.behind != nil && b.behind() && !closed(b.stop) {
					time.Sleep(b.pace)
				}
				sent++
				next = max(next, sent+1)
				fmt.Fprintf(conn, "SEND|lobby|k%d|%s\n", sent, text(sent))
				time.Sleep(b.pace)
				continue
			}
			id, ok := <-replies
			if !ok {
				open = false
				continue
			}
			acknowledged++
			b.note(id, text(acknowledged))
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

// message is a MSG event of the lobby. Times compare as text.
type message struct {
	id               int64
	time, user, text string
}

// parseMessage is false for what is no message.
func parseMessage(t *testing.T, line string) (message, bool) {
	f := strings.SplitN(line, "|", 6)
	if f[0] != "MSG" {
		return message{}, false
	}
	if len(f) != 6 {
		t.Errorf("%q", line)
		return message{}, false
	}
	id, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		t.Errorf("%q", line)
	}
	return message{id, f[2], f[4], f[5]}, err == nil
}

// readAs reads the lobby's whole history, page by page.
func readAs(t *testing.T, s *parleytest.Server, name string) (list []message) {
	t.Helper()
	c := s.SignIn(name)
	for after := int64(0); ; {
		c.Events = nil
		reply := c.Do(fmt.Sprintf("HISTORY|lobby|after|%d|500", after))
		for _, e := range c.Events {
			if m, ok := parseMessage(t, e); ok {
				list = append(list, m)
				after = m.id
			}
		}
		if reply != "OK|500" {
			return list
		}
	}
}

// witness signs in and only listens: what it hears must be what is kept.
type witness struct {
	*parleytest.Conn
	heard []message
	count atomic.Int64 // of heard
	done  chan struct{}
}

func hear(t *testing.T, s *parleytest.Server, name string) *witness {
	t.Helper()
	s.User(name)
	w := &witness{Conn: s.SignIn(name), done: make(chan struct{})}
	t.Cleanup(func() {
		w.Close()
		<-w.done
	})
	go func() {
		defer close(w.done)
		for {
			line, err := w.TryLine(parleytest.Patience)
			if err != nil || strings.HasPrefix(line, "BYE|") {
				if !t.Failed() { // else it may be the end of the test
					t.Errorf("%s, who listened, was cut off: %q, %v", name, line, err)
				}
				return
			}
			if line == "OK|that is all" {
				return
			}
			if m, ok := parseMessage(t, line); ok {
				w.heard = append(w.heard, m)
				w.count.Add(1)
			}
		}
	}()
	return w
}

// compare is to be called when nobody talks any more. It fails the test where anything was
// heard that is not kept, not heard that is, or otherwise than it is kept.
func (w *witness) compare(t *testing.T, kept []message) {
	t.Helper()
	w.Send("PING|that is all") // behind all events before it
	<-w.done
	if len(w.heard) == 0 || !slices.Equal(w.heard, kept) {
		t.Errorf("%d messages were heard live, %d are kept, or they differ", len(w.heard), len(kept))
	}
}
