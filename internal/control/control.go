package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/session"
)

// Request is one operation. Which fields count depends on Op.
type Request struct {
	Op       string `json:"op"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password,omitempty"` // only ever on the socket, which is the owner's alone
	Admin    bool   `json:"admin,omitempty"`
	Invite   bool   `json:"invite,omitempty"`
	Address  string `json:"address,omitempty"`

	Session string    `json:"session,omitempty"` // UUID
	Room    string    `json:"room,omitempty"`
	Text    string    `json:"text,omitempty"` // of a note; the reason that who is ended is told
	Until   time.Time `json:"until,omitzero"`

	Hashes []Hashed `json:"hashes,omitempty"` // of user import; only ever on the socket, as passwords are
}

// Hashed is an account with its hash from elsewhere, and the line it stood on.
type Hashed struct {
	Line int    `json:"line"`
	Name string `json:"name"`
	Hash string `json:"hash"`
}

// MaxHashes is how many accounts one request imports at most: what one request can hold, and what can be kept within its time.
const MaxHashes = 256

// Response is what an operation says.
type Response struct {
	Error     string     `json:"error,omitempty"` // for people; empty where it was done
	Accounts  []Account  `json:"accounts,omitempty"`
	Throttled []Throttle `json:"throttled,omitempty"`
	Sessions  []Session  `json:"sessions,omitempty"`
	Rooms     []Room     `json:"rooms,omitempty"`
	Muted     []Mute     `json:"muted,omitempty"`
	Count     int        `json:"count,omitempty"`
	Refused   []Refused  `json:"refused,omitempty"`
}

// Refused is a line that was not imported, and why.
type Refused struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// Account is an account as operators see it: nothing secret.
type Account struct {
	User     string    `json:"user"`
	Admin    bool      `json:"admin,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Invited  bool      `json:"invited,omitempty"`
	Removed  bool      `json:"removed,omitempty"`
	Made     time.Time `json:"made"`
}

// Throttle is one throttle that holds now.
type Throttle struct {
	User     string    `json:"user,omitempty"` // empty: the address, whatever the account
	Address  string    `json:"address"`
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"`
}

// House is what operators look after.
type House struct {
	Auth     *auth.Service
	Hub      *chat.Hub        // nil where no server runs
	Sessions *session.Service // likewise

	// Settle returns when all that was acknowledged can be read from the directory by other processes; nil where no server runs.
	Settle func(context.Context) error
}

// operation carries out what is asked for.
type operation func(context.Context, House, Request) (Response, error)

// operations is the only list of what operators can ask for.
var operations = map[string]operation{
	"user add": func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Auth.Add(ctx, r.Name, auth.Secret(r.Password), r.Admin, r.Invite)
	},
	"user import": importUsers,
	"user passwd": func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Auth.SetPassword(ctx, r.Name, auth.Secret(r.Password))
	},
	"user disable": func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Auth.Disable(ctx, r.Name)
	},
	"user enable": func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Auth.Enable(ctx, r.Name)
	},
	"user remove": func(ctx context.Context, h House, r Request) (Response, error) {
		return Response{}, h.Auth.Remove(ctx, r.Name)
	},
	"user list":     listUsers,
	"throttle list": listThrottles,
	"throttle lift": func(_ context.Context, h House, r Request) (Response, error) {
		return Response{Count: h.Auth.Lift(r.Name, r.Address)}, nil
	},
	"session list":   live(listSessions),
	"session end":    live(endSessions),
	"session mute":   live(mute),
	"session muted":  live(listMutes),
	"room list":      live(listRooms),
	"room lock":      lockRoom(true),
	"room open":      lockRoom(false),
	"room close":     live(closeRoom),
	"room expel":     live(expel),
	"room broadcast": live(broadcast),
	"backup":         live(settle), // the rest is done by the process that asks
	"export":         live(settle),
}

func settle(ctx context.Context, h House, _ Request) (Response, error) {
	return Response{}, h.Settle(ctx)
}

// importUsers goes on after a line that is refused, and ends at the first that cannot be kept.
func importUsers(ctx context.Context, h House, r Request) (Response, error) {
	var done Response
	if len(r.Hashes) > MaxHashes {
		return done, fmt.Errorf("%d accounts at once are more than %d", len(r.Hashes), MaxHashes)
	}
	for _, one := range r.Hashes {
		err := h.Auth.Import(ctx, one.Name, one.Hash)
		switch {
		case err == nil:
			done.Count++
		case errors.Is(err, auth.ErrName), errors.Is(err, auth.ErrHash), errors.Is(err, auth.ErrTaken):
			done.Refused = append(done.Refused, Refused{one.Line, explain(err, Request{Name: one.Name}).Error()})
		default:
			return done, fmt.Errorf("line %d, after %d accounts: %w", one.Line, done.Count, err)
		}
	}
	return done, nil
}

func listUsers(ctx context.Context, h House, _ Request) (Response, error) {
	accounts, err := h.Auth.List(ctx)
	var r Response
	for _, one := range accounts {
		r.Accounts = append(r.Accounts, Account{one.Name, one.Admin, one.Disabled, one.Invited, one.Removed, one.Made.UTC()})
	}
	return r, err
}

func listThrottles(_ context.Context, h House, _ Request) (Response, error) {
	var r Response
	for _, t := range h.Auth.Throttled() {
		r.Throttled = append(r.Throttled, Throttle{t.Name, t.Address, t.Failures, t.Until.UTC().Truncate(time.Millisecond)})
	}
	return r, nil
}

// Do carries out one operation in this process. Those of sessions and rooms need a running server: ErrNoServer.
func Do(ctx context.Context, h House, r Request) (Response, error) {
	run := operations[r.Op]
	if run == nil {
		return Response{}, fmt.Errorf("there is no operation %q", r.Op)
	}
	response, err := run(ctx, h, r)
	return response, explain(err, r)
}

// explanations say errors to an operator, each with a field of the request.
var explanations = []struct {
	err  error
	text string
	of   func(Request) string
}{
	{auth.ErrNotFound, "there is no such account: %q", name},
	{chat.ErrNoSuchUser, "there is nobody of that name: %q", name},
	{auth.ErrTaken, "there is an account %q already, or was one: a removed name stays taken", name},
	{auth.ErrName, "%q is no name: 1 to 32 of a-z 0-9 . _ - beginning with a letter or digit", name},
	{auth.ErrHash, "the hash of %q is none of bcrypt's ($2a$, $2b$ or $2y$, 60 characters) with a cost from 4 to 16", name},
	{auth.ErrBusy, "too many sign-ins at once to change %q now; try again", name},
	{chat.ErrNotMember, "there is no such room: %q", room},
	{chat.ErrLobby, "everybody is in %q, and stays there: it can't be locked or closed, nor anybody be expelled from it", room},
}

func name(r Request) string { return r.Name }
func room(r Request) string { return r.Room }

func explain(err error, r Request) error {
	for _, e := range explanations {
		if errors.Is(err, e.err) {
			return fmt.Errorf(e.text, e.of(r))
		}
	}
	if errors.Is(err, chat.ErrUnavailable) {
		return errors.New("not all of it was done: the log, or another node, did not answer; do it again")
	}
	return err
}
