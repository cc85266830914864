package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// form is the model of the first run. Its methods are for Bubble Tea's goroutine; what waits runs beside it as an attempt (attempt.go).
type form struct {
	ctx     context.Context
	o       *connection // the command line
	cfg     client.Config
	profile string // its name
	file    string // that it will be kept in
	room    target
	// asksPassword is false where the command line says guest, or has the password.
	asksPassword bool

	style style
	told  func(text string) // shows what an attempt waits for; any goroutine

	fields     [fieldCount]field
	at         int    // the field with the cursor
	complaint  string // about it; printable
	server     address
	presented  string // the server's pin, where nobody vouches for it
	trust      tlsutil.ClientOptions
	trusted    string // in words, how the server is known; "" while it is not
	invited    bool   // the account must have a password of its own
	done       bool   // signed in
	busy       string // what the attempt is about that runs; "" where none does
	cancel     context.CancelFunc
	attempts   sync.WaitGroup
	link       *link // with gate and answers: of the attempt that signed in, to be read when attempts are over
	gate       *gate
	answers    profile
	measure    ansi.Method
	width      int
	height     int
	scrolledBy int // rows up from where the cursor is in view
}

// The fields, from top to bottom.
const (
	inServer = iota
	inTrust
	inName
	inPassword
	inOwn
	inAgain
	fieldCount
)

// maxField bounds what is typed into a field, in bytes: a line of the protocol is no longer.
const maxField = protocol.MaxLine

type field struct {
	editor
	label string
	shown func() bool
	// leave checks what was typed and goes on to the next field, or says what is wrong. entered tells Enter from Tab and Down.
	leave func(entered bool) tea.Cmd
}

func newForm(ctx context.Context, o *connection, cfg client.Config) *form {
	f := &form{ctx: ctx, o: o, cfg: cfg, cancel: func() {}, measure: ansi.WcWidth, width: 80, height: 24}
	trusted := func() bool { return f.trusted != "" }
	f.fields = [fieldCount]field{
		inServer:   {label: "Server", shown: func() bool { return true }, leave: f.leaveServer},
		inTrust:    {label: "Trust", shown: func() bool { return f.presented != "" }, leave: f.leaveTrust},
		inName:     {label: "Name", shown: trusted, leave: f.leaveName},
		inPassword: {label: "Password", shown: func() bool { return trusted() && f.asksPassword }, leave: f.leavePassword},
		inOwn:      {label: "Your own", shown: func() bool { return trusted() && f.invited }, leave: f.leaveOwn},
		inAgain:    {label: "Again", shown: func() bool { return trusted() && f.invited }, leave: f.leaveAgain},
	}
	for _, secret := range []int{inPassword, inOwn, inAgain} {
		f.fields[secret].masked = true
	}
	return f
}

// Init implements tea.Model.
func (f *form) Init() tea.Cmd { return nil }

// waiting is what an attempt waits for, in words.
type waiting string

// Update implements tea.Model.
func (f *form) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		f.width, f.height, f.scrolledBy = msg.Width, msg.Height, 0
	case tea.ModeReportMsg: // as the renderer measures from now on
		if msg.Mode == ansi.ModeUnicodeCore && (msg.Value == ansi.ModeReset || msg.Value == ansi.ModeSet || msg.Value == ansi.ModePermanentlySet) {
			f.measure = ansi.GraphemeWidth
		}
	case tea.PasteMsg:
		f.paste(msg.Content)
	case tea.KeyPressMsg:
		return f, f.press(msg)
	case waiting:
		if f.busy != "" {
			f.busy = string(msg)
		}
	case reached:
		f.busy = ""
		f.afterReaching(msg)
	case signedIn:
		f.busy = ""
		return f, f.afterSigningIn(msg.err)
	}
	return f, nil
}

func (f *form) press(key tea.KeyPressMsg) tea.Cmd {
	pressed := key.String()
	if pressed == "ctrl+c" || pressed == "esc" && f.busy == "" {
		return tea.Quit
	}
	if f.busy != "" {
		if pressed == "esc" {
			f.cancel() // the attempt then says so
		}
		return nil
	}
	switch pressed {
	case "pgup":
		f.scrolledBy += max(f.height/2, 1) // View knows how far that can go
		return nil
	case "pgdown":
		f.scrolledBy = max(0, f.scrolledBy-max(f.height/2, 1))
		return nil
	}
	f.scrolledBy = 0
	switch pressed {
	case "enter", "ctrl+j", "tab", "down": // Ctrl+J is Enter typed before the terminal was ready
		return f.fields[f.at].leave(pressed == "enter" || pressed == "ctrl+j")
	case "shift+tab", "up":
		f.back()
		return nil
	}
	if len(key.Text)+len(f.text(f.at)) > maxField {
		f.complain("That is too long.")
	} else if f.fields[f.at].press(key) {
		f.complaint = ""
	}
	return nil
}

