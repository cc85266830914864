package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// How a dead server is noticed and another found, in about two seconds.
const (
	dialTimeout   = time.Second
	writeTimeout  = time.Second
	pingEvery     = 500 * time.Millisecond
	pingsMissed   = 2
	reconnectWait = 150 * time.Millisecond

	retryEvery = 250 * time.Millisecond // while Open waits
	tellEvery  = 5 * time.Second        // that it does
)

var names = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// permanent is an error that waiting does not mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

func refuse(format string, args ...any) error { return permanent{fmt.Errorf(format, args...)} }

// fill puts in the defaults, and refuses what can't work.
func (o *Options) fill() error {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Replicas == 0 {
		o.Replicas = DefaultReplicas
	}
	if o.Pending == 0 {
		o.Pending = DefaultPending
	}
	if o.Timeout == 0 {
		o.Timeout = MaxTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case !names.MatchString(o.Name):
		return fmt.Errorf("%q can't be a stream's name: letters, digits, - and _, 64 at the most", o.Name)
	case o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5:
		return fmt.Errorf("%d replicas: a stream has 1, 3 or 5", o.Replicas)
	case o.Pending < 1:
		return fmt.Errorf("%d appends at once: at least 1", o.Pending)
	case o.Timeout < 0 || o.Timeout > MaxTimeout:
		return fmt.Errorf("a timeout of %v: more than 0, and %v at the most", o.Timeout, MaxTimeout)
	case o.Wait < 0:
		return fmt.Errorf("a wait of %v: 0 is for ever", o.Wait)
	}
	return nil
}

// secure says whether the servers are reached by TLS: all of them or none.
func secure(servers string) (bool, error) {
	encrypted, plain := 0, 0
	for _, server := range strings.Split(servers, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Host == "" || u.Hostname() == "" {
			return false, errors.New("a NATS server is given as tls://host:4222, more of them with commas between")
		}
		if u.User != nil {
			return false, errors.New("a user or password inside a NATS URL can be seen by everybody on this machine: use a credentials file")
		}
		switch u.Scheme {
		case "tls":
			encrypted++
		case "nats":
			plain++
			if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
				return false, fmt.Errorf("%s: %w", u.Host, ErrPlain)
			}
		default:
			return false, fmt.Errorf("a NATS server is reached by tls:// or nats://, not by %q", u.Scheme+"://")
		}
	}
	if encrypted > 0 && plain > 0 {
		return false, errors.New("some NATS servers are given as tls:// and some as nats://: use one of them for all")
	}
	return encrypted > 0, nil
}

func (s *Stream) natsOptions() ([]nats.Option, error) {
	encrypted, err := secure(s.o.Servers)
	if err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name("parley"),
		nats.Timeout(dialTimeout), nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1),
		// Credentials that were taken away may come back; the log tells of them meanwhile.
		nats.IgnoreAuthErrorAbort(),
		// Only what was asked for is trusted to be loopback, or to have the name in its certificate.
		nats.IgnoreDiscoveredServers(),
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			if s.done.Err() == nil { // else it is this program that ends it
				s.log.Warn("the connection to NATS is lost; looking for a server", "event", "nats.lost")
			}
			s.appends.lost()
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			s.log.Info("connected to NATS again", "event", "nats.back", "server", nc.ConnectedUrlRedacted())
			s.wake()
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			if denied(err) {
				s.log.Warn("a NATS server does not let this program in", "event", "nats.denied", "reason", explain(err).Error())
			}
		}),
		// Messages that a reader was too slow for are fetched later: no news.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				s.log.Warn("NATS refuses a subject to this program; it needs "+s.o.Name+".>, _INBOX.> and $JS.API.>", "event", "nats.forbidden", "reason", err.Error())
			}
		}),
	}
	if !encrypted && s.o.CA != "" {
		return nil, errors.New("a CA is given for NATS servers that are reached by nats://, which has no certificates: use tls://")
	}
	if encrypted {
		roots, err := s.o.roots()
		if err != nil {
			return nil, err
		}
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}))
	}
	if s.o.Creds == "" {
		return options, nil
	}
	info, err := os.Stat(s.o.Creds)
	if err != nil {
		return nil, fmt.Errorf("can't read the NATS credentials: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !credential(s.o.Creds, mode) {
		return nil, fmt.Errorf("the NATS credentials in %s may be read by others (mode %04o): chmod 600 it", s.o.Creds, mode)
	}
	return append(options, nats.UserCredentials(s.o.Creds)), nil
}

// credential says whether the file is one of systemd's: in a directory that nobody else can enter, where an access
// control list for the service's user shows as the group's right to read.
func credential(name string, mode fs.FileMode) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && mode&0o037 == 0 && filepath.Dir(name) == filepath.Clean(dir)
}

// roots are nil, the system's, where no CA is given.
func (o *Options) roots() (*x509.CertPool, error) {
	if o.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("can't read the CA of the NATS servers: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", o.CA)
	}
	return roots, nil
}

func connect(servers string, options []nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(servers, options...)
	if err != nil {
		return nil, explain(err)
	}
	return nc, nil
}

// denied is for what a server says of credentials.
func denied(err error) bool {
	for _, known := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// explain puts into words for people why there is no connection.
func explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAccountAuthExpired):
		return refuse("the NATS credentials have expired: get new ones")
	case denied(err):
		return refuse("the NATS server does not accept the credentials, or wants some and none were given")
	case errors.Is(err, nats.ErrSecureConnRequired):
		return refuse("the NATS server wants TLS: use tls://")
	case errors.Is(err, nats.ErrSecureConnWanted):
		return refuse("the NATS server has no TLS: give it a certificate")
	case errors.As(err, &unknown):
		return refuse("the NATS server's certificate is not signed by a CA known here: give the CA's file")
	case errors.As(err, &name):
		return refuse("the NATS server's certificate is for another host: %s", name.Error())
	case errors.As(err, &invalid):
		return refuse("the NATS server's certificate is not valid: %s", invalid.Error())
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return refuse("can't read the NATS credentials: %w", err)
	}
	return fmt.Errorf("no NATS server answers: %w", ErrUnavailable)
}

// patiently repeats try while waiting may help, until ctx ends.
func (s *Stream) patiently(ctx context.Context, try func() error) error {
	began := time.Now()
	told := began
	reason := ErrUnavailable
	for {
		err := try()
		if ctx.Err() == nil {
			reason = err
		}
		if fatal := (permanent{}); err == nil || errors.As(err, &fatal) {
			return err
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			s.log.Warn("waiting for NATS", "event", "nats.waiting", "reason", reason.Error(), "for", time.Since(began).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("waited %v: %w", time.Since(began).Round(time.Second), reason)
			}
			return ctx.Err()
		case <-time.After(retryEvery):
		}
	}
}
