package tlsutil

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"
)

// A Kind says what about a server could not be trusted.
type Kind string

// The kinds of [TrustError].
const (
	KindChain Kind = "chain" // signed by nobody who is trusted, or not for a server
	KindName  Kind = "name"  // for other names than the one asked for
	KindDate  Kind = "date"  // expired, or not valid yet
	KindPin   Kind = "pin"   // another key than the pinned one
	KindALPN  Kind = "alpn"  // no parley server, or one of another version
)

// A TrustError is why a client would not talk to a server. Its text is for people and safe to show: what came from the server is bounded and has no
// control characters. Unwrap's is not.
type TrustError struct {
	Kind   Kind
	What   string // what was wrong
	Advice string // what to do about it
	Err    error  // what crypto/tls or crypto/x509 said, if it was they
}

func (e *TrustError) Error() string { return e.What + "; " + e.Advice }

func (e *TrustError) Unwrap() error { return e.Err }

// PresentedPin is what [Pin] makes of the certificate that a server presented and nobody vouches for (KindChain); "" for the other kinds. The
// handshake ended before the server had to prove that it holds that key: the pin is a claim, to be compared with what its operator says, and
// then given to a handshake of its own as [ClientOptions].Pin.
func (e *TrustError) PresentedPin() string {
	var verify *tls.CertificateVerificationError
	if e.Kind != KindChain || !errors.As(e.Err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return ""
	}
	return Pin(verify.UnverifiedCertificates[0])
}

// Explain finds in err, which a handshake with o's configuration returned, what could not be trusted. It says false to every other error: a lost
// connection, a timeout, a peer that speaks no TLS.
func (o ClientOptions) Explain(err error) (*TrustError, bool) {
	var (
		known   *TrustError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		roots   x509.SystemRootsError
		verify  *tls.CertificateVerificationError
		remote  *net.OpError
	)
	switch {
	case errors.As(err, &known):
		return known, true
	case errors.As(err, &host):
		return nameError(host.Certificate, host.Host, err), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		whose := "the server's certificate"
		if errors.As(err, &verify) && !invalid.Cert.Equal(verify.UnverifiedCertificates[0]) {
			whose = "the CA that signed the server's certificate"
		}
		return dateError(whose, invalid.Cert, time.Now(), err), true
	case errors.As(err, &roots):
		return &TrustError{KindChain, "this machine has no store of trusted certificates",
			"install its ca-certificates package, or give --ca FILE with the operator's ca.pem", err}, true
	case errors.As(err, &verify):
		return o.chainError(verify.Err, err), true
	case errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == tls.AlertError(alertNoApplicationProtocol).Error():
		return alpnError(err), true
	}
	return nil, false
}

// alertNoApplicationProtocol is from RFC 7301, 3.2. Over TCP crypto/tls keeps the type of its alerts to itself, so that their text, as
// tls.AlertError has it, is all there is to compare.
const alertNoApplicationProtocol = 120

func (o ClientOptions) chainError(reason, err error) *TrustError {
	store, advice := "this machine's trust store", "give --ca FILE (ask the operator for ca.pem) or --pin (ask for the pin)"
	if o.CAFile != "" {
		store, advice = o.CAFile, "ask the operator for the ca.pem that is in use now"
	}
	return &TrustError{KindChain, fmt.Sprintf("the server's certificate is not vouched for by %s (%s)", store, clean(reason.Error())), advice, err}
}

func nameError(leaf *x509.Certificate, host string, err error) *TrustError {
	what := fmt.Sprintf("the server's certificate is for no host at all; you asked for %s", clean(host))
	if all := names(leaf); len(all) > 0 {
		what = fmt.Sprintf("the server's certificate is for %s; you asked for %s", list(all), clean(host))
	}
	return &TrustError{KindName, what, "connect by a name it is for, or ask the operator to add this one to it", err}
}

func dateError(whose string, cert *x509.Certificate, now time.Time, err error) *TrustError {
	if now.Before(cert.NotBefore) {
		return &TrustError{KindDate, whose + " is not valid before " + date(cert.NotBefore), "check this machine's clock: it says " + date(now), err}
	}
	return &TrustError{KindDate, whose + " expired on " + date(cert.NotAfter), "ask the operator to renew it; this machine's clock says " + date(now), err}
}

func pinError(leaf *x509.Certificate, want [sha256.Size]byte) *TrustError {
	return &TrustError{KindPin,
		fmt.Sprintf("the server's key is %s, but %s was expected", Pin(leaf), pinPrefix+base64.StdEncoding.EncodeToString(want[:])),
		"ask the operator: if the key was not changed on purpose, somebody is in between", nil}
}

func alpnError(err error) *TrustError {
	return &TrustError{KindALPN, "what answers there does not speak " + ALPN, "check host and port; if they are right, client and server need the same version", err}
}

// date is exact and reads the same everywhere: a date without its zone is wrong by up to a day.
func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// list shows at most five names: a certificate may hold thousands, and comes from whoever answered.
func list(all []string) string {
	const most = 5
	shown := make([]string, 0, most)
	for _, name := range all[:min(len(all), most)] {
		shown = append(shown, clean(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(all) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// clean makes foreign text fit for a terminal: at most 300 characters, and none that moves, colours, hides or turns round what is shown.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > 300 {
			b.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}
