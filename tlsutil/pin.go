package tlsutil

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const pinPrefix = "sha256/"

// Pin is the standard base64 of the SHA-256 of cert's public key (its SubjectPublicKeyInfo, as in RFC 7469, 2.4), after "sha256/". It stays the same
// over every renewal that keeps the key.
func Pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return pinPrefix + base64.StdEncoding.EncodeToString(sum[:])
}

// ParsePin reads exactly what [Pin] writes and returns the hash in it.
func ParsePin(pin string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	encoded, ok := strings.CutPrefix(pin, pinPrefix)
	// The length is checked first because the decoder skips line ends.
	if ok = ok && len(encoded) == base64.StdEncoding.EncodedLen(len(sum)); ok {
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		ok = err == nil && len(raw) == len(sum)
		copy(sum[:], raw)
	}
	if !ok {
		return [sha256.Size]byte{}, fmt.Errorf("pin %.80q: must be sha256/ and 44 characters of base64, as the server prints it", pin)
	}
	return sum, nil
}

// requirePin makes cfg, a client's, accept only a server whose key has the hash want, whose certificate is for cfg.ServerName, and within its dates.
// Where cfg names no CA, this takes the place of the chain, and is then all that stands between the client and anybody else: crypto/tls still
// has the server prove, in the handshake, that it holds the pinned key. What cfg.VerifyConnection checked before is checked after.
func requirePin(cfg *tls.Config, want [sha256.Size]byte) {
	// The name comes from here because ConnectionState.ServerName is empty for IP addresses.
	host, next := cfg.ServerName, cfg.VerifyConnection
	cfg.InsecureSkipVerify = cfg.RootCAs == nil
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		leaf := cs.PeerCertificates[0] // crypto/tls refuses a server that sends none
		if sha256.Sum256(leaf.RawSubjectPublicKeyInfo) != want {
			return pinError(leaf, want)
		}
		if err := leaf.VerifyHostname(host); err != nil {
			return nameError(leaf, host, err)
		}
		if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			return dateError("the server's certificate", leaf, now, nil)
		}
		return next(cs)
	}
}
