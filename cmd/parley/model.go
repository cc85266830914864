package main

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/client"
	"parley/protocol"
)

type modelOptions struct {
	style   style
	now     func() time.Time
	keep    int // messages of a room
	notify  notifier
	noMouse bool
}

// model is the full screen: a Mirror of what there is to look at, what is being typed, and where the person looks. It belongs to the
// program's goroutine; what waits runs as a command beside it and comes back as a message.
type model struct {
	modelOptions
	ctx    context.Context // ends with the screen
	link   *link
	feed   *feed
	mirror *client.Mirror
	last   *lastSaid

	width, height int
	measure       ansi.Method // how the terminal reckons the width of text
	attention     attention
	room          string // on the screen
	rooms         map[string]*roomView
	input         input
	overlay       *overlay // over the messages, nil: none
	said          []string // what the last command said
	errands       []queued // lines that wait to be carried out, the first of them being so
	leaving       bool     // Ctrl-C was pressed once
	ending        bool     // the program ends when the errands are done
	ended         error    // why the program ends

	tls      string // of the present connection
	asking   questions
	alarms   alarms
	joinable joinable
	ticking  bool // a tick is on its way
	rowCache rowCache
}

// Messages to the model of its own commands; errand.go has those of errands, and client.Update is the client's.
type (
	settledMsg struct {
		post *client.Post
		id   int64
		err  error
	}
	endedMsg struct{} // the client has ended
	tickMsg  struct{}
)

func newModel(ctx context.Context, link *link, feed *feed, o modelOptions) *model {
	return &model{
		modelOptions: o, ctx: ctx, link: link, feed: feed, mirror: client.NewMirror(link.user, o.keep), last: &lastSaid{},
		width: 80, height: 24, attention: attention{active: o.now()}, rooms: map[string]*roomView{}, rowCache: rowCache{},
	}
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.feed.listen, func() tea.Msg {
		select {
		case <-m.link.Done():
			return endedMsg{}
		case <-m.ctx.Done():
			return nil
		}
	})
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	m.look()
	return m, tea.Batch(cmd, m.ask(), m.tick())
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case batch:
		cmds := []tea.Cmd{m.feed.listen}
		for _, one := range msg {
			cmds = append(cmds, m.take(one))
		}
		return tea.Batch(cmds...)
	case client.Update:
		return m.update(msg)
	case tea.KeyPressMsg:
		m.attention.active = m.now()
		return m.press(msg)
	case tea.PasteMsg:
		m.attention.active = m.now()
		m.paste(msg.Content)
	case tea.MouseMsg:
		m.attention.active = m.now()
		m.mouse(msg)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		clear(m.rowCache)
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value == ansi.ModeReset || msg.Value == ansi.ModeSet || msg.Value == ansi.ModePermanentlySet) {
			m.measure = ansi.GraphemeWidth // as the renderer does from now on
			clear(m.rowCache)
		}
	case tea.FocusMsg:
		m.attention.told, m.attention.focused = true, true
	case tea.BlurMsg:
		m.attention.told, m.attention.focused = true, false
	case movedMsg:
		m.carry(string(msg))
	case postedMsg:
		return m.posted(msg.post)
	case settledMsg:
		m.settled(msg)
	case toldMsg:
		m.said = msg
	case secretMsg:
		m.input.askSecret(msg)
	case *errand:
		return m.returned(msg)
	case answerMsg:
		msg(m)
	case endedMsg:
		m.ended = m.link.Err()
		return tea.Quit
	case tickMsg:
		m.ticking = false
	}
	return nil
}

// update takes what the client tells.
func (m *model) update(u client.Update) tea.Cmd {
	m.mirror.Take(u, m.now())
	switch u.State {
	case client.Online:
		m.tls = m.secured()
		m.asking.coolUntil = time.Time{}
	case client.Rewound:
		if v := m.rooms[u.Room.Name]; v != nil {
			v.follow()
			v.told = 0
		}
		m.tell("the server goes on from an older state of " + protocol.Printable(u.Room.Name) + ": what is not there any more is not shown")
	case client.Warning:
		m.tell(sentence(u.Err))
	case client.Event:
		switch u.Event.Command {
		case protocol.EventNote:
			m.tell(protocol.Printable(u.Event.Text))
		case protocol.EventLeave:
			if u.Event.User == m.mirror.Self() {
				m.tell("you are not in " + protocol.Printable(u.Event.Room) + " any more")
			}
		}
	}
	return m.alarm(u)
}

