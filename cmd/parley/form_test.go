package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// person fills in a form whose attempts come to nothing: what they would have brought is given to Update by hand.
type person struct {
	*form
	t    *testing.T
	left bool // the form has asked to end
}

func fillIn(t *testing.T) *person {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newForm(ctx, &connection{}, client.Config{OnUpdate: func(client.Update) {}})
	f.profile, f.file, f.asksPassword, f.told = defaultProfile, "/home/alice/.config/parley/profiles.json", true, func(string) {}
	t.Setenv("HOME", "/home/alice")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Cleanup(f.attempts.Wait)
	return &person{form: f, t: t}
}

func (p *person) take(msg tea.Msg) {
	_, cmd := p.Update(msg)
	if cmd != nil && p.busy == "" {
		_, p.left = cmd().(tea.QuitMsg)
	}
}

// keys presses keys by their names, and types texts.
func (p *person) keys(keys ...string) {
	for _, key := range keys {
		p.take(press(key))
	}
}

func (p *person) wants(at int, shown string) {
	p.t.Helper()
	p.width, p.height = 200, 50
	content := p.View().Content
	if flat := strings.Join(strings.Fields(content), " "); p.at != at || !strings.Contains(flat, shown) {
		p.t.Fatalf("the cursor is in field %d, want %d, and %q is to be shown:\n%s", p.at, at, shown, content)
	}
}

// nobodys is a certificate that nobody vouches for.
var nobodys = &x509.Certificate{RawSubjectPublicKeyInfo: []byte("a key")}

var serversPin = tlsutil.Pin(nobodys)

// unvouched is how a handshake ends with a server that has this certificate.
func unvouched(file string) error {
	why := &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{nobodys}, Err: x509.UnknownAuthorityError{}}
	trust, _ := tlsutil.ClientOptions{CAFile: file}.Explain(why)
	return trust
}

// toTrust brings the form to where trust is asked for, and toPassword to the password of alice.
func (p *person) toTrust() {
	p.keys("chat.example.org", "enter")
	p.take(reached{err: unvouched("")})
}

func (p *person) toPassword() {
	p.toTrust()
	p.keys(serversPin, "enter")
	p.take(reached{trust: tlsutil.ClientOptions{Pin: serversPin}})
	p.keys("alice", "enter")
}

var wrongPin = reached{trust: tlsutil.ClientOptions{Pin: serversPin}, err: &tlsutil.TrustError{Kind: tlsutil.KindPin}}

func denied() error { return &client.SignInError{Err: protocol.Errorf(protocol.Denied, "no")} }

func TestFormIsShown(t *testing.T) {
	for name, do := range map[string]func(p *person){
		"start":    func(p *person) {},
		"no-host":  func(p *person) { p.keys("chat.example.org:x", "enter") },
		"reaching": func(p *person) { p.keys("chat.example.org", "enter") },
		"trust":    (*person).toTrust,
		"wrong-pin": func(p *person) {
			p.toTrust()
			p.keys("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "enter")
			p.take(wrongPin)
		},
		"trust-above": func(p *person) { p.toTrust(); p.keys("pgup") },
		"vouched":     func(p *person) { p.keys("chat.example.org", "enter"); p.take(reached{}) },
		"password":    (*person).toPassword,
		"denied":      func(p *person) { p.toPassword(); p.keys("wrong", "enter"); p.take(signedIn{denied()}) },
		"throttled": func(p *person) {
			p.toPassword()
			p.keys("secret", "enter")
			p.take(waiting("Too many failed sign-ins; trying again in 30s"))
		},
		"invited": func(p *person) {
			p.toPassword()
			p.keys("first", "enter")
			p.take(signedIn{errInvited})
			p.keys("mine", "enter", "min")
		},
	} {
		for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 40, Height: 10}} {
			p := fillIn(t)
			p.take(size)
			p.View() // a scroll is bounded by what is shown
			do(p)
			v := p.View()
			shown := ""
			for row := range strings.SplitSeq(v.Content, "\n") {
				shown += strings.TrimRight(row, " ") + "\n"
			}
			if v.Cursor != nil {
				shown += fmt.Sprintf("cursor at column %d, row %d\n", v.Cursor.X, v.Cursor.Y)
			}
			golden(t, fmt.Sprintf("testdata/form/%s-%dx%d.golden", name, size.Width, size.Height), shown)
		}
	}
}

