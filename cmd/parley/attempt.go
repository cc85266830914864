package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// begin runs what waits for others beside the form, until its end or cancel; what it returns comes to Update. One runs at a time, and firstRun
// waits for the last.
func (f *form) begin(about string, do func(context.Context) tea.Msg) tea.Cmd {
	ctx, cancel := context.WithCancel(f.ctx)
	f.busy, f.cancel, f.complaint = about, cancel, ""
	answer := make(chan tea.Msg, 1)
	f.attempts.Go(func() {
		defer cancel()
		answer <- do(ctx)
	})
	return func() tea.Msg { return <-answer }
}

// reached is how reaching the server ended.
type reached struct {
	trust tlsutil.ClientOptions // by which it was to be known
	err   error
}

// reach finds out whether the server is known by trust.
func (f *form) reach(trust tlsutil.ClientOptions) tea.Cmd {
	at := f.server.dial()
	return f.begin("Reaching "+at+" …", func(ctx context.Context) tea.Msg {
		dialer, err := client.NewDialer(at, trust)
		if err != nil {
			return reached{trust, usageError{err}}
		}
		return reached{trust, reach(ctx, dialer.Dial)}
	})
}

func (f *form) afterReaching(r reached) {
	var trust *tlsutil.TrustError
	untrusted := errors.As(r.err, &trust)
	switch {
	case r.err == nil:
		f.trust, f.trusted = r.trust, knownBy(r.trust)
		f.moveTo(inName)
	case errors.Is(r.err, context.Canceled):
	case untrusted && f.at == inServer && !f.isTrustGiven() && trust.PresentedPin() != "":
		f.presented = trust.PresentedPin()
		f.moveTo(inTrust)
	case untrusted && f.at == inTrust && trust.Kind == tlsutil.KindPin:
		f.complain("That is not the pin of the server that answers. If it was not mistyped, this is another server than the one you mean, or " +
			"somebody is in between: don't go on, and ask the operator.")
	case untrusted && f.at == inTrust && trust.Kind == tlsutil.KindChain:
		f.complain(r.trust.CAFile + " does not vouch for the server that answers. If it is the file that the operator has now, this is another server, " +
			"or somebody is in between: don't go on, and ask the operator.")
	case f.at == inTrust && isA[usageError](r.err):
		f.complain(unusable(r.trust.CAFile, r.err))
	default:
		f.stumble(inServer, f.unreached(r.err))
	}
}

// knownBy puts in words by what a server is known that was reached.
func knownBy(trust tlsutil.ClientOptions) string {
	switch {
	case trust.Pin != "" && trust.CAFile != "":
		return "It has the key of the pin that you gave, and " + trust.CAFile + " vouches for it."
	case trust.Pin != "":
		return "It has the key of the pin that you gave."
	case trust.CAFile != "":
		return trust.CAFile + " vouches for it."
	}
	return "This machine's trust store vouches for it."
}

// typedTrust is a pin or the path of a CA's certificates.
func typedTrust(text string) (tlsutil.ClientOptions, error) {
	if text == "" {
		return tlsutil.ClientOptions{}, errNoTrust
	}
	if !strings.HasPrefix(text, "sha256/") {
		return tlsutil.ClientOptions{CAFile: kong.ExpandPath(text)}, nil
	}
	pin := strings.Join(strings.Fields(text), "") // copied from a narrow terminal, it has line ends
	_, err := tlsutil.ParsePin(pin)
	return tlsutil.ClientOptions{Pin: pin}, err
}

// unusable says of a CA file what is wrong with it.
func unusable(path string, err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "There is no file " + path + ". (A pin begins with sha256/.)"
	}
	return capital(sentence(err)) + "."
}

