package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"parley/cmd/internal/flags"
	"parley/internal/client"
	"parley/protocol"
	"parley/tlsutil"
)

// connection are the flags that every command has.
type connection struct {
	flags.Trust
	PasswordFile string        `type:"path" placeholder:"FILE" help:"Take the password from the first line of this file, which nobody else may read."`
	Guest        bool          `help:"Sign in as a guest, without a password, where the server allows it."`
	GiveUp       time.Duration `default:"5m" help:"Without a terminal: end with 5 after this long without a connection, or without an answer to a message. 0: never."`

	profile *profile // that was chosen, whose trust counts where the command line has none; nil: none was
}

const (
	passwordTries = 3
	leaveTimeout  = 3 * time.Second
)

// link is a client and what must be put in order after it.
type link struct {
	*client.Client
	user   string
	tokens *client.TokenFile // nil where a password was given, or another process has it
	given  bool              // the password was given
}

// open signs in. cfg says what the command wants of the client; notice shows lines for people.
func (o *connection) open(ctx context.Context, server address, cfg client.Config, notice func(string)) (*link, error) {
	if server.User == "" {
		name, err := askName(ctx)
		if err != nil {
			return nil, err
		}
		server.User = name
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		cfg.NewPassword = newPassword(notice)
		cfg.Password = asking(server.String(), notice)
	}
	l, err := o.prepare(server, &cfg, notice)
	if err != nil {
		return nil, err
	}
	needed := cfg.Token == "" && !cfg.Guest
	switch {
	case needed && cfg.Password == nil:
		err = errNoPassword
	case needed && !l.given: // nobody need type a password for a server that is not trusted
		if untrusted := reach(ctx, cfg.Dial); isA[*tlsutil.TrustError](untrusted) { // whatever else is wrong is found out when it matters
			err = untrusted
		}
	}
	if err == nil {
		l.Client, err = connectHushed(ctx, cfg)
	}
	if err != nil {
		l.abandon()
	}
	return l, err
}

// reach makes a connection, to see whether the server can be trusted, and says nothing over it.
func reach(ctx context.Context, dial func(context.Context) (net.Conn, error)) error {
	conn, err := dial(ctx)
	if err == nil {
		conn.Close()
	}
	return err
}

// prepare makes cfg ready for the server: whom to trust, and which credential to use where it is not asked for. The link has no client yet.
func (o *connection) prepare(server address, cfg *client.Config, notice func(string)) (*link, error) {
	trust, err := o.trust(server)
	if err != nil {
		return nil, err
	}
	dialer, err := client.NewDialer(server.dial(), trust)
	if err != nil {
		return nil, usageError{err}
	}
	cfg.Dial, cfg.Avoid, cfg.User, cfg.Guest = dialer.Dial, dialer.Avoid, server.User, o.Guest
	l := &link{user: server.User}
	given, err := o.givenPassword()
	switch {
	case err != nil:
		return nil, err
	case o.Guest:
		l.user = protocol.GuestMark + server.User
		cfg.Password = nil
	case given != "":
		l.given, cfg.Password = true, givenOnce(given)
	default:
		err = l.takeToken(server, cfg, notice)
	}
	return l, err
}

// abandon is for a link without a client.
func (l *link) abandon() {
	if l.tokens != nil {
		l.tokens.Close()
	}
}

// connectHushed connects, and keeps a terminal without echo from the first wait on until that is over.
func connectHushed(ctx context.Context, cfg client.Config) (*client.Client, error) {
	var (
		mu   sync.Mutex // the client's updates come on a goroutine of its own once it is connected
		over bool
	)
	silence, update := hush{fd: int(os.Stdin.Fd())}, cfg.OnUpdate
	cfg.OnUpdate = func(u client.Update) {
		mu.Lock()
		if u.State == client.Waiting && !over {
			silence.begin()
		}
		mu.Unlock()
		update(u)
	}
	c, err := client.Connect(ctx, cfg)
	mu.Lock()
	defer mu.Unlock()
	over = true
	silence.end()
	return c, err
}

