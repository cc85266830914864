package issuer

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"

	"parley/tlsutil"
)

// Bounds of talking to the CA.
const (
	orderWithin   = 5 * time.Minute  // a whole order
	requestWithin = 30 * time.Second // one request and its answer
	answerBytes   = 1 << 20          // one answer
	retries       = 3                // of one request
)

// client talks to a CA by TLS alone, wherever its directory sends it.
func client(caFile string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		roots, err := tlsutil.ReadCAs(caFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	return &http.Client{Timeout: requestWithin, Transport: secure{transport}}, nil
}

// secure refuses requests in the clear, and cuts answers off that are too long.
type secure struct{ next http.RoundTripper }

func (s secure) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("the CA sends us to %s, which is not https", r.URL.Redacted())
	}
	answer, err := s.next.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, answerBytes)
	}
	return answer, err
}

// renew orders a certificate and puts it in use.
func (i *Issuer) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, orderWithin)
	defer cancel()
	defer i.http.CloseIdleConnections()
	chain, err := i.order(ctx)
	if err != nil {
		return err
	}
	leaf, err := i.judge(chain)
	if err != nil {
		return fmt.Errorf("the CA's certificate is refused: %w", err)
	}
	var file bytes.Buffer
	for _, der := range chain {
		pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes everything
	}
	if err := tlsutil.WriteFile(filepath.Join(i.dir, "cert.pem"), file.Bytes(), 0o600); err != nil {
		return err
	}
	if err := i.keys.Reload(); err != nil {
		return err
	}
	if time.Now().After(i.due()) {
		return fmt.Errorf("the CA's certificate, until %s, is to be renewed at once: is the clock right?", leaf.NotAfter)
	}
	return nil
}

// order has the names proved and the key certified. The CA's terms are agreed to, as --acme says.
func (i *Issuer) order(ctx context.Context) ([][]byte, error) {
	ca := &acme.Client{
		Key: i.account, HTTPClient: i.http, DirectoryURL: i.directory, UserAgent: "parleyd",
		RetryBackoff: again,
	}
	if _, err := ca.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("account: %w", err)
	}
	order, err := ca.AuthorizeOrder(ctx, acme.DomainIDs(i.names...))
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	for _, one := range order.AuthzURLs {
		if err := i.prove(ctx, ca, one); err != nil {
			return nil, err
		}
	}
	if order, err = ca.WaitOrder(ctx, order.URI); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: i.names}, i.key)
	if err != nil {
		return nil, err
	}
	chain, _, err := ca.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return chain, nil
}

// again says when a request is repeated: at once where the CA wants another nonce, a little later where it is in trouble; 0 is not at all.
func again(n int, _ *http.Request, answer *http.Response) time.Duration {
	switch {
	case n > retries || answer.StatusCode == http.StatusTooManyRequests:
		return 0
	case answer.StatusCode < http.StatusInternalServerError:
		return time.Millisecond
	}
	return time.Duration(n) * time.Second
}

// prove shows the CA that one name is this server's.
func (i *Issuer) prove(ctx context.Context, ca *acme.Client, at string) error {
	wanted, err := ca.GetAuthorization(ctx, at)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	if wanted.Status == acme.StatusValid {
		return nil // proved a while ago
	}
	name := wanted.Identifier.Value
	for _, challenge := range wanted.Challenges {
		if challenge.Type != "tls-alpn-01" {
			continue
		}
		proof, err := ca.TLSALPN01ChallengeCert(challenge.Token, name)
		if err != nil {
			return err
		}
		i.keys.Prove(name, &proof)
		defer i.keys.Prove(name, nil)
		if _, err := ca.Accept(ctx, challenge); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err = ca.WaitAuthorization(ctx, wanted.URI); err != nil {
			return fmt.Errorf("%s: the CA could not see that it is this server's (it connects to port 443): %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("%s: the CA does not offer TLS-ALPN-01", name)
}

// judge refuses what would not do: a chain that is none, for another key, without one of the names, or out of date.
func (i *Issuer) judge(chain [][]byte) (*x509.Certificate, error) {
	certs, err := x509.ParseCertificates(bytes.Join(chain, nil))
	switch {
	case err != nil:
		return nil, err
	case len(certs) == 0:
		return nil, io.ErrUnexpectedEOF
	}
	leaf, now := certs[0], time.Now()
	if !i.key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("it is for another key")
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("it is from %s to %s: is the clock right?", leaf.NotBefore, leaf.NotAfter)
	}
	return leaf, covers(leaf, i.names)
}