// paste takes a text without the line ends behind it, which are rarely meant.
func (f *form) paste(text string) {
	text = strings.TrimRight(text, "\r\n")
	if f.busy != "" {
		return
	}
	f.scrolledBy = 0
	if len(text)+len(f.text(f.at)) > maxField {
		f.complain("That is too long.")
		return
	}
	f.complaint = ""
	f.fields[f.at].insert(text)
}

func (f *form) text(at int) string { return f.fields[at].text() }

// trimmed is what was typed without the blanks that come along when it is copied from elsewhere.
func (f *form) trimmed(at int) string { return strings.TrimSpace(f.text(at)) }

func (f *form) complain(text string) { f.complaint = protocol.Printable(text) }

// stumble puts the cursor into a field and says what is wrong there.
func (f *form) stumble(at int, text string) {
	f.moveTo(at)
	f.complain(text)
}

func (f *form) moveTo(at int) { f.at, f.complaint = at, "" }

// next moves to the next field that is shown.
func (f *form) next() {
	for at := f.at + 1; at < fieldCount; at++ {
		if f.fields[at].shown() {
			f.moveTo(at)
			return
		}
	}
}

func (f *form) back() {
	for at := f.at - 1; at >= 0; at-- {
		if f.fields[at].shown() {
			f.moveTo(at)
			return
		}
	}
}

// isTrustGiven says that the command line says how the server is known, and the form is not to ask.
func (f *form) isTrustGiven() bool {
	given := f.o.Options()
	return given.CAFile != "" || given.Pin != ""
}

func (f *form) leaveServer(bool) tea.Cmd {
	var server address
	if err := server.UnmarshalText([]byte(f.trimmed(inServer))); err != nil {
		f.complain(capital(sentence(err)) + ".")
		return nil
	}
	if name := &f.fields[inName]; server.User != "" && name.isEmpty() {
		name.setText(server.User)
	}
	server.User = ""
	if server == f.server && f.trusted != "" {
		f.next()
		return nil
	}
	f.server, f.trusted, f.presented, f.invited = server, "", "", false
	f.fields[inTrust].setText("")
	return f.reach(f.o.Options())
}

func (f *form) leaveTrust(bool) tea.Cmd {
	trust, err := typedTrust(f.trimmed(inTrust))
	if err != nil {
		f.complain(capital(sentence(err)) + ".")
		return nil
	}
	f.trusted = ""
	return f.reach(trust)
}

func (f *form) leaveName(entered bool) tea.Cmd {
	if bad := protocol.CheckName(f.trimmed(inName)); bad != nil {
		f.complain(capital(bad.Text) + ".")
		return nil
	}
	if entered && !f.asksPassword {
		return f.signIn("")
	}
	f.next()
	return nil
}

func (f *form) leavePassword(entered bool) tea.Cmd {
	if bad := protocol.CheckName(f.trimmed(inName)); bad != nil {
		f.stumble(inName, capital(bad.Text)+".")
		return nil
	}
	if !entered {
		f.next()
		return nil
	}
	f.invited = false
	return f.signIn("")
}

func (f *form) leaveOwn(bool) tea.Cmd {
	f.next()
	return nil
}

func (f *form) leaveAgain(entered bool) tea.Cmd {
	own, again := f.text(inOwn), f.text(inAgain)
	switch {
	case !entered:
		return nil
	case own != again:
		f.fields[inOwn].setText("")
		f.fields[inAgain].setText("")
		f.stumble(inOwn, "These were not the same. Type it anew.")
		return nil
	case own == "":
		f.stumble(inOwn, "A password of your own is needed.")
		return nil
	}
	return f.signIn(own)
}

var errNoTrust = errors.New("type or paste the operator's pin, or the path of their ca.pem; there is no going on without")

// capital is a sentence with the letter that it begins with on a line of its own.
func capital(text string) string {
	if text == "" || text[0] >= utf8.RuneSelf {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
