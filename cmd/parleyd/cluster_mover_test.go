package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"parley/internal/historytest"
	"parley/internal/parleytest"
)

// mover is a client that talks in the lobby, and goes to another node when its own fails, or at a whim.
// What had no OK it says again with the same key. It runs in one goroutine.
type mover struct {
	diary *diary
	nodes []*parleytest.Server
	tls   []*tls.Config
	name  string
	home  int  // the node that it likes best
	stays bool // it goes nowhere else, so that what its home acknowledges, and how fast, tells of that node alone
	rand  *rand.Rand

	at       int    // the node it is at, or tries next
	token    string // "" means the password
	conn     *tls.Conn
	lines    *bufio.Reader
	session  *historytest.Session // nil while conn is
	known    int64                // nothing is missing up to this id
	said     []*historytest.Send  // in order; the last may have no OK yet
	tries    int                  // of the last
	patience time.Duration        // with each reply
	busy     int                  // how often in a row
}

// run talks until stop is closed and all is acknowledged, or the test gives up on it.
func (m *mover) run(stop <-chan struct{}) {
	var give time.Time
	for {
		if closed(stop) {
			if give.IsZero() {
				give = time.Now().Add(parleytest.Patience)
			}
			if !m.pending() || m.diary.t.Failed() {
				break
			}
			if time.Now().After(give) {
				m.diary.complain("%s gets no OK for %q", m.name, m.said[len(m.said)-1].Text)
				break
			}
		}
		if m.conn == nil && !m.arrive() {
			m.elsewhere()
			continue
		}
		m.turn()
		time.Sleep(time.Duration(5+m.rand.IntN(40)) * time.Millisecond)
	}
	m.leave()
}

// turn does one thing.
func (m *mover) turn() {
	switch whim := m.rand.IntN(100); {
	case m.pending() || whim < 92:
		m.say()
	case whim < 95:
		m.repeat()
	case m.stays:
	case whim < 98 && m.at != m.home:
		m.leave()
		m.at = m.home
	case whim == 98:
		if _, err := m.ask("EXIT|"); err == nil {
			m.token = ""
		}
		m.leave()
		m.elsewhere()
	case whim == 99: // without a word
		m.leave()
		m.elsewhere()
	}
}

func (m *mover) elsewhere() {
	if !m.stays {
		m.at = m.rand.IntN(len(m.nodes))
	}
	time.Sleep(time.Duration(m.rand.IntN(100)) * time.Millisecond)
}

// arrive connects, signs in and catches up; false where that fails. Who stays is patient: a node that is well
// says that it is busy within 5 s.
func (m *mover) arrive() bool {
	m.patience = slowReply + time.Second
	if !m.stays {
		m.patience = time.Second + time.Duration(m.rand.Int64N(int64(5*time.Second)))
	}
	dialer := &net.Dialer{Timeout: m.patience, Deadline: time.Now().Add(m.patience)}
	conn, err := tls.DialWithDialer(dialer, "tcp", m.nodes[m.at].Addr, m.tls[m.at])
	if err != nil {
		return false
	}
	m.conn, m.lines = conn, bufio.NewReader(conn)
	m.session = &historytest.Session{Client: m.name, User: m.name, Node: strconv.Itoa(m.at), From: m.known}
	credential := m.token
	if credential == "" {
		credential = parleytest.Password
	}
	reply, err := m.ask("HELLO|" + m.name + "|" + credential)
	fields := strings.Split(reply, "|")
	if err != nil || fields[0] != "OK" {
		m.diary.refused(m.at, "HELLO", reply)
		if strings.HasPrefix(reply, "ERROR|denied|") {
			if m.token == "" {
				m.diary.complain("%s: the password is denied at %d", m.name, m.at)
			}
			m.token = ""
		}
		m.drop()
		return false
	}
	m.token = fields[2]
	if !m.catchUp() {
		m.leave()
		return false
	}
	return true
}

// catchUp reads what was said since known; false where the connection ended.
func (m *mover) catchUp() bool {
	const page = 500
	after := m.known
	for {
		before := len(m.session.Seen)
		reply, err := m.ask(fmt.Sprintf("HISTORY|lobby|after|%d|%d", after, page))
		if err != nil {
			m.session.Seen = m.session.Seen[:before] // nobody says which of it are the page
			return false
		}
		n, err := strconv.Atoi(strings.TrimPrefix(reply, "OK|"))
		if err != nil || n > len(m.session.Seen)-before {
			m.diary.refused(m.at, "HISTORY", reply)
			return false
		}
		seen := m.session.Seen
		for i := len(seen) - n; i < len(seen); i++ {
			seen[i].Kind = historytest.Page
			after = seen[i].ID
		}
		if n < page {
			m.session.Whole = true
			return true
		}
	}
}