// Whatever the size and the field, the cursor is in view and no row is too wide.
func TestFormFitsAnyScreen(t *testing.T) {
	p := fillIn(t)
	p.toPassword()
	p.keys("x", "enter")
	p.take(signedIn{errInvited})
	for width := 12; width < 120; width += 7 {
		for height := 1; height < 40; height++ {
			p.take(tea.WindowSizeMsg{Width: width, Height: height})
			for p.at = range p.fields {
				p.complaint = strings.Repeat("something is wrong here ", p.at)
				v := p.View()
				rows := strings.Split(v.Content, "\n")
				if v.Cursor == nil || v.Cursor.Y < 0 || v.Cursor.Y >= height || v.Cursor.X >= width || len(rows) != height {
					t.Fatalf("%dx%d, field %d: %d rows, cursor %v", width, height, p.at, len(rows), v.Cursor)
				}
				for _, row := range rows {
					if p.measure.StringWidth(row) > width {
						t.Fatalf("%dx%d: %q is too wide", width, height, row)
					}
				}
			}
		}
	}
}

func TestFormAsksForTrust(t *testing.T) {
	p := fillIn(t)
	p.toTrust()
	p.wants(inTrust, serversPin)
	if !p.fields[inTrust].isEmpty() {
		t.Fatal("the pin is filled in")
	}
	p.keys("enter")
	p.wants(inTrust, "there is no going on without")
	p.keys("down", "tab", "y", "enter")
	p.take(reached{trust: tlsutil.ClientOptions{CAFile: "/y"}, err: usageError{fmt.Errorf("CA file: %w", os.ErrNotExist)}})
	p.wants(inTrust, "There is no file /y")
	p.keys("ctrl+u", "sha256/short", "enter")
	p.wants(inTrust, "must be sha256/ and 44 characters")
	p.keys("ctrl+u")
	p.take(tea.PasteMsg{Content: serversPin[:30] + "\n" + serversPin[30:] + "\r\n"})
	p.keys("enter")
	if p.busy == "" {
		t.Fatal("a pin copied from two rows is not tried")
	}
	p.take(wrongPin)
	p.wants(inTrust, "somebody is in between")
	p.keys("ctrl+u", "/ca.pem", "enter")
	p.take(reached{trust: tlsutil.ClientOptions{CAFile: "/ca.pem"}, err: unvouched("/ca.pem")})
	p.wants(inTrust, "/ca.pem does not vouch")
	if p.trusted != "" || p.fields[inName].shown() {
		t.Fatal("it goes on without trust")
	}
	p.keys("enter")
	p.take(reached{trust: tlsutil.ClientOptions{CAFile: "/ca.pem"}})
	p.wants(inName, "/ca.pem vouches for it.")
	p.keys("up")
	p.wants(inTrust, serversPin)

	p.keys("up", "x", "enter") // another server begins from the start
	p.take(reached{err: unvouched("")})
	p.wants(inTrust, "chat.example.orgx:7443")
	if p.trusted != "" || !p.fields[inTrust].isEmpty() || p.fields[inName].shown() {
		t.Error("the trust of one server is taken for another's")
	}
}

// What the command line says of trust is not asked, and where it does not hold, there is no other way.
func TestFormWithTrustGiven(t *testing.T) {
	p := fillIn(t)
	p.o.CA.UnmarshalText([]byte("/given.pem"))
	p.keys("alice@chat.example.org", "enter")
	p.take(reached{trust: p.o.Options(), err: unvouched("/given.pem")})
	p.wants(inServer, "is not vouched for by /given.pem")
	p.keys("enter")
	p.take(reached{trust: p.o.Options()})
	p.wants(inName, "/given.pem vouches for it. Name alice")
}

