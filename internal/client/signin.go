package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"parley/protocol"
	"parley/tlsutil"
)

// SignInError: the server does not let this account in, and trying again would not help.
type SignInError struct{ Err error }

func (e *SignInError) Error() string { return "sign-in refused: " + e.Err.Error() }
func (e *SignInError) Unwrap() error { return e.Err }

// maxDenials is how often a token is tried again that may be denied only because the server has not noticed yet that the
// session it opened is gone.
const maxDenials = 6

// errOtherCredential: the next try, with another credential, need not wait.
var errOtherCredential = errors.New("trying another credential")

var errNotResumed = &SignInError{errors.New("the session has ended at the server, and there is no password to begin another")}

// askError is an error of Config.Password or Config.NewPassword.
type askError struct{ error }

func (e askError) Unwrap() error { return e.error }

// establish connects and signs in, after wait at first, trying as long as there is hope.
func (c *Client) establish(ctx context.Context, wait time.Duration) (*Session, error) {
	told := time.Duration(0) // of wait, by the server
	for failures := 0; ; {
		if err := c.sleep(ctx, wait, told == 0); err != nil {
			return nil, err
		}
		c.settleOld()
		s, err := c.signIn(ctx)
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, errOtherCredential):
			wait, told = 0, 0
			continue
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isFinal(err):
			return nil, err
		}
		told = 0
		if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
			told, _ = retryAfter(refused)
		}
		if told == 0 { // else there is a server, and it asks for patience
			failures++
		}
		wait = max(told, c.backoff.next())
		if !c.online && told == 0 && (failures >= c.cfg.FirstTries || isNoSuchHost(err)) || c.overdue(wait) {
			return nil, lost(err)
		}
		c.tell(Update{State: Waiting, Wait: wait, Err: err})
	}
}

func lost(err error) error {
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) && refused.Code != protocol.Busy {
		return &SignInError{err}
	}
	return asLost(err)
}

func asLost(err error) error {
	if already := (*LostError)(nil); errors.As(err, &already) {
		return err
	}
	return &LostError{err}
}

func isFinal(err error) bool {
	var (
		trust  *tlsutil.TrustError
		signIn *SignInError
		ask    askError
	)
	return errors.As(err, &trust) || errors.As(err, &signIn) || errors.As(err, &ask)
}

func isNoSuchHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// signIn makes one try with the best credential there is. The password is asked for before connecting: the server waits
// only seconds for HELLO.
func (c *Client) signIn(ctx context.Context) (*Session, error) {
	credential, proven := c.token, time.Time{}
	if credential == "" && !c.cfg.Guest {
		password, err := c.knownPassword(ctx, nil)
		if err != nil {
			return nil, err
		}
		credential, proven = password, time.Now()
	}
	conn, err := c.cfg.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c.progress.reconnected()
	s := NewSession(conn, c.cfg.Session)
	in, err := s.SignIn(ctx, c.cfg.User, credential)
	if err == nil && in.Invited() {
		err = c.accept(ctx, s)
	}
	if err != nil {
		s.Close()
		if c.cfg.Avoid != nil && isElsewhereBetter(err) {
			c.cfg.Avoid(conn.RemoteAddr())
		}
		return nil, c.refusedSignIn(ctx, err)
	}
	c.doubtful, c.denials = false, 0
	if err := c.keepToken(in.Token); err != nil {
		c.tell(Update{State: Warning, Err: err})
	}
	c.mu.Lock()
	c.session, c.signedIn, c.provenAt = s, in, proven
	c.mu.Unlock()
	return s, nil
}

// isElsewhereBetter tells whether another server of the same name may do better. Not where somebody is throttled: it is they who are to wait.
func isElsewhereBetter(err error) bool {
	if refused := (*protocol.Error)(nil); errors.As(err, &refused) {
		return refused.Code == protocol.Busy || refused.Code == protocol.Internal
	}
	gone := (*LostError)(nil)
	return errors.As(err, &gone)
}

