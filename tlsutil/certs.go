package tlsutil

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// How long what [MakeCerts] makes is valid.
const (
	CALifetime   = 10 * 365 * 24 * time.Hour
	LeafLifetime = 397 * 24 * time.Hour // below the 398 days that browsers accept at the most

	clockSkew = time.Hour // certificates begin in the past by this much, for clients whose clocks are behind
)

// Options says what [MakeCerts] makes.
type Options struct {
	Dir   string   // where the four files go; made if missing
	Hosts []string // DNS names (also *.example.org) and IP addresses of the server; at least one, but with Renew none keeps the names it has
	Force bool     // overwrite what is there, keys included: every client then needs the new CA or pin
	Renew bool     // only a new server certificate, for the key and by the CA that are in Dir: CA and pin stay as clients know them
}

// Result is what [MakeCerts] made, or kept.
type Result struct {
	CA, CAKey string // paths; CA is what clients get, CAKey is for renewal alone and may be kept elsewhere until then
	Cert, Key string // paths; what the server is started with
	Pin       string
	Names     []string
	Expires   time.Time // of Cert
}

// MakeCerts makes a CA and a server certificate signed by it (both ECDSA P-256, X.509 as in RFC 5280): ca.pem, ca-key.pem, server.pem and
// server-key.pem. Keys have mode 0600 from their first byte. Each file is either whole or as it was, also after a crash; without Force or Renew
// it is an error, and nothing is written, where one of them is there.
func MakeCerts(o Options) (Result, error) {
	dns, ips, err := parseHosts(o.Hosts)
	if err != nil {
		return Result{}, err
	}
	leaf := &x509.Certificate{DNSNames: dns, IPAddresses: ips}
	r := Result{
		CA:    filepath.Join(o.Dir, "ca.pem"),
		CAKey: filepath.Join(o.Dir, "ca-key.pem"),
		Cert:  filepath.Join(o.Dir, "server.pem"),
		Key:   filepath.Join(o.Dir, "server-key.pem"),
	}
	if o.Renew {
		return r.renew(leaf)
	}
	if len(o.Hosts) == 0 {
		return Result{}, errors.New("no host: give the names and addresses that clients will connect to")
	}
	if !o.Force {
		for _, name := range []string{r.CA, r.CAKey, r.Cert, r.Key} {
			if _, err := os.Lstat(name); err == nil {
				return Result{}, fmt.Errorf("%s is there already: --force replaces everything, keys too; --renew replaces only the server's certificate", name)
			}
		}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Result{}, err
	}
	return r.create(leaf)
}

func (r Result) create(leaf *x509.Certificate) (Result, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Result{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Result{}, err
	}
	ca, err := makeCA(caKey)
	if err != nil {
		return Result{}, err
	}
	cert, err := signLeaf(leaf, key.Public(), ca, caKey)
	if err != nil {
		return Result{}, err
	}
	caKeyPEM, err := keyPEM(caKey)
	if err != nil {
		return Result{}, err
	}
	serverKeyPEM, err := keyPEM(key)
	if err != nil {
		return Result{}, err
	}
	// The server's certificate comes last: where it is, all of them are.
	return r.finish(cert, []output{
		{r.CAKey, caKeyPEM, 0o600}, {r.CA, certPEM(ca), 0o644},
		{r.Key, serverKeyPEM, 0o600}, {r.Cert, certPEM(cert), 0o644},
	})
}

func (r Result) renew(leaf *x509.Certificate) (Result, error) {
	ca, _, _, err := readPair(r.CA, r.CAKey)
	if err != nil {
		return Result{}, fmt.Errorf("can't renew: %w", err)
	}
	old, _, _, err := readPair(r.Cert, r.Key)
	if err != nil {
		return Result{}, fmt.Errorf("can't renew: %w", err)
	}
	if time.Now().After(ca.Leaf.NotAfter) {
		return Result{}, fmt.Errorf("can't renew: the CA %s expired on %s; make everything anew with --force, and give clients the new ca.pem",
			r.CA, date(ca.Leaf.NotAfter))
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		leaf.DNSNames, leaf.IPAddresses = old.Leaf.DNSNames, old.Leaf.IPAddresses
	}
	cert, err := signLeaf(leaf, old.Leaf.PublicKey, ca.Leaf, ca.PrivateKey)
	if err != nil {
		return Result{}, fmt.Errorf("can't renew: %w", err)
	}
	return r.finish(cert, []output{{r.Cert, certPEM(cert), 0o644}})
}

type output struct {
	name string
	data []byte
	mode os.FileMode
}

// finish puts the files in place: all are on disk before the first of them replaces anything.
func (r Result) finish(cert *x509.Certificate, files []output) (Result, error) {
	var pending []pendingFile
	defer func() {
		for _, p := range pending {
			p.discard()
		}
	}()
	for _, f := range files {
		p, err := stage(f.name, f.data, f.mode)
		if err != nil {
			return Result{}, err
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		if err := p.commit(); err != nil {
			return Result{}, err
		}
	}
	r.Pin, r.Names, r.Expires = Pin(cert), names(cert), cert.NotAfter
	return r, syncDir(filepath.Dir(r.Cert))
}

func makeCA(key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	id, err := keyID(key.Public())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		// The part of the key's hash tells apart the CAs of one machine in a list of trusted ones.
		Subject:               pkix.Name{Organization: []string{"parley"}, CommonName: fmt.Sprintf("parley dev CA %x", id[:4])},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(CALifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it signs servers, never another CA
		SubjectKeyId:          id,
	}
	return sign(template, template, key.Public(), key)
}

// signLeaf completes template, which has the names. The certificate does not outlive its CA.
func signLeaf(template *x509.Certificate, key crypto.PublicKey, ca *x509.Certificate, caKey crypto.PrivateKey) (*x509.Certificate, error) {
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template.Subject = pkix.Name{Organization: []string{"parley"}, CommonName: "parley server"} // clients look at the names alone (RFC 9525, 2)
	template.NotBefore = now.Add(-clockSkew)
	template.NotAfter = now.Add(LeafLifetime)
	if template.NotAfter.After(ca.NotAfter) {
		template.NotAfter = ca.NotAfter
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.BasicConstraintsValid = true
	template.SubjectKeyId = id
	return sign(template, ca, key, caKey)
}

// sign leaves the serial number to CreateCertificate, which draws 159 random bits where the template has none.
func sign(template, parent *x509.Certificate, key crypto.PublicKey, parentKey crypto.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// keyID is method 1 of RFC 7093, 2: 160 bits of the SHA-256 of the key, here with its algorithm.
func keyID(key crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(spki)
	return sum[:20], nil
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