func TestFormSaysWhatIsWrongWithAServer(t *testing.T) {
	expired, _ := tlsutil.ClientOptions{}.Explain(x509.CertificateInvalidError{Cert: &x509.Certificate{NotAfter: time.Unix(0, 0)}, Reason: x509.Expired})
	named, _ := tlsutil.ClientOptions{}.Explain(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"\x1b]0;x"}}, Host: "chat.example.org"})
	for says, err := range map[string]error{
		"There is no host chat.example.org":     &net.DNSError{IsNotFound: true},
		"is this machine online?":               &net.DNSError{Err: "server misbehaving\x1b[2J"},
		"no server at port 7443":                &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", unix.ECONNREFUSED)},
		"chat.example.org:7443 does not answer": context.DeadlineExceeded,
		"does not speak TLS":                    tls.RecordHeaderError{},
		"expired on 1970-01-01":                 expired,
		"you asked for chat.example.org":        named,
		"Something else.":                       errors.New("something else"),
	} {
		p := fillIn(t)
		p.keys("chat.example.org", "enter")
		p.take(reached{err: err})
		p.wants(inServer, says)
		if strings.Contains(p.View().Content, "\x1b") {
			t.Errorf("%q: an escape is shown", says)
		}
	}
}

func TestFormSignsIn(t *testing.T) {
	p := fillIn(t)
	p.toTrust()
	p.keys(serversPin, "enter")
	p.take(reached{trust: tlsutil.ClientOptions{Pin: serversPin}})
	p.keys("Alice", "tab")
	p.wants(inName, "begins with a letter or digit")
	p.keys("ctrl+u", "alice", "tab")
	p.wants(inPassword, "as a guest, as ~alice.")
	p.keys("enter")
	p.wants(inPassword, "Signing in as alice")
	p.keys("ignored")
	p.take(tea.PasteMsg{Content: "ignored"})
	p.take(signedIn{denied()})
	p.wants(inPassword, "lets no guest in")
	p.take(tea.PasteMsg{Content: "hunter2\n"})
	if p.text(inPassword) != "hunter2" || strings.Contains(p.View().Content, "hunter2") {
		t.Fatalf("the password is %q, shown in\n%s", p.text(inPassword), p.View().Content)
	}
	p.keys("enter")
	p.take(signedIn{denied()})
	p.wants(inPassword, "Name or password is wrong.")
	if !p.fields[inPassword].isEmpty() {
		t.Fatal("a wrong password stays")
	}
	p.keys("first", "enter")
	p.take(signedIn{errInvited})
	p.wants(inOwn, "choose one of your own")
	p.keys("one", "enter", "two", "enter")
	p.wants(inOwn, "These were not the same.")
	p.keys("one", "enter", "one", "enter")
	p.take(signedIn{&client.SignInError{Err: protocol.Errorf(protocol.WeakPassword, "15 characters at least")}})
	p.wants(inOwn, "That password is too weak (15 characters at least).")
	p.keys("mine", "enter", "mine", "enter")
	p.take(signedIn{&client.LostError{Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", unix.ECONNREFUSED)}}})
	p.wants(inAgain, "no server at port 7443")
	p.keys("enter")
	p.take(signedIn{})
	if !p.done || !p.left {
		t.Error("it does not end when it has signed in")
	}
}

func TestFormIsLeft(t *testing.T) {
	for _, key := range []string{"esc", "ctrl+c"} {
		p := fillIn(t)
		p.keys("x", key)
		if !p.left || p.done {
			t.Errorf("%s does not leave", key)
		}
	}
	p := fillIn(t)
	p.keys("chat.example.org", "enter", "esc")
	if p.left || p.busy == "" {
		t.Error("Esc leaves, or does not wait for the end of what it stops")
	}
	p.take(reached{err: context.Canceled})
	p.wants(inServer, "HOST or HOST:PORT")
	p.keys("enter")
	_, cmd := p.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	if cmd == nil || cmd() != tea.Quit() {
		t.Error("Ctrl+C waits")
	}
}

func TestFormTakesNoHugePaste(t *testing.T) {
	p := fillIn(t)
	p.take(tea.PasteMsg{Content: strings.Repeat("x", maxField+1)})
	p.wants(inServer, "That is too long.")
	if !p.fields[inServer].isEmpty() {
		t.Error("it is taken")
	}
}
