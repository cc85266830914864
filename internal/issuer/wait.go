package issuer

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"golang.org/x/crypto/acme"

	"parley/tlsutil"
)

// waits are those after the first failure, the second and so on, and the last after each further one. CAs allow five failures an hour or so
// for one name (Let's Encrypt does).
var waits = []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour}

// longest is the most that a CA can have it wait.
const longest = 24 * time.Hour

// failures are the orders that failed since one succeeded.
type failures struct {
	n     int
	again time.Time // not before
}

// another is one more failure, at now. A CA that says how long to wait is heard.
func (f failures) another(err error, now time.Time) failures {
	wait := waits[min(f.n, len(waits)-1)]
	if told := (*acme.Error)(nil); errors.As(err, &told) {
		if asked, _ := acme.RateLimit(told); asked > wait {
			wait = min(asked, longest)
		}
	}
	return failures{n: f.n + 1, again: now.Add(wait)}
}

// kept is failures as a file has them.
type kept struct {
	Failures int       `json:"failures"`
	Again    time.Time `json:"again"`
}

// write keeps f for the next start: a server that is started again and again must not ask each time.
func (f failures) write(name string) error {
	if f.n == 0 {
		if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.Marshal(kept{f.n, f.again})
	if err != nil {
		return err
	}
	return tlsutil.WriteFile(name, data, 0o600)
}

// readFailures is what write kept; what cannot be read was no failure. A time further away than any wait is the clock's fault.
func readFailures(name string, now time.Time) failures {
	data, err := os.ReadFile(name)
	var k kept
	if err != nil || json.Unmarshal(data, &k) != nil || k.Failures < 1 {
		return failures{}
	}
	if last := now.Add(longest); k.Again.After(last) {
		k.Again = last
	}
	return failures{n: k.Failures, again: k.Again}
}
