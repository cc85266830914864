package tlsutil

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"time"
)

// Trust is how clients come to trust a certificate.
type Trust int

// From the best on.
const (
	Everybody  Trust = iota // the system's CAs vouch for it, with the chain in its file
	Given                   // its CA is none of the system's: clients are given it, or the pin
	Pinned                  // it vouches for itself: clients are given the pin
	Incomplete              // its CA is an intermediate one whose certificate is not in the file, as clients of the world need it
	Broken                  // the chain is none: a certificate in the file is not signed by the next
)

// Examined is what can be said of a pair of files.
type Examined struct {
	Leaf  *x509.Certificate
	Names []string
	Fault string // why clients refuse it, "" where they don't
	Trust Trust
	CA    string // who has signed the last certificate of the chain
}

// Examine reads a pair as [LoadKeyPair] does, with its errors, and says what clients will make of it at now. It changes nothing.
func Examine(certFile, keyFile string, now time.Time) (Examined, error) {
	pair, _, _, err := readPair(certFile, keyFile)
	if err != nil {
		return Examined{}, err
	}
	chain, err := x509.ParseCertificates(bytes.Join(pair.Certificate, nil))
	if err != nil {
		return Examined{}, fmt.Errorf("certificate %s: %w", certFile, err)
	}
	last := chain[len(chain)-1]
	return Examined{
		Leaf: pair.Leaf, Names: names(pair.Leaf), Fault: fault(pair.Leaf, now), Trust: trust(chain, now), CA: last.Issuer.String(),
	}, nil
}

// trust goes by the chain alone: that the leaf is out of date is another fault.
func trust(chain []*x509.Certificate, now time.Time) Trust {
	leaf, last := chain[0], chain[len(chain)-1]
	for i, cert := range chain[:len(chain)-1] {
		if cert.CheckSignatureFrom(chain[i+1]) != nil {
			return Broken
		}
	}
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		now = leaf.NotBefore.Add(time.Second)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: now})
	switch {
	case err == nil:
		return Everybody
	case len(chain) == 1 && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
		return Pinned
	case len(last.IssuingCertificateURL) > 0 && !bytes.Equal(last.RawIssuer, last.RawSubject):
		return Incomplete // who signed it publishes where its own certificate is to be had, as an intermediate CA of the world does
	}
	return Given
}

// EndsSoon says whether the certificate's end is near enough to tell of: see [KeyPair.Watch].
func (e Examined) EndsSoon(now time.Time) bool {
	return new(reminder).passed(e.Leaf, now)
}
