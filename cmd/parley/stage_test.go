package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/client"
	"parley/protocol"
)

var updateGolden = flag.Bool("update", false, "write the golden screens anew")

// stage is the model with a real client, played against a server in memory, within a synctest bubble: time stands still until nothing
// else can happen, so that every run shows the same.
type stage struct {
	*model
	t       *testing.T
	server  *playServer
	results chan tea.Msg
	raw     []string // sent to the terminal besides the screen
	quit    bool
}

// play runs a test in a bubble. The person is anna.
func play(t *testing.T, width, height int, server *playServer, act func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		feed := newFeed()
		server.t = t
		c, err := client.Connect(t.Context(), client.Config{Dial: server.dial, User: "anna", Password: givenOnce("secret"), OnUpdate: func(u client.Update) { feed.send(u) }, Queue: 8, Unread: unreadAtOnce, Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := &stage{t: t, server: server, results: make(chan tea.Msg, 4096)}
		s.model = newModel(ctx, &link{Client: c, user: "anna"}, feed, modelOptions{
			style: style{colour: true, now: time.Now}, now: func() time.Time { return time.Now().UTC() }, keep: 1000, notify: notifiers["osc9"],
		})
		s.model.move(lobby)
		s.start(s.Init())
		s.take(tea.WindowSizeMsg{Width: width, Height: height})
		s.settle()
		act(s)
		cancel()
		feed.close()
		server.kill()
		c.Close()
		time.Sleep(2 * time.Second) // the last tick
	})
}

func (s *stage) start(cmd tea.Cmd) {
	if cmd != nil {
		go func() { s.results <- cmd() }()
	}
}

// take hands the model one message and starts what it asks for.
func (s *stage) take(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, cmd := range msg {
			s.start(cmd)
		}
	case tea.RawMsg:
		s.raw = append(s.raw, fmt.Sprint(msg.Msg))
	case tea.QuitMsg:
		s.quit = true
	default:
		_, cmd := s.model.Update(msg)
		s.start(cmd)
	}
}

// settle lets everything happen that can without time passing.
func (s *stage) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-s.results:
			s.take(msg)
		default:
			return
		}
	}
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(100*time.Millisecond, time.Until(end)))
		s.settle()
	}
}

// press presses keys by their names.
func (s *stage) press(keys ...string) {
	for _, key := range keys {
		s.take(press(key))
		s.settle()
	}
}

// typed types a text, and Enter.
func (s *stage) typed(text string) {
	for _, r := range text {
		s.take(press(string(r)))
	}
	s.press("enter")
}

// screen is what is on the screen, without its colours; _ marks the cursor's cell where that is empty.
func (s *stage) screen() string {
	v := s.View()
	rows := strings.Split(ansi.Strip(v.Content), "\n")
	for i, row := range rows {
		if w := s.measure.StringWidth(row); w != s.width {
			s.t.Errorf("row %d is %d wide: %q", i, w, row)
		}
		rows[i] = strings.TrimRight(row, " \u3000")
	}
	if len(rows) != s.height {
		s.t.Errorf("%d rows", len(rows))
	}
	if v.Cursor == nil || v.Cursor.X < 0 || v.Cursor.X >= s.width || v.Cursor.Y < 0 || v.Cursor.Y >= s.height {
		s.t.Errorf("the cursor is at %v", v.Cursor)
	} else if row := &rows[v.Cursor.Y]; s.measure.StringWidth(*row) <= v.Cursor.X {
		*row += strings.Repeat(" ", v.Cursor.X-s.measure.StringWidth(*row)) + "_"
	}
	return strings.Join(rows, "\n") + "\n"
}

func (s *stage) shows(text string) {
	s.t.Helper()
	if screen := s.screen(); !strings.Contains(screen, text) {
		s.t.Errorf("%q is not shown:\n%s", text, screen)
	}
}

func (s *stage) hides(text string) {
	s.t.Helper()
	if screen := s.screen(); strings.Contains(screen, text) {
		s.t.Errorf("%q is shown:\n%s", text, screen)
	}
}

var aTry = regexp.MustCompile("next try in [0-9]s|trying now")

// golden compares the screen with testdata/screens/NAME.golden.
func (s *stage) golden(name string) {
	s.t.Helper()
	golden(s.t, filepath.Join("testdata", "screens", name+".golden"), aTry.ReplaceAllString(s.screen(), "next try in 3s")) // it is jittered
}

// golden compares what is shown with a file that somebody has looked at.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *updateGolden {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
	}
}

// playServer is a server in memory with a log that a test writes to.
type playServer struct {
	t *testing.T

	mu      sync.Mutex
	down    bool
	conn    net.Conn
	log     []protocol.Event
	rooms   map[string]*playRoom
	keys    map[string]int64
	refuse  map[string]string // reply to a command, or to a text that is sent, in place of the usual one
	asked   []string          // lines, in order
	nextID  int64
	limited int // SENDs that are refused as too fast before the next is taken
}

