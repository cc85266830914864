package tlsutil

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync"
)

// Proof is the protocol name by which a CA asks a server to prove that a name is its own (TLS-ALPN-01, RFC 8737). A connection that negotiated it
// is done with its handshake, and is to be closed.
const Proof = "acme-tls/1"

// proofs are the certificates that prove names to a CA, each for as long as the CA is about to ask.
type proofs struct {
	mu sync.Mutex
	by map[string]*tls.Certificate
}

// Prove has connections that offer [Proof] alone, and ask for name, be shown cert; nil ends that. Nothing else is shown it, and where no proof is
// due such a connection fails its handshake as every other that offers none of the server's protocols.
func (k *KeyPair) Prove(name string, cert *tls.Certificate) {
	k.proofs.mu.Lock()
	defer k.proofs.mu.Unlock()
	if k.proofs.by == nil {
		k.proofs.by = make(map[string]*tls.Certificate)
	}
	k.proofs.by[strings.ToLower(name)] = cert
	if cert == nil {
		delete(k.proofs.by, strings.ToLower(name))
	}
}

// proof is the configuration for who asks for a proof that is due, else nil.
func (k *KeyPair) proof(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if !slices.Equal(hello.SupportedProtos, []string{Proof}) {
		return nil, nil
	}
	k.proofs.mu.Lock()
	defer k.proofs.mu.Unlock()
	cert := k.proofs.by[strings.ToLower(hello.ServerName)]
	if cert == nil {
		return nil, nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{Proof}, SessionTicketsDisabled: true, Certificates: []tls.Certificate{*cert},
	}, nil
}