// secured is what the status line says of the connection.
func (m *model) secured() string {
	if s, err := m.link.Session(); err == nil {
		if state, ok := s.TLS(); ok {
			return tlsVersion(state)
		}
	}
	return ""
}

// look notes what the person sees now, and finds another room where theirs is gone.
func (m *model) look() {
	if gone := m.room; m.mirror.Room(gone) == nil {
		if m.carry(lobby); !m.input.editor.isEmpty() {
			m.input.begunIn = gone
		}
	}
	m.arrive()
	if m.overlay == nil && m.window(m.paneHeight()).marked {
		m.view().markSeen = m.mirror.Room(m.room).Mark
	}
	sees := m.seesNewest()
	m.mirror.Attend(sees)
	m.mirror.Browse(m.view().scrolled)
	if t := m.mirror.Room(m.room); sees && t.Read > m.view().told {
		m.view().told = t.Read
		m.link.Seen(m.room, t.Read)
	}
}

// seesNewest tells whether the person has the newest messages of the room before their eyes.
func (m *model) seesNewest() bool {
	return m.attention.isHere(m.now()) && m.overlay == nil && m.view().follows()
}

// attention is whether a person looks at the terminal, as far as can be known.
type attention struct {
	told, focused bool      // the terminal tells when it gets and loses the keyboard; and has it
	active        time.Time // of the last key
}

// attentionSpan is how long a person is taken to look after the last key, where the terminal does not tell: tmux, unless set up to, does
// not even when nobody is attached.
const attentionSpan = 2 * time.Minute

func (a attention) isHere(now time.Time) bool {
	if a.told {
		return a.focused
	}
	return now.Sub(a.active) < attentionSpan
}

// move shows another room, as the person wants it: what was being typed waits where it was begun.
func (m *model) move(room string) {
	if m.input.finding {
		m.endFinding()
	}
	if room != m.room && m.room != "" {
		m.view().draft = m.input.editor.text()
		m.input.editor.setText(m.rooms[room].typed())
	}
	m.show(room)
}

// carry shows another room because a command went there, or because the one on the screen is gone. What is being typed goes along: nobody
// notices at once.
func (m *model) carry(room string) {
	if m.input.finding {
		m.endFinding()
	}
	if old := m.rooms[m.room]; old != nil {
		old.draft = ""
	}
	m.show(room)
}

func (m *model) show(room string) {
	m.input.stopCompleting()
	m.input.confirming, m.input.begunIn = false, ""
	m.room = room
	if m.rooms[room] == nil {
		m.rooms[room] = &roomView{}
	}
	m.overlay, m.said = nil, nil
	m.view().follow()
	m.mirror.Open(room)
}

// view is the view of the room on the screen.
func (m *model) view() *roomView { return m.rooms[m.room] }

// tell says something where the last command's answer stands.
func (m *model) tell(text string) {
	if m.said = append(m.said, text); len(m.said) > maxSaid {
		m.said = m.said[len(m.said)-maxSaid:]
	}
}

// leave ends the program and leaves the account signed in.
func (m *model) leave() tea.Cmd {
	if len(m.errands) > 0 && !m.ending {
		m.ending = true
		m.said = []string{"ending when the commands that wait are done; Ctrl-C ends at once"}
		m.leaving = true
		return nil
	}
	m.ended = io.EOF
	return tea.Quit
}

// tick keeps the clock of a lost connection going.
func (m *model) tick() tea.Cmd {
	if m.ticking || m.mirror.Connection.Online && !m.asking.isCooling(m.now()) {
		return nil
	}
	m.ticking = true
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return tickMsg{} })
}
