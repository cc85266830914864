package main

import (
	"context"
	"errors"

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

// refusals are the server's codes in words. What the server itself says follows in brackets.
var refusals = map[protocol.Code]string{
	protocol.BadData:        "The server does not accept that",
	protocol.Empty:          "There is nothing to say",
	protocol.TooLong:        "That is too long",
	protocol.BadText:        "That holds a character that is not allowed",
	protocol.Denied:         "Name or password is wrong",
	protocol.Throttled:      "Too many failed sign-ins",
	protocol.RateLimited:    "That was too fast",
	protocol.NotMember:      "You have not joined that room, or it does not exist",
	protocol.NoSuchUser:     "There is nobody of that name",
	protocol.Forbidden:      "That is not allowed",
	protocol.WeakPassword:   "That password is too weak",
	protocol.PasswordChange: "The first password must be changed",
	protocol.Busy:           "The server is too busy",
	protocol.Internal:       "The server failed",
	protocol.UnknownCommand: "The server does not know that command",
}

// byes are the server's reasons for closing in words.
var byes = map[string]string{
	protocol.ByeShutdown:      "the server is shutting down",
	protocol.ByeIdle:          "nothing was said for too long",
	protocol.ByeSlow:          "this side read too slowly",
	protocol.ByeFlood:         "too much was sent at once",
	protocol.ByeEjected:       "an operator ended all of this account's sessions, or its password was changed elsewhere",
	protocol.ByeLoginTimeout:  "signing in took too long",
	protocol.ByeTooManyErrors: "too many lines were refused",
}

// sentence is an error as people read it, safe to show.
func sentence(err error) string {
	var (
		refused *protocol.Error
		bye     *client.ByeError
	)
	text := err.Error()
	switch {
	case isA[*tlsutil.TrustError](err):
		text = "the server is not trusted, and nothing was sent to it: " + text
	case errors.As(err, &refused):
		text = refusal(refused)
	case errors.As(err, &bye):
		reason, known := byes[bye.Code]
		if !known {
			reason = bye.Code
		}
		text = "the server closed the connection: " + reason + " (" + bye.Text + ")"
	case errors.Is(err, context.DeadlineExceeded):
		text = "that took too long"
	case errors.Is(err, context.Canceled):
		text = "interrupted"
	}
	return protocol.Printable(text)
}

func refusal(e *protocol.Error) string {
	text, known := refusals[e.Code]
	if !known {
		text = "The server refuses: " + string(e.Code)
	}
	if e.Text != "" {
		text += " (" + e.Text + ")"
	}
	return text
}
