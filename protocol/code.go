package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Code is the stable part of an ERROR reply. Programs act on it; people read
// the explanation behind it.
type Code string

// The codes of ERROR replies.
const (
	BadFormat      Code = "bad-format"      // no |, bad COMMAND, empty line
	UnknownCommand Code = "unknown-command" // no such command
	BadData        Code = "bad-data"        // wrong fields, name or number
	Empty          Code = "empty"           // nothing in the text
	TooLong        Code = "too-long"        // line or text beyond its bound
	BadText        Code = "bad-text"        // not UTF-8, or a character that is not allowed
	HelloFirst     Code = "hello-first"     // not signed in yet
	AlreadyHello   Code = "already-hello"   // signed in already
	Denied         Code = "denied"          // name or password: one answer for all reasons
	Throttled      Code = "throttled"       // too many failed sign-ins; begins with seconds
	RateLimited    Code = "rate-limited"    // too fast; begins with seconds
	NotMember      Code = "not-member"      // a room not joined, or not there
	NoSuchUser     Code = "no-such-user"    // no account of that name
	Forbidden      Code = "forbidden"       // not allowed to this account or here
	WeakPassword   Code = "weak-password"   // the new password breaks a rule
	PasswordChange Code = "password-change" // an invited account must change its password first
	Busy           Code = "busy"            // load is shed, or the log is out of reach; begins with seconds
	Internal       Code = "internal"        // the server's own fault
)

// The codes of BYE events.
const (
	ByeShutdown      = "shutdown"
	ByeIdle          = "idle"
	ByeSlow          = "slow"
	ByeFlood         = "flood"
	ByeEjected       = "ejected"
	ByeLoginTimeout  = "login-timeout"
	ByeTooManyErrors = "too-many-errors"
)

// Error is what a peer is told when its line is refused: a stable code and an
// explanation for people, one line without control characters.
type Error struct {
	Code Code
	Text string
}

// Errorf makes an Error with a formatted explanation.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Wait makes an Error whose explanation begins with the whole seconds to wait
// (at least 1), as throttled, rate-limited and busy promise.
func Wait(code Code, wait time.Duration, why string) *Error {
	seconds := max(int64((wait+time.Second-1)/time.Second), 1)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return Errorf(code, "%d %s to wait: %s", seconds, unit, why)
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Text }

// RetryAfter is the wait that the explanation begins with, 0 where it names
// none. It is bounded to an hour, whatever the peer wrote.
func (e *Error) RetryAfter() time.Duration {
	number, _, found := strings.Cut(e.Text, " ")
	seconds, err := strconv.ParseUint(number, 10, 32)
	if !found || err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}
