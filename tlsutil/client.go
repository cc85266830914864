package tlsutil

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ClientOptions says which server a client wants, and how it knows it.
type ClientOptions struct {
	// ServerName is the DNS name or IP address that the certificate must be for. Required.
	ServerName string
	// CAFile holds, in PEM, the CA certificates to trust instead of the system's. At most 1 MiB.
	CAFile string
	// Pin is the server's, as [Pin] writes it. It takes the place of the chain; with CAFile both must hold.
	Pin string
	// Protocols are offered instead of [ALPN] where it is not nil. What the server chooses of them is then the caller's to check.
	Protocols []string
}

// ClientConfig is the TLS side of a client: TLS 1.3, [ALPN] offered and its choice by the server required unless o has other Protocols, and a server trusted only as o says.
// Whatever is wrong fails the handshake, before a byte of what the client writes is sent; [ClientOptions.Explain] turns that error into words.
// The errors of ClientConfig itself are about o: no name, an unreadable CA file, a pin that is none.
func ClientConfig(o ClientOptions) (*tls.Config, error) {
	if o.ServerName == "" {
		return nil, errors.New("no server name: the certificate would be checked against nothing")
	}
	cfg := &tls.Config{
		MinVersion:       tls.VersionTLS13,
		ServerName:       certName(o.ServerName),
		NextProtos:       []string{ALPN},
		VerifyConnection: requireALPN,
	}
	if o.Protocols != nil {
		cfg.NextProtos = o.Protocols
		cfg.VerifyConnection = func(tls.ConnectionState) error { return nil }
	}
	if o.CAFile != "" {
		pool, err := ReadCAs(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("CA file: %w", err)
		}
		cfg.RootCAs = pool
	}
	if o.Pin != "" {
		want, err := ParsePin(o.Pin)
		if err != nil {
			return nil, err
		}
		requirePin(cfg, want)
	}
	return cfg, nil
}

// certName is host as a certificate can hold it: a link-local address is dialled with a zone, which means something on this machine alone.
func certName(host string) string {
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.WithZone("").String()
	}
	return host
}

// requireALPN fails where the server chose no protocol, which crypto/tls lets pass.
func requireALPN(cs tls.ConnectionState) error {
	if cs.NegotiatedProtocol != ALPN {
		return alpnError(nil)
	}
	return nil
}

// ReadCAs reads the CAs of a PEM file of at most 1 MiB. It refuses what x509.CertPool.AppendCertsFromPEM skips without a word: a damaged certificate, or a file that has none.
func ReadCAs(name string) (*x509.CertPool, error) {
	rest, _, err := readFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	found := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s holds a damaged certificate: %w", name, err)
		}
		pool.AddCert(cert)
		found = true
	}
	if !found {
		return nil, fmt.Errorf("%s holds no certificate; a PEM file such as the server's ca.pem is needed", name)
	}
	return pool, nil
}