// pending says whether the last message has no OK yet.
func (m *mover) pending() bool { return len(m.said) > 0 && len(m.said[len(m.said)-1].IDs) == 0 }

// say says something new, or again what had no OK.
func (m *mover) say() {
	if !m.pending() {
		n := len(m.said) + 1
		m.said = append(m.said, &historytest.Send{User: m.name, Room: "lobby", Key: fmt.Sprintf("k%d", n),
			Text: fmt.Sprintf("%s says %d", m.name, n), Began: m.diary.moment()})
		m.tries = 0
	}
	m.tries++
	m.send(m.said[len(m.said)-1], m.tries == 1)
}

// repeat says again what was acknowledged.
func (m *mover) repeat() {
	if len(m.said) > 0 {
		m.send(m.said[len(m.said)-1-m.rand.IntN(min(20, len(m.said)))], false)
	}
}

func (m *mover) send(s *historytest.Send, first bool) {
	reply, err := m.ask("SEND|" + s.Room + "|" + s.Key + "|" + s.Text)
	if err != nil {
		m.leave()
		m.elsewhere()
		return
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(reply, "OK|"), 10, 64)
	if err != nil {
		m.refused(reply)
		return
	}
	m.busy = 0
	if s.IDs = append(s.IDs, id); s.Acknowledged == 0 {
		s.Acknowledged = m.diary.moment()
		m.diary.acknowledged(m.at)
	}
	if first {
		m.session.Seen = append(m.session.Seen, historytest.Seen{Kind: historytest.Acked, Message: historytest.Message{ID: id, Room: s.Room}})
	}
}

// refused waits a little, and after some time goes elsewhere.
func (m *mover) refused(reply string) {
	m.diary.refused(m.at, "SEND", reply)
	if !strings.HasPrefix(reply, "ERROR|busy|") {
		m.diary.complain("%s at %d: %s", m.name, m.at, reply)
	}
	if m.busy++; !m.stays && m.busy > 1+m.rand.IntN(10) {
		m.busy = 0
		m.leave()
		m.elsewhere()
	}
	if m.conn != nil { // who is connected can read, whatever NATS does
		const none = "HISTORY|lobby|after|9000000000000000000|1"
		reply, err := m.ask(none)
		if err != nil { // what answers it later would be taken for another's answer
			m.leave()
			m.elsewhere()
		} else if reply != "OK|0" {
			m.diary.complain("%s at %d: %s: %s", m.name, m.at, none, reply)
		}
	}
	time.Sleep(100 * time.Millisecond)
}

// ask sends a line and returns its reply. Events before it are written down.
func (m *mover) ask(line string) (string, error) {
	began := time.Now()
	m.conn.SetDeadline(began.Add(m.patience))
	if _, err := fmt.Fprintln(m.conn, line); err != nil {
		return "", err
	}
	for {
		text, err := m.lines.ReadString('\n')
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				m.diary.answered(m.at, line, m.patience)
			}
			return "", err
		}
		if text = strings.TrimSuffix(text, "\n"); parleytest.IsReply(text) {
			m.diary.answered(m.at, line, time.Since(began))
			return text, nil
		}
		if strings.HasPrefix(text, "BYE|") {
			m.diary.refused(m.at, "BYE", text)
		}
		if event, ok := said(text); ok {
			m.session.Seen = append(m.session.Seen, historytest.Seen{Message: event})
		}
	}
}

// said reads a MSG event.
func said(line string) (m historytest.Message, ok bool) {
	f := strings.SplitN(line, "|", 6)
	if len(f) != 6 || f[0] != "MSG" {
		return m, false
	}
	id, err := strconv.ParseInt(f[1], 10, 64)
	return historytest.Message{ID: id, Time: f[2], Room: f[3], User: f[4], Text: f[5]}, err == nil
}

// leave ends the session without a word and writes down what it saw.
func (m *mover) leave() {
	if m.conn == nil {
		return
	}
	if m.session.Whole {
		for _, e := range m.session.Seen {
			if e.Kind != historytest.Acked {
				m.known = max(m.known, e.ID)
			}
		}
	}
	m.diary.session(*m.session)
	m.drop()
}

func (m *mover) drop() {
	m.conn.Close()
	m.conn, m.session = nil, nil
}
