package tlsutil_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"parley/tlsutil"
)

// TestExamine: what clients will make of a pair of files.
func TestExamine(t *testing.T) {
	f := newFiles(t)
	now := time.Now()
	between := func(change func(*x509.Certificate)) (cert *x509.Certificate, issue func(func(*x509.Certificate)) tls.Certificate) {
		key := newKey(t)
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "between"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * day),
			KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		}
		change(template)
		middle := &issuer{signed(t, template, f.ca.cert, key, f.ca.key), key, ""}
		return middle.cert, func(change func(*x509.Certificate)) tls.Certificate { return middle.issue(t, change) }
	}
	published := func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example.org/ca.crt"} }
	middle, issue := between(func(*x509.Certificate) {})
	public, issuePublic := between(published)
	with := func(pair tls.Certificate, more ...*x509.Certificate) tls.Certificate {
		for _, c := range more {
			pair.Certificate = append(pair.Certificate, c.Raw)
		}
		return pair
	}
	alone := newKey(t)
	self := signed(t, &x509.Certificate{DNSNames: []string{"localhost"}, NotBefore: now.Add(-day), NotAfter: now.Add(100 * day)}, nil, alone, alone)
	for name, tt := range map[string]struct {
		pair  tls.Certificate
		trust tlsutil.Trust
		fault string
		soon  bool
	}{
		"a CA of one's own":         {f.ca.issue(t, func(c *x509.Certificate) { c.NotAfter = now.Add(100 * day) }), tlsutil.Given, "", false},
		"with its CA":               {with(f.ca.issue(t, nil), f.ca.cert), tlsutil.Given, "", false},
		"between":                   {with(issue(nil), middle), tlsutil.Given, "", false},
		"the world's, without":      {issuePublic(published), tlsutil.Incomplete, "", false},
		"the world's, with too few": {with(issuePublic(published), public), tlsutil.Incomplete, "", false},
		"in no order":               {with(issue(nil), f.ca.cert, middle), tlsutil.Broken, "", false},
		"of another":                {with(f.ca.issue(t, nil), middle), tlsutil.Broken, "", false},
		"for itself":                {tls.Certificate{Certificate: [][]byte{self.Raw}, PrivateKey: alone}, tlsutil.Pinned, "", false},
		"over":                      {f.ca.issue(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) }), tlsutil.Given, "expired on", true},
		"nearly over": {f.ca.issue(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-80*day), now.Add(10*day) }),
			tlsutil.Given, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			save(t, tt.pair, f.cert, f.key)
			var chain bytes.Buffer
			for _, der := range tt.pair.Certificate {
				chain.Write(pemOf("CERTIFICATE", der))
			}
			writeFile(t, f.cert, chain.Bytes(), 0o644)
			got, err := tlsutil.Examine(f.cert, f.key, now)
			check(t, err)
			if got.Trust != tt.trust || (got.Fault == "") != (tt.fault == "") || got.EndsSoon(now) != tt.soon {
				t.Errorf("trust %d, %q, soon %t; want %d, %q, %t", got.Trust, got.Fault, got.EndsSoon(now), tt.trust, tt.fault, tt.soon)
			}
		})
	}
	writeFile(t, f.key, nil, 0o600)
	if _, err := tlsutil.Examine(f.cert, f.key, now); err == nil {
		t.Error("a key that is none was taken")
	}
}
