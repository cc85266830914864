package tlsutil

import (
	"crypto/x509"
	"time"
)

// marks are the times before a certificate's end at which [KeyPair.Watch] tells of it, the last being the end itself.
var marks = []time.Duration{30 * 24 * time.Hour, 7 * 24 * time.Hour, 24 * time.Hour, 0}

// reminder tells once of each mark that a certificate passes.
type reminder struct {
	of   *x509.Certificate
	told int // marks that are behind
}

// passed says whether cert has passed a mark since the last call. A mark that is half of the certificate's life or more is none: one for six days is
// not about to end when it is new.
func (r *reminder) passed(cert *x509.Certificate, now time.Time) bool {
	if r.of != cert {
		*r = reminder{of: cert}
	}
	before := r.told
	for i, mark := range marks[before:] {
		if cert.NotAfter.Sub(cert.NotBefore) > 2*mark && cert.NotAfter.Sub(now) < mark {
			r.told = before + i + 1
		}
	}
	return r.told > before
}

// remind needs k.mu.
func (k *KeyPair) remind(now time.Time) {
	pair := k.current.Load()
	if pair == nil || !k.reminder.passed(pair.Leaf, now) {
		return
	}
	if left := pair.Leaf.NotAfter.Sub(now); left > 0 {
		k.log.Warn("the certificate expires soon", "event", "cert.ending", "file", k.certFile, "expires", pair.Leaf.NotAfter, "days_left", int(left/(24*time.Hour)))
	} else {
		k.log.Error("the certificate has expired: clients refuse to connect", "event", "cert.ended", "file", k.certFile, "expired", pair.Leaf.NotAfter)
	}
}