// refusedSignIn decides what a failed HELLO means for the next try.
func (c *Client) refusedSignIn(ctx context.Context, err error) error {
	var refused *protocol.Error
	if !errors.As(err, &refused) {
		if gone := (*LostError)(nil); errors.As(err, &gone) && c.token != "" {
			c.doubtful = true
		}
		return err
	}
	if _, again := retryAfter(refused); again {
		// Of several servers with one log, one that is cut off from it does not know whether the token is spent.
		c.doubtful = c.doubtful || c.token != "" && refused.Code != protocol.Throttled
		return err
	}
	if refused.Code != protocol.Denied {
		return &SignInError{err}
	}
	known := c.currentPassword()
	if c.token == "" {
		if c.online || c.cfg.Password == nil || known == "" {
			return &SignInError{err}
		}
		c.setPassword("")
		if _, err := c.knownPassword(ctx, err); err != nil {
			return err
		}
		return errOtherCredential
	}
	if c.doubtful && known == "" && c.denials < maxDenials {
		c.denials++
		return &LostError{err}
	}
	if err := c.keepToken(""); err != nil {
		c.tell(Update{State: Warning, Err: err})
	}
	if known != "" || !c.online && c.cfg.Password != nil {
		return errOtherCredential
	}
	return errNotResumed
}

// accept is the way in for an invited account: a password of its own, then a sign-in anew.
func (c *Client) accept(ctx context.Context, s *Session) error {
	if c.online || c.cfg.NewPassword == nil {
		return &SignInError{protocol.Errorf(protocol.PasswordChange, "this account's first password must be changed; sign in on a terminal")}
	}
	for refused := error(nil); ; {
		password, err := c.cfg.NewPassword(ctx, refused)
		if err != nil {
			return askError{err}
		}
		_, err = s.Do(ctx, "PASSWD", password)
		if err == nil {
			c.setPassword(password)
			return errOtherCredential
		}
		if bad := (*protocol.Error)(nil); !errors.As(err, &bad) {
			return err
		}
		refused = err
	}
}

// freshLogin is how long after a sign-in by password the server allows to change it.
const freshLogin = 5 * time.Minute

// CanChangePassword tells whether the server would take a ChangePassword now, so that nobody need type one in vain.
func (c *Client) CanChangePassword() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.provenAt) < freshLogin
}

// ChangePassword changes the account's password. The server allows it within 5 minutes of a sign-in by password, and ends every
// other session and token of the account.
func (c *Client) ChangePassword(ctx context.Context, password string) error {
	s, err := c.Session()
	if err != nil {
		return err
	}
	if _, err := s.Do(ctx, "PASSWD", password); err != nil {
		return err
	}
	c.setPassword(password)
	return nil
}

func (c *Client) knownPassword(ctx context.Context, refused error) (string, error) {
	if known := c.currentPassword(); known != "" {
		return known, nil
	}
	if c.online || c.cfg.Password == nil {
		return "", errNotResumed
	}
	password, err := c.cfg.Password(ctx, refused)
	if err != nil {
		return "", askError{err}
	}
	c.setPassword(password)
	return password, nil
}

func (c *Client) currentPassword() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.password
}

func (c *Client) setPassword(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.password = password
}

func (c *Client) keepToken(token string) error {
	c.token = token
	if c.cfg.SaveToken == nil {
		return nil
	}
	return c.cfg.SaveToken(token)
}

// backoff spaces the tries to connect: the first within a second, then doubling to 30 s, each jittered so that the clients of a
// restarted server do not come back as one.
type backoff struct {
	step time.Duration
	most time.Duration // maxBackoff where 0
}

const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

func (b *backoff) next() time.Duration {
	step := max(b.step, minBackoff)
	b.step = min(2*step, cmp.Or(b.most, maxBackoff))
	return step/2 + rand.N(step/2)
}

// survived starts over after a connection that lasted longer than the wait that would come next.
func (b *backoff) survived(d time.Duration) {
	if d > b.step {
		b.step = 0
	}
}

// sleep waits, and where hurried may be, no longer than until TryNow is called meanwhile.
func (c *Client) sleep(ctx context.Context, wait time.Duration, hurried bool) error {
	select {
	case <-c.hurry: // of an earlier wait
	default:
	}
	hurry := c.hurry
	if !hurried {
		hurry = nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-hurry:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
