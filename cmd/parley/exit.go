package main

import (
	"context"
	"errors"
	"io"
	"syscall"

	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// Exit codes; main.go's help tells them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitTrust  = 3
	exitSignIn = 4
	exitLost   = 5
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// failures gives each error its exit code: the first row that knows it counts.
var failures = []struct {
	is   func(error) bool
	code int
}{
	{isA[usageError], exitUsage},
	{isA[*tlsutil.TrustError], exitTrust},
	{isA[*client.SignInError], exitSignIn},
	{isEjected, exitSignIn},
	{isA[*client.LostError], exitLost},
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func isEjected(err error) bool {
	var bye *client.ByeError
	return errors.As(err, &bye) && bye.Code == protocol.ByeEjected
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	for _, f := range failures {
		if f.is(err) {
			return f.code
		}
	}
	return exitFailed
}

// refusals are the server's codes in words. Where explain is set, what the server says itself tells more and follows in brackets.
var refusals = map[protocol.Code]struct {
	text    string
	explain bool
}{
	protocol.BadData:        {"the server does not accept that", true},
	protocol.Empty:          {"there is nothing in it to say", false},
	protocol.TooLong:        {"that is too long", true},
	protocol.BadText:        {"that holds a character that is not allowed", true},
	protocol.Denied:         {"name or password is wrong", false},
	protocol.Throttled:      {"too many failed sign-ins", true},
	protocol.RateLimited:    {"that was too fast", true},
	protocol.NotMember:      {"you have not joined that room, or it does not exist", false},
	protocol.NoSuchUser:     {"there is nobody of that name", false},
	protocol.Forbidden:      {"that is not allowed", true},
	protocol.WeakPassword:   {"that password is too weak", true},
	protocol.PasswordChange: {"the first password must be changed before anything else; sign in on a terminal", false},
	protocol.Busy:           {"the server is too busy", true},
	protocol.Internal:       {"the server failed", true},
	protocol.UnknownCommand: {"the server does not know that command", false},
}

// byes are the server's reasons for closing in words.
var byes = map[string]string{
	protocol.ByeShutdown:      "it is shutting down",
	protocol.ByeIdle:          "nothing was said for too long",
	protocol.ByeSlow:          "this side read too slowly",
	protocol.ByeFlood:         "too much was sent at once",
	protocol.ByeLoginTimeout:  "signing in took too long",
	protocol.ByeTooManyErrors: "too many lines were refused",
}

// sentence is an error as people read it, safe to show.
func sentence(err error) string { return protocol.Printable(words(err)) }

func words(err error) string {
	var (
		trust   *tlsutil.TrustError
		refused *protocol.Error
		bye     *client.ByeError
		lost    *client.LostError
		signIn  *client.SignInError
	)
	switch {
	case errors.As(err, &trust):
		return "the server is not trusted, and nothing was sent to it: " + trust.Error()
	case errors.As(err, &refused):
		return refusal(refused)
	case errors.As(err, &bye):
		return parting(bye)
	case errors.Is(err, context.DeadlineExceeded):
		return "that took too long"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended without a word"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)"
	case errors.As(err, &signIn):
		return signIn.Err.Error()
	case errors.As(err, &lost):
		return lost.Err.Error()
	}
	return err.Error()
}

// parting is the server's last word. That it ended the sessions has reasons that only it knows; the others need no second telling.
func parting(e *client.ByeError) string {
	if e.Code == protocol.ByeEjected {
		return "you were signed out: " + e.Text
	}
	if reason, known := byes[e.Code]; known {
		return "the server closed the connection: " + reason
	}
	return "the server closed the connection: " + e.Code + " (" + e.Text + ")"
}

func refusal(e *protocol.Error) string {
	known, found := refusals[e.Code]
	if !found {
		known.text, known.explain = "the server refuses: "+string(e.Code), true
	}
	if known.explain && e.Text != "" {
		return known.text + " (" + e.Text + ")"
	}
	return known.text
}
