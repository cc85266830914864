package tlsutil

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultWatchInterval is how often [KeyPair.Watch] looks at the files when it is not told.
const DefaultWatchInterval = 2 * time.Second

// A KeyPair is a server's certificate chain and private key, as two PEM files hold them now. Its methods are safe for concurrent use.
//
// Connections keep the pair they began with: replacing it drops nobody.
type KeyPair struct {
	certFile, keyFile string
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate] // always a matching pair with its Leaf; nil only before an expected one is there
	proofs  proofs

	mu       sync.Mutex  // one reload at a time; guards what follows
	reminder reminder    // of current's end
	certInfo fs.FileInfo // of what current was read from
	keyInfo  fs.FileInfo
	failure  string // why the last reload failed, "" when it did not
}

// LoadKeyPair reads the pair to begin with. The key must be the certificate's, and its file of a mode no wider than 0600; each file at most 1 MiB.
//
// A certificate that clients will refuse (outside its dates, without names, not for servers) is logged as a warning and used: the operator may
// be busy replacing it, and a server that does not start helps nobody. log may be nil.
func LoadKeyPair(certFile, keyFile string, log *slog.Logger) (*KeyPair, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k := &KeyPair{certFile: certFile, keyFile: keyFile, log: log}
	pair, certInfo, keyInfo, err := readPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	k.use(pair, certInfo, keyInfo)
	k.announce("certificate loaded")
	return k, nil
}

// ExpectKeyPair is [LoadKeyPair] where what puts the files in place, as a CA's protocol does, may not have done so yet. Until it has, handshakes
// fail, and there are no names, no pin and no end.
func ExpectKeyPair(certFile, keyFile string, log *slog.Logger) *KeyPair {
	k, err := LoadKeyPair(certFile, keyFile, log)
	if err != nil {
		k = &KeyPair{certFile: certFile, keyFile: keyFile, log: cmp.Or(log, slog.New(slog.DiscardHandler)), failure: err.Error()}
		if !errors.Is(err, fs.ErrNotExist) {
			k.refuse(err)
		}
	}
	return k
}

// Reload reads the files again, now, and puts the pair in use for new connections. Where that fails, the pair in use stays, and the error is logged
// and returned. A certificate that clients would refuse does not replace one that they accept.
func (k *KeyPair) Reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = "" // asked for: told again, even if it is the old story
	return k.reload()
}

// Watch looks at the files every interval ([DefaultWatchInterval] if it is not positive), and reloads the pair when one of them has changed, until ctx
// ends. A pair that is bad, half-written for instance, is tried again every time, and logged once for each way of being bad. It also tells, once each,
// that the certificate in use ends within 30, 7 and 1 days, and that it has ended.
func (k *KeyPair) Watch(ctx context.Context, interval time.Duration) {
	if interval <= 0 {
		interval = DefaultWatchInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.poll()
		}
	}
}

// Names are the DNS names and IP addresses that the certificate in use is for, as clients check them.
func (k *KeyPair) Names() []string {
	if leaf := k.Leaf(); leaf != nil {
		return names(leaf)
	}
	return nil
}

// Pin is the pin of the pair in use; see the function [Pin]. It is empty where an expected pair is not there yet.
func (k *KeyPair) Pin() string {
	if leaf := k.Leaf(); leaf != nil {
		return Pin(leaf)
	}
	return ""
}

// Expires is the end of the certificate in use: no client accepts it after that. It is the zero time where an expected one is not there yet.
func (k *KeyPair) Expires() time.Time {
	if leaf := k.Leaf(); leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}

// Leaf is the certificate in use, nil where an expected one is not there yet. It must not be changed.
func (k *KeyPair) Leaf() *x509.Certificate {
	if pair := k.current.Load(); pair != nil {
		return pair.Leaf
	}
	return nil
}

func (k *KeyPair) poll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() { k.remind(time.Now()) }()
	if k.failure == "" && unchanged(k.certFile, k.certInfo) && unchanged(k.keyFile, k.keyInfo) {
		return
	}
	_ = k.reload() // logged there
}

// reload needs k.mu.
func (k *KeyPair) reload() error {
	pair, certInfo, keyInfo, err := readPair(k.certFile, k.keyFile)
	if err == nil {
		now := time.Now()
		if bad, old := fault(pair.Leaf, now), k.Leaf(); bad != "" && old != nil && fault(old, now) == "" {
			err = fmt.Errorf("certificate %s %s", k.certFile, bad)
		}
	}
	if err != nil {
		if k.failure != err.Error() {
			k.failure = err.Error()
			k.refuse(err)
		}
		return err
	}
	k.use(pair, certInfo, keyInfo)
	k.announce("certificate replaced")
	return nil
}

func (k *KeyPair) refuse(err error) {
	how := "new certificate refused, the old one stays in use"
	if k.Leaf() == nil {
		how = "certificate refused, and there is no other: nobody can connect"
	}
	k.log.Error(how, "event", "cert.refused", "error", err)
}

func (k *KeyPair) use(pair *tls.Certificate, certInfo, keyInfo fs.FileInfo) {
	k.certInfo, k.keyInfo, k.failure = certInfo, keyInfo, ""
	k.current.Store(pair)
}

func (k *KeyPair) announce(how string) {
	leaf := k.Leaf()
	k.log.Info(how, "event", "cert.loaded", "file", k.certFile, "names", names(leaf), "expires", leaf.NotAfter, "pin", Pin(leaf))
	if bad := fault(leaf, time.Now()); bad != "" {
		k.log.Warn("clients will refuse this certificate", "event", "cert.unfit", "file", k.certFile, "reason", "it "+bad)
	}
}

func readPair(certFile, keyFile string) (pair *tls.Certificate, certInfo, keyInfo fs.FileInfo, err error) {
	certPEM, certInfo, err := readFile(certFile)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, keyInfo, err := readKey(keyFile)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return &p, certInfo, keyInfo, nil
}

// unchanged says whether name is still the file that info describes. The inode tells one file moved over another of equal size and time, as renewals
// by symbolic link do; the mode tells the chmod that an error asked for.
func unchanged(name string, info fs.FileInfo) bool {
	now, err := os.Stat(name)
	return err == nil && os.SameFile(now, info) && now.Size() == info.Size() && now.Mode() == info.Mode() && now.ModTime().Equal(info.ModTime())
}

// fault says why no client would accept cert from a server at time now, "" where one might.
func fault(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return "expired on " + date(cert.NotAfter)
	case now.Before(cert.NotBefore):
		return "is not valid before " + date(cert.NotBefore)
	case len(cert.DNSNames)+len(cert.IPAddresses) == 0:
		return "names no host (no subjectAltName)"
	case len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 0 &&
		!slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny):
		return "is not for servers (extended key usage without serverAuth)"
	}
	return ""
}

// names are cert's subject alternative names that a server is checked by.
func names(cert *x509.Certificate) []string {
	all := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}