type playRoom struct {
	topic string
	here  []string
	seen  int64
}

func newPlay() *playServer {
	return &playServer{rooms: map[string]*playRoom{lobby: {here: []string{"anna", "ben", "carla"}}}, keys: map[string]int64{}, refuse: map[string]string{}, nextID: 1}
}

func (p *playServer) dial(context.Context) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return nil, fmt.Errorf("connection refused")
	}
	mine, theirs := net.Pipe()
	p.conn = theirs
	go func() {
		lines := bufio.NewReader(theirs)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if _, err := io.WriteString(theirs, p.reply(strings.TrimSuffix(line, "\n"))); err != nil {
				return
			}
		}
	}()
	return mine, nil
}

func (p *playServer) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	p.conn.Close()
}

func (p *playServer) revive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// say puts a message into the log, and on the wire where there is one.
func (p *playServer) say(room, user, text string) int64 {
	p.mu.Lock()
	e := p.add(room, user, text)
	conn, down := p.conn, p.down
	p.mu.Unlock()
	if conn != nil && !down {
		conn.Write(e.Append(nil))
	}
	return e.ID
}

func (p *playServer) add(room, user, text string) protocol.Event {
	if p.rooms[room] == nil {
		p.rooms[room] = &playRoom{here: []string{"anna"}}
	}
	at := time.Now()
	if at.Year() > 2000 { // before the bubble
		at = time.Date(1999, time.December, 31, 12, 0, 0, 0, time.UTC)
	}
	e := protocol.Event{Command: protocol.EventMsg, ID: p.nextID, Time: at, Room: room, User: user, Text: text}
	p.nextID += 2
	p.log = append(p.log, e)
	return e
}

// event sends a line of another kind.
func (p *playServer) event(line string) {
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	io.WriteString(conn, line+"\n")
}

func (p *playServer) reply(line string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, line)
	command, data, _ := strings.Cut(line, "|")
	f := strings.Split(data, "|")
	if refusal, found := p.refuse[command]; found {
		return refusal + "\n"
	}
	switch command {
	case "HELLO":
		return "OK|uuid||lobby\n"
	case "LIST":
		if data == "*" {
			return "OK|attic:3|greenhouse:1\n"
		}
		var fields []string
		for name, room := range p.rooms {
			last, unread := int64(0), 0
			for _, e := range p.log {
				if e.Room == name {
					last = e.ID
					if e.ID > room.seen && e.User != "anna" {
						unread++
					}
				}
			}
			fields = append(fields, fmt.Sprintf("%s:%d:%d:%d", name, last, room.seen, unread))
		}
		slices.Sort(fields)
		return "OK|" + strings.Join(fields, "|") + "\n"
	case "SEEN":
		p.rooms[f[0]].seen, _ = strconv.ParseInt(f[1], 10, 64)
	case "WHO":
		return "OK|" + strings.Join(p.rooms[f[0]].here, "|") + "\n"
	case "TOPIC":
		return "OK|" + p.rooms[f[0]].topic + "\n"
	case "JOIN":
		p.rooms[f[0]] = &playRoom{here: []string{"anna"}}
		return "OK|" + f[0] + "|1|0\n"
	case "LEAVE":
		delete(p.rooms, f[0])
	case "SEND":
		return p.send(f[0], f[1], f[2])
	case "HISTORY", "FIND":
		return p.history(command, f)
	}
	return "OK|" + data + "\n"
}

func (p *playServer) send(room, key, text string) string {
	if refusal, found := p.refuse[text]; found {
		return refusal + "\n"
	}
	if p.limited > 0 {
		p.limited--
		return "ERROR|rate-limited|2 seconds to wait\n"
	}
	if p.keys[key] == 0 {
		p.keys[key] = p.add(room, "anna", text).ID
	}
	return fmt.Sprintf("OK|%d\n", p.keys[key])
}

func (p *playServer) history(command string, f []string) string {
	var found []protocol.Event
	for _, e := range p.log {
		if e.Room == f[0] && (command == "HISTORY" || strings.Contains(e.Text, f[1])) {
			found = append(found, e)
		}
	}
	if command == "HISTORY" {
		id, _ := strconv.ParseInt(f[2], 10, 64)
		limit, _ := strconv.Atoi(f[3])
		found = slices.DeleteFunc(found, func(e protocol.Event) bool { return (f[1] == "before") != (e.ID < id) || e.ID == id })
		if n := len(found) - limit; n > 0 && f[1] == "before" {
			found = found[n:]
		} else if n > 0 {
			found = found[:limit]
		}
	}
	var b strings.Builder
	for _, e := range found {
		b.Write(e.Append(nil))
	}
	return fmt.Sprintf("%sOK|%d\n", b.String(), len(found))
}
