package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/auth"
)

// Request is one operation. Which fields count depends on Op.
type Request struct {
	Op       string `json:"op"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password,omitempty"` // only ever on the socket, which is the owner's alone
	Admin    bool   `json:"admin,omitempty"`
	Invite   bool   `json:"invite,omitempty"`
	Address  string `json:"address,omitempty"`

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
	Name     string    `json:"name"`
	Admin    bool      `json:"admin,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Invited  bool      `json:"invited,omitempty"`
	Removed  bool      `json:"removed,omitempty"`
	Made     time.Time `json:"made"`
}

// Throttle is one throttle that holds now.
type Throttle struct {
	Name     string    `json:"name,omitempty"` // empty: the address, whatever the account
	Address  string    `json:"address"`
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"`
}

// operations is the only list of what operators can ask for.
var operations = map[string]func(context.Context, *auth.Service, Request) (Response, error){
	"user add": func(ctx context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{}, a.Add(ctx, r.Name, auth.Secret(r.Password), r.Admin, r.Invite)
	},
	"user import": importUsers,
	"user passwd": func(ctx context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{}, a.SetPassword(ctx, r.Name, auth.Secret(r.Password))
	},
	"user disable": func(ctx context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{}, a.Disable(ctx, r.Name)
	},
	"user enable": func(ctx context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{}, a.Enable(ctx, r.Name)
	},
	"user remove": func(ctx context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{}, a.Remove(ctx, r.Name)
	},
	"user list":     listUsers,
	"throttle list": listThrottles,
	"throttle lift": func(_ context.Context, a *auth.Service, r Request) (Response, error) {
		return Response{Count: a.Lift(r.Name, r.Address)}, nil
	},
}

// importUsers goes on after a line that is refused, and ends at the first that cannot be kept.
func importUsers(ctx context.Context, a *auth.Service, r Request) (Response, error) {
	var done Response
	if len(r.Hashes) > MaxHashes {
		return done, fmt.Errorf("%d accounts at once are more than %d", len(r.Hashes), MaxHashes)
	}
	for _, h := range r.Hashes {
		err := a.Import(ctx, h.Name, h.Hash)
		switch {
		case err == nil:
			done.Count++
		case errors.Is(err, auth.ErrName), errors.Is(err, auth.ErrHash), errors.Is(err, auth.ErrTaken):
			done.Refused = append(done.Refused, Refused{h.Line, explain(err, h.Name).Error()})
		default:
			return done, fmt.Errorf("line %d, after %d accounts: %w", h.Line, done.Count, err)
		}
	}
	return done, nil
}

func listUsers(ctx context.Context, a *auth.Service, _ Request) (Response, error) {
	accounts, err := a.List(ctx)
	var r Response
	for _, one := range accounts {
		r.Accounts = append(r.Accounts, Account{one.Name, one.Admin, one.Disabled, one.Invited, one.Removed, one.Made})
	}
	return r, err
}

func listThrottles(_ context.Context, a *auth.Service, _ Request) (Response, error) {
	var r Response
	for _, t := range a.Throttled() {
		r.Throttled = append(r.Throttled, Throttle{t.Name, t.Address, t.Failures, t.Until})
	}
	return r, nil
}

// Do carries out one operation in this process.
func Do(ctx context.Context, a *auth.Service, r Request) (Response, error) {
	run := operations[r.Op]
	if run == nil {
		return Response{}, fmt.Errorf("there is no operation %q", r.Op)
	}
	response, err := run(ctx, a, r)
	return response, explain(err, r.Name)
}

// explanations say errors of auth to an operator.
var explanations = []struct {
	err  error
	text string
}{
	{auth.ErrNotFound, "there is no such account: %q"},
	{auth.ErrTaken, "there is an account %q already, or was one: a removed name stays taken"},
	{auth.ErrName, "%q is no name: 1 to 32 of a-z 0-9 . _ - beginning with a letter or digit"},
	{auth.ErrHash, "the hash of %q is none of bcrypt's ($2a$, $2b$ or $2y$, 60 characters) with a cost from 4 to 16"},
	{auth.ErrBusy, "too many sign-ins at once to change %q now; try again"},
}

func explain(err error, name string) error {
	for _, e := range explanations {
		if errors.Is(err, e.err) {
			return fmt.Errorf(e.text, name)
		}
	}
	return err
}
