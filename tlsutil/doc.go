// Package tlsutil is who trusts whom: the TLS configurations of both ends, the server's key pair, and the certificates made for development.
//
//   - [ServerConfig] (server.go): TLS 1.3, strict ALPN, no session tickets.
//   - [KeyPair] (keypair.go): the certificate and key of a server, reloaded while it runs; a bad new pair never replaces a good old one.
//   - the end of the certificate in use is told in time (expiry.go), and a CA is shown proof of names (proof.go).
//   - [ClientConfig] (client.go): whom a client trusts, which is the system store, one CA file, or a pin; every one of them fails closed.
//   - [TrustError] (trust.go): which of chain, name, date, pin or ALPN was wrong, and what a person can do about it.
//   - [Pin] (pin.go): the hash of a server's public key, and the one place that replaces the standard verification by its own.
//   - [MakeCerts] (certs.go, hosts.go): a CA and a server certificate, made and renewed.
//
// What touches the disk is in files.go: bounded reads, and writes that are whole or absent, with private keys at mode 0600 from the first byte.
//
// There is no way to turn verification off. The package imports nothing else of parley.
package tlsutil