func (o *connection) givenPassword() (string, error) {
	if password := os.Getenv("PARLEY_PASSWORD"); password != "" {
		return password, nil
	}
	if o.PasswordFile != "" {
		password, err := flags.ReadPassword(o.PasswordFile)
		if err != nil {
			return "", usageError{err}
		}
		return password, nil
	}
	return "", nil
}

// takeToken makes cfg use a stored session that no other process uses.
func (l *link) takeToken(server address, cfg *client.Config, notice func(string)) error {
	dir, err := client.StateDir()
	if err != nil {
		return err
	}
	l.tokens, err = client.OpenTokenFile(dir, server.User, server.dial())
	if err != nil {
		notice("the stored session can't be used: " + sentence(err))
		return nil
	}
	cfg.SaveToken = l.tokens.Save
	if cfg.Token, err = l.tokens.Token(); err != nil {
		notice("the stored session is not used: " + sentence(err))
	}
	if cfg.Token == "" && !l.tokens.IsFirst() {
		notice("another parley uses the stored session; this one gets one of its own, for which the password is needed once")
	}
	return nil
}

// leave ends the connection: a stored session is kept for the next time, any other is signed out.
func (l *link) leave() {
	if l.tokens == nil {
		l.quit()
		return
	}
	l.Close()
	l.tokens.Close()
}

// quit signs out.
func (l *link) quit() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	l.Quit(ctx) // best effort: it closes in any case
	if l.tokens != nil {
		l.tokens.Close()
	}
}

// givenOnce is a password that nobody can correct.
func givenOnce(password string) func(context.Context, error) (string, error) {
	return func(_ context.Context, refused error) (string, error) {
		if refused != nil {
			return "", &client.SignInError{Err: refused}
		}
		return password, nil
	}
}

// asking asks on the terminal, and again where the password was wrong.
func asking(who string, notice func(string)) func(context.Context, error) (string, error) {
	tries := 0
	return func(ctx context.Context, refused error) (string, error) {
		if refused != nil {
			if tries++; tries >= passwordTries {
				return "", &client.SignInError{Err: refused}
			}
			notice(sentence(refused))
		}
		for {
			password, err := askSecret(ctx, fmt.Sprintf("Password of %s: ", who))
			if err != nil || password != "" {
				return password, err
			}
		}
	}
}

func newPassword(notice func(string)) func(context.Context, error) (string, error) {
	told := false
	return func(ctx context.Context, refused error) (string, error) {
		if refused != nil {
			notice(sentence(refused))
		} else if !told {
			told = true
			notice("Welcome. Your first password was made by somebody else; choose one of your own.")
		}
		return askNewSecret(func(prompt string) (string, error) { return askSecret(ctx, prompt) }, notice)
	}
}

// changes puts what happens to the connection into lines for people.
type changes struct{ lost bool }

// line is what to tell of an update, "" for nothing.
func (c *changes) line(u client.Update) string {
	switch u.State {
	case client.Lost:
		c.lost = true
		return "connection lost; trying again (" + sentence(u.Err) + ")"
	case client.Waiting:
		again := fmt.Sprintf("trying again in %v", max(u.Wait.Round(time.Second), time.Second))
		if refused := (*protocol.Error)(nil); errors.As(u.Err, &refused) {
			return sentence(&protocol.Error{Code: refused.Code}) + "; " + again // there is a connection; and how long to wait is said
		}
		return "no connection yet; " + again + " (" + sentence(u.Err) + ")"
	case client.Held:
		if u.Err == nil {
			return "no message waits for that any more"
		}
		return cannotKeep
	case client.Warning:
		return sentence(u.Err)
	case client.Online:
		was := c.lost
		c.lost = false
		switch {
		case !was:
			return ""
		case u.Missed == 0:
			return "back; nothing was missed"
		case u.Missed == 1:
			return "back; the message above was missed"
		}
		return fmt.Sprintf("back; the %d messages above were missed", u.Missed)
	}
	return ""
}

const cannotKeep = "the server can't keep messages right now; trying again"

// notice shows a line for people where standard output is for programs.
func notice(text string) {
	if text != "" {
		fmt.Fprintln(os.Stderr, "parley: "+text)
	}
}
