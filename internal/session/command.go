package session

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"parley/protocol"
)

// row is one command: all that is known of it.
type row struct {
	name    string
	states  state // in which it may come
	fields  []int // counts that it may have, ascending
	cost    cost
	message bool // does not wait for the replies to messages before it
	waits   bool // for the disk or for a password's hash: what was answered before it goes out first
	closes  bool // too early, it ends the session
	run     func(*session, context.Context, []string) error
}

// commands is the only list of commands there is; HELP tells it in this order.
var commands = []row{
	{name: "HELLO", states: fresh, fields: []int{1, 2}, waits: true, run: (*session).hello},
	{name: "MSG", states: active, fields: []int{1}, cost: message, message: true, run: (*session).msg},
	{name: "EXIT", states: invited | active, fields: []int{0}, closes: true, waits: true, run: (*session).exit},
	{name: "JOIN", states: active, fields: []int{1, 2}, cost: command, waits: true, run: (*session).join},
	{name: "LEAVE", states: active, fields: []int{1}, cost: command, waits: true, run: (*session).leave},
	{name: "SEND", states: active, fields: []int{3}, cost: message, message: true, run: (*session).send},
	{name: "WHO", states: active, fields: []int{1, 2}, cost: command, run: (*session).who},
	{name: "LIST", states: active, fields: []int{0, 1, 2}, cost: command, run: (*session).list},
	{name: "HISTORY", states: active, fields: []int{1, 4}, cost: command, waits: true, run: (*session).history},
	{name: "FIND", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).find},
	{name: "SEEN", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).seen},
	{name: "TOPIC", states: active, fields: []int{1, 2}, cost: command, waits: true, run: (*session).topic},
	{name: "LOCK", states: active, fields: []int{1}, cost: command, waits: true, run: (*session).lock},
	{name: "OPEN", states: active, fields: []int{1}, cost: command, waits: true, run: (*session).open},
	{name: "INVITE", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).invite},
	{name: "EXPEL", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).expel},
	{name: "DELETE", states: active, fields: []int{1}, cost: command, waits: true, run: (*session).takeBack},
	{name: "MUTE", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).mute},
	{name: "PASSWD", states: invited | active, fields: []int{1}, cost: command, waits: true, run: (*session).passwd},
	{name: "EJECT", states: active, fields: []int{2}, cost: command, waits: true, run: (*session).eject},
	{name: "PING", states: invited | active, fields: []int{1}, cost: command, run: (*session).ping},
	{name: "HELP", states: invited | active, fields: []int{0}, cost: command, run: (*session).help},
}

// byName and names are filled from commands by init: the handlers in it read them.
var (
	byName = make(map[string]*row, len(commands))
	names  []string
)

func init() {
	for i := range commands {
		byName[commands[i].name] = &commands[i]
		names = append(names, commands[i].name)
	}
}

// line takes one line through the contract's checks, in its order, and answers it.
func (s *session) line(ctx context.Context, raw []byte, tooLong bool) {
	now := time.Now()
	var slow time.Duration
	if s.allowance != nil {
		var flood bool
		slow, flood = s.allowance.spendBytes(int(s.lines.Taken()-s.counted), now)
		s.counted = s.lines.Taken()
		if flood {
			defer s.stop(byeFlood)
		}
	}
	// Once a reply is out, the token that opened the session must be past use, whatever happens to the server.
	if s.unconfirmed {
		if err := s.svc.auth.Confirm(ctx, s.id); err != nil {
			s.refuse("", err)
			return
		}
		s.unconfirmed = false
	}
	if s.state == fresh && httpLine.Match(raw) {
		s.refuse("", protocol.Errorf(protocol.BadFormat, "this is not a web server's port; a line is COMMAND|DATA"))
		s.over = true
		return
	}
	if tooLong {
		s.refuse("", protocol.Errorf(protocol.TooLong, "a line has at most %d bytes with its line end", protocol.MaxLine))
		return
	}
	line, bad := protocol.Parse(raw)
	if bad != nil {
		s.refuse("", bad)
		return
	}
	command, bad := s.admit(line.Command)
	if bad == nil {
		bad = s.spend(command, slow, now)
	}
	var fields []string
	if bad == nil {
		fields, bad = protocol.Fields(line.Data, command.fields...)
	}
	if bad != nil {
		s.refuse(line.Command, bad)
		return
	}
	if !command.message {
		s.settle()
	}
	if command.waits {
		s.out.flush()
	}
	if err := command.run(s, ctx, fields); err != nil {
		s.refuse(line.Command, err)
	}
}

