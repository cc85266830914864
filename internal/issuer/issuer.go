package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/tlsutil"
)

// LetsEncrypt is the directory of the CA that is asked where no other is given.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// MaxNames bounds the names of one certificate; the CAs' own bounds are about this.
const MaxNames = 100

// Options say which names are certified by whom.
type Options struct {
	Names     []string // DNS names in full, 1 to MaxNames
	Directory string   // the CA's, https:
	CAFile    string   // whom to trust for Directory's own TLS, PEM; empty is the system's CAs
	Dir       string   // everything is kept below it, each CA's in a folder of its own; made with mode 0700
	Log       *slog.Logger
}

// Issuer keeps one certificate for all names. Its files are account-key.pem, key.pem (both 0600), cert.pem, and failures where the last orders failed.
type Issuer struct {
	names     []string
	directory string
	dir       string
	http      *http.Client
	account   *ecdsa.PrivateKey
	key       *ecdsa.PrivateKey
	keys      *tlsutil.KeyPair
	log       *slog.Logger
	hurry     chan struct{} // of one: somebody asks for it now
}

// Files are where an Issuer with these options keeps the certificate and its key.
func (o Options) Files() (cert, key string, err error) {
	dir, err := o.folder()
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), err
}

// folder is named after the CA, so that one CA's certificate is not taken for another's.
func (o Options) folder() (string, error) {
	u, err := url.Parse(o.Directory)
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "":
		return "", fmt.Errorf("%q is no CA's directory: it begins with https:// and a host", o.Directory)
	}
	return filepath.Join(o.Dir, strings.NewReplacer(":", "_", "[", "", "]", "").Replace(strings.ToLower(u.Host))), nil
}

// Open reads what is kept, and makes the keys where there are none. It asks nobody; [Issuer.Run] does.
func Open(o Options) (*Issuer, error) {
	names, err := Names(o.Names)
	if err != nil {
		return nil, err
	}
	dir, err := o.folder()
	if err != nil {
		return nil, err
	}
	i := &Issuer{names: names, directory: o.Directory, dir: dir, log: o.Log, hurry: make(chan struct{}, 1)}
	if i.http, err = client(o.CAFile); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, and holds keys: run: chmod 700 %s", dir, mode, dir)
	}
	if i.account, err = tlsutil.ReadOrMakeKey(filepath.Join(dir, "account-key.pem")); err != nil {
		return nil, err
	}
	cert, key, err := o.Files()
	if err != nil {
		return nil, err
	}
	if i.key, err = tlsutil.ReadOrMakeKey(key); err != nil {
		return nil, err
	}
	i.keys = tlsutil.ExpectKeyPair(cert, key, o.Log)
	return i, nil
}

// Names are the names to certify as certificates have them, each once; an error says which is none.
func Names(given []string) (names []string, err error) {
	seen := make(map[string]bool)
	for _, one := range given {
		name, err := tlsutil.DNSName(one)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", one, err)
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(names) > MaxNames {
		return nil, fmt.Errorf("a certificate is for 1 to %d names, not for %d", MaxNames, len(names))
	}
	return names, nil
}

// Keys is what the server shows; it has no certificate before the first order is done.
func (i *Issuer) Keys() *tlsutil.KeyPair { return i.keys }

// Hurry has an order that waits for its time after failures be tried now.
func (i *Issuer) Hurry() {
	select {
	case i.hurry <- struct{}{}:
	default:
	}
}

// lookEvery is how often the clock is looked at: a machine that slept, or whose clock was set, is late by no more.
const lookEvery = time.Hour

// Run orders a certificate whenever one is due, until ctx ends; one order at a time, which ends with ctx. The server's entrance must be open
// for an order to succeed. What fails is logged, the certificate in use stays, and it is tried again after a while.
func (i *Issuer) Run(ctx context.Context) {
	early := rand.N(time.Hour) // so that not all the servers of the world ask at once
	failed := readFailures(i.failuresFile(), time.Now())
	for {
		due := i.due().Add(-min(early, i.life()/30))
		if failed.again.After(due) {
			due = failed.again
		}
		if wait := time.Until(due); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(min(wait, lookEvery)):
				continue
			case <-i.hurry:
				if failed.n == 0 {
					continue // it has what it needs
				}
			}
		}
		err := i.renew(ctx)
		if err != nil && ctx.Err() != nil {
			return
		}
		failed = i.keep(failed, err) // a success at the very end, too
	}
}

// keep notes how an order ended, and says so.
func (i *Issuer) keep(failed failures, err error) failures {
	if err == nil {
		i.log.Info("the CA has issued a certificate", "event", "acme.issued", "names", i.names, "expires", i.keys.Expires(), "directory", i.directory)
		failed = failures{}
	} else {
		failed = failed.another(err, time.Now())
		how := "getting a new certificate failed, the old one stays in use"
		if i.keys.Leaf() == nil {
			how = "getting a certificate failed, and there is none yet: nobody can connect"
		}
		i.log.Error(how, "event", "acme.failed", "error", brief(err), "names", i.names, "directory", i.directory, "again", failed.again)
	}
	if err := failed.write(i.failuresFile()); err != nil {
		i.log.Warn("after a restart the CA may be asked too soon", "event", "acme.unkept", "error", err)
	}
	return failed
}

const failuresName = "failures"

func (i *Issuer) failuresFile() string { return filepath.Join(i.dir, failuresName) }

// brief is an error of which the CA has said a part, as much of it as belongs into a log.
func brief(err error) string {
	const most = 1000
	said := err.Error()
	return said[:min(len(said), most)]
}

// due is when the next certificate is to be ordered: when a third of the life of the one in use is left, 30 days at the most; now where it lacks a name.
func (i *Issuer) due() time.Time {
	leaf := i.keys.Leaf()
	if leaf == nil || covers(leaf, i.names) != nil {
		return time.Time{}
	}
	return leaf.NotAfter.Add(-min(i.life()/3, 30*24*time.Hour))
}

func (i *Issuer) life() time.Duration {
	if leaf := i.keys.Leaf(); leaf != nil {
		return leaf.NotAfter.Sub(leaf.NotBefore)
	}
	return 0
}

// covers says which of the names a certificate lacks.
func covers(leaf *x509.Certificate, names []string) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, leaf.VerifyHostname(name))
	}
	return errors.Join(errs...)
}
