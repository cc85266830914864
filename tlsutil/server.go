package tlsutil

import (
	"crypto/tls"
	"errors"
)

// ALPN is the protocol name (RFC 7301) of the parley line protocol, version 1.
const ALPN = "parley/1"

// HTTP is the protocol name of HTTP/1.1, which the page for browsers and its WebSocket speak.
const HTTP = "http/1.1"

// ServerConfig is the TLS side of a server that shows keys' current certificate and speaks protos, the most wanted first; none means [ALPN] alone.
//
// A client that offers only other names fails the handshake with no_application_protocol, so that bytes meant for another protocol are never read as
// this one (RFC 7301, 3.2; the ALPACA attacks). A client that offers none, such as plain openssl s_client, is let in with an empty NegotiatedProtocol.
// Do not list "h2": crypto/tls then lets clients in that offer only "http/1.1", as if they had offered nothing.
//
// Who offers [Proof] alone is shown what [KeyPair.Prove] says, while it does.
//
// Only TLS 1.3 is spoken: no downgrade, renegotiation or compression is left to attack, and crypto/tls accepts no early data. The groups are
// the standard library's, so the hybrid post-quantum exchange X25519MLKEM768 is used wherever the client has it.
//
// Session tickets are off. They save a quarter of the 1.3 ms that connecting takes both ends together (BenchmarkHandshake, two cores), and a chat
// connects once and stays for hours. For that they cost a ticket key to guard, sessions that outlive a replaced certificate, and one more way in.
func ServerConfig(keys *KeyPair, protos []string) *tls.Config {
	if len(protos) == 0 {
		protos = []string{ALPN}
	}
	return &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  protos,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		GetConfigForClient:          keys.proof,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if pair := keys.current.Load(); pair != nil {
				return pair, nil
			}
			return nil, errNoneYet
		},
	}
}

var errNoneYet = errors.New("tlsutil: there is no certificate yet")