// unreached says why there is no connection to the server.
func (f *form) unreached(err error) string {
	var (
		noHost *net.DNSError
		noTLS  tls.RecordHeaderError
	)
	host, at := f.server.Host, f.server.dial()
	switch {
	case errors.As(err, &noHost) && noHost.IsNotFound:
		return fmt.Sprintf("There is no host %s; look for a typing error.", host)
	case errors.As(err, &noHost):
		return fmt.Sprintf("The address of %s can't be found out now (%s); is this machine online?", host, noHost.Err)
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Sprintf("The host is there, but no server at port %s of it.", f.server.Port)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return at + " does not answer."
	case errors.As(err, &noTLS):
		return "What answers at " + at + " does not speak TLS: no parley server."
	}
	return capital(sentence(err)) + "."
}

// signedIn is how a sign-in ended.
type signedIn struct{ err error }

// errInvited ends the first sign-in of an invited account: the form has to ask for more.
var errInvited = errors.New("a password of one's own is needed")

// signIn signs in with what was typed. own is what an invited account wants for its password; "" where that was not asked for.
func (f *form) signIn(own string) tea.Cmd {
	password := f.text(inPassword)
	answers := profile{Server: f.server, CA: f.trust.CAFile, Pin: f.trust.Pin, Room: f.room}
	answers.Server.User = f.trimmed(inName)
	answers.Guest = f.o.Guest || f.asksPassword && password == ""
	o, cfg := *f.o, f.cfg
	o.profile, o.Guest = &answers, answers.Guest
	cfg.Password = givenOnce(password)
	cfg.NewPassword = func(_ context.Context, refused error) (string, error) {
		if own == "" {
			return "", errInvited
		}
		return givenOnce(own)(nil, refused)
	}
	return f.begin("Signing in as "+answers.Server.User+" …", func(ctx context.Context) tea.Msg {
		return signedIn{f.open(ctx, &o, answers, cfg)}
	})
}

// open runs as an attempt, and leaves the link, its gate and the answers behind where it signed in.
func (f *form) open(ctx context.Context, o *connection, answers profile, cfg client.Config) error {
	changes := changes{}
	gate := &gate{pass: cfg.OnUpdate, open: make(chan struct{}), wait: func(u client.Update) { f.told(changes.line(u)) }}
	cfg.OnUpdate = gate.update
	l, err := o.prepare(answers.Server, &cfg, f.told)
	if err != nil {
		return err
	}
	cfg.Token = "" // what was typed counts
	stop := context.AfterFunc(ctx, gate.shut)
	l.Client, err = client.Connect(ctx, cfg)
	switch cancelled := !stop(); {
	case err != nil:
		gate.shut()
		l.abandon()
		return err
	case cancelled:
		gate.shut()
		l.quit()
		return ctx.Err()
	}
	f.link, f.gate, f.answers = l, gate, answers
	return nil
}

func (f *form) afterSigningIn(err error) tea.Cmd {
	var (
		refused *protocol.Error
		trust   *tlsutil.TrustError
	)
	isRefused := errors.As(err, &refused)
	switch {
	case err == nil:
		f.done = true
		return tea.Quit
	case errors.Is(err, context.Canceled):
	case errors.Is(err, errInvited):
		f.invited = true
		f.moveTo(inOwn)
	case errors.As(err, &trust):
		f.trusted, f.presented = "", ""
		f.stumble(inServer, capital(sentence(err))+".")
	case isRefused && refused.Code == protocol.Denied:
		f.denied()
	case isRefused && f.at == inAgain:
		f.fields[inOwn].setText("")
		f.fields[inAgain].setText("")
		f.stumble(inOwn, capital(sentence(err))+".")
	case isRefused || isA[usageError](err):
		f.complain(capital(sentence(err)) + ".")
	default:
		f.complain(f.unreached(err))
	}
	return nil
}

func (f *form) denied() {
	password := &f.fields[inPassword]
	switch {
	case !f.asksPassword:
		f.stumble(inName, "The server does not let this name in so.")
	case password.isEmpty():
		f.stumble(inPassword, "The server lets no guest in by this name; a password is needed.")
	default:
		password.setText("")
		f.invited = false
		f.stumble(inPassword, "Name or password is wrong.")
	}
}
