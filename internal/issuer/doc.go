// Package issuer has a CA certify the server's names, by ACME (RFC 8555), before there is a certificate and again before it ends.
//
//   - issuer.go: Issuer, the files it keeps, and when it asks
//   - order.go: one order of a certificate, from the account to the chain
//   - wait.go: how long after a failure it asks again, which restarts don't shorten
//   - inspect.go: how it stands, for who looks from outside
//
// Only its own goroutine asks the CA: for exactly the names it was given, and never because of a connection. Names are proved by TLS-ALPN-01
// (RFC 8737) at the server's own entrance, which [tlsutil.KeyPair.Prove] opens for as long as the CA is about to look.
//
// What it gets are the two files of a [tlsutil.KeyPair], which the server shows as it shows files from anywhere else. The key stays for good, so that
// a certificate replaces another by one rename, and the pin stays.
package issuer