// admit finds the command's row and says whether it may come now.
func (s *session) admit(name string) (*row, *protocol.Error) {
	command := byName[name]
	switch {
	case command != nil && command.states&s.state != 0:
		return command, nil
	case s.state == fresh:
		s.over = command != nil && command.closes
		return nil, protocol.Errorf(protocol.HelloFirst, "sign in first: HELLO|user|password")
	case s.state == invited:
		return nil, protocol.Errorf(protocol.PasswordChange, "change the password first: PASSWD|new password")
	case command == nil:
		return nil, protocol.Errorf(protocol.UnknownCommand, "there is no such command; HELP| lists them")
	}
	return nil, protocol.Errorf(protocol.AlreadyHello, "this session has signed in; EXIT| ends it")
}

// spend takes the command's cost from the account's allowance.
func (s *session) spend(c *row, slow time.Duration, now time.Time) *protocol.Error {
	if s.allowance == nil || c.cost == free {
		return nil
	}
	if slow > 0 {
		s.svc.counts.limit(bytes)
		return tooFast(bytes, slow)
	}
	if wait := s.allowance.spend(c.cost, now); wait > 0 {
		s.svc.counts.limit(c.cost)
		return tooFast(c.cost, wait)
	}
	return nil
}

// uncounted are the errors that are not the peer's fault, or have a budget of their own.
var uncounted = map[protocol.Code]bool{protocol.Busy: true, protocol.Internal: true, protocol.RateLimited: true}

// refuse answers a line with an error, in its turn, and spends the budgets for errors.
func (s *session) refuse(command string, err error) {
	told := refusal(err)
	s.svc.counts.refuse(told.Code)
	s.settle()
	s.out.reply(protocol.Append(nil, protocol.ReplyError, string(told.Code), told.Text))
	s.logError(command, told, err)
	if told.Code == protocol.RateLimited && !allow(&s.refused, s.svc.opts.Refused, refusedRate) {
		s.stop(byeFlood)
	}
	if !uncounted[told.Code] && !allow(&s.errors, s.svc.opts.Errors, rate.Every(errorEvery)) {
		s.stop(byeTooManyError)
	}
}

func (s *session) logError(command string, told *protocol.Error, err error) {
	log := s.log()
	if s.state == fresh { // one line tells who knocked
		log = log.With("name", s.tried)
	}
	switch code := told.Code; {
	case code == protocol.Internal:
		log.Error("command failed", "event", "command.failed", "command", command, "error", err)
	case code == protocol.RateLimited:
		log.Debug("refused", "event", "line.limited", "command", command, "code", code)
	case code == protocol.Denied && s.state == fresh:
		log.Info("refused", "event", "signin.denied", "command", command, "code", code)
	case code == protocol.Throttled:
		log.Info("refused", "event", "signin.throttled", "command", command, "code", code)
	default:
		log.Info("refused", "event", "line.refused", "command", command, "code", code)
	}
}

// stop ends the session after the present line.
func (s *session) stop(why bye) {
	s.interrupt(why)
	s.over = true
}

// ok answers OK|field|….
func (s *session) ok(fields ...string) {
	s.out.reply(protocol.Append(nil, protocol.ReplyOK, fields...))
}

// okList answers OK with as many names as fit the line, and the field + where some did not.
func (s *session) okList(names []string) {
	room := protocol.MaxLine - len("OK||+\n")
	for i, name := range names {
		if room -= len(name) + 1; room < 0 {
			s.ok(append(names[:i:i], "+")...)
			return
		}
	}
	s.ok(names...)
}
