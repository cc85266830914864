package main

import (
	"errors"
	"testing"

	"parley/internal/client"
	"parley/protocol"
)

// The last line of a command says each thing once.
func TestFarewell(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
		code int
	}{
		{&client.SignInError{Err: errors.New("the session has ended")}, "sign-in refused: the session has ended", exitSignIn},
		{&client.SignInError{Err: &protocol.Error{Code: protocol.Denied, Text: "no"}}, "sign-in refused: name or password is wrong", exitSignIn},
		{&client.ByeError{Code: protocol.ByeEjected, Text: "too loud"}, "you were signed out: too loud", exitSignIn},
		{&client.LostError{Err: &client.ByeError{Code: protocol.ByeShutdown, Text: "the server is stopping"}}, "the server closed the connection: it is shutting down", exitLost},
		{&client.LostError{Err: &client.ByeError{Code: "later", Text: "a reason"}}, "the server closed the connection: later (a reason)", exitLost},
		{&client.LostError{Err: &client.MisbehaviorError{What: "a reply to nothing"}}, "the server breaks the protocol: a reply to nothing", exitLost},
		{&client.LostError{Err: errors.New("refused")}, "no connection: refused", exitLost},
	} {
		if got := farewell(c.err); got != c.want || exitCode(c.err) != c.code {
			t.Errorf("%v: %q and %d, want %q and %d", c.err, got, exitCode(c.err), c.want, c.code)
		}
	}
}
