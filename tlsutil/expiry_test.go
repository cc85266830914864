package tlsutil_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/tlsutil"
)

const day = 24 * time.Hour

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take is what was written since the last time.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// TestExpiryIsTold: once at each of 30, 7 and 1 days and at the end, whatever was passed meanwhile; anew for a certificate that replaces it; and
// not for a mark that is half of a short life.
func TestExpiryIsTold(t *testing.T) {
	for _, tt := range []struct {
		name       string
		life, left time.Duration // at the start
		want       []string      // by the day on which it is told
	}{
		{"a year", 397 * day, 40 * day, []string{"day 10: days_left=29", "day 33: days_left=6", "day 39: days_left=0", "day 40: expired"}},
		{"started late", 397 * day, 5 * day, []string{"day 0: days_left=4", "day 4: days_left=0", "day 5: expired"}},
		{"a CA's 90 days", 90 * day, 31 * day, []string{"day 1: days_left=29", "day 24: days_left=6", "day 30: days_left=0", "day 31: expired"}},
		{"six days", 6 * day, 6 * day, []string{"day 5: days_left=0", "day 6: expired"}},
		{"over already", 90 * day, -day, []string{"day 0: expired"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFiles(t)
				start := time.Now()
				limited := func() {
					save(t, f.ca.issue(t, func(c *x509.Certificate) {
						c.NotAfter, c.NotBefore = time.Now().Add(tt.left), time.Now().Add(tt.left-tt.life)
					}), f.cert, f.key)
				}
				limited()
				var log lines
				keys, err := tlsutil.LoadKeyPair(f.cert, f.key, slog.New(slog.NewTextHandler(&log, nil)))
				check(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); keys.Watch(ctx, time.Hour) }()
				var got []string
				follow := func(days int) {
					for range days*24 + 2 {
						log.take()
						time.Sleep(time.Hour)
						synctest.Wait()
						for line := range strings.Lines(log.take()) {
							on := fmt.Sprintf("day %d", time.Since(start)/day)
							switch _, left, _ := strings.Cut(line, "days_left="); {
							case strings.Contains(line, "has expired") && strings.Contains(line, "level=ERROR"):
								got = append(got, on+": expired")
							case strings.Contains(line, "expires soon") && strings.Contains(line, "level=WARN"):
								got = append(got, on+": days_left="+strings.TrimSpace(left))
							}
						}
					}
				}
				follow(max(2, int(tt.left/day)+2))
				if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
					t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
				if tt.left > 0 {
					got, start = nil, time.Now()
					limited()
					follow(int(tt.left/day) + 2)
					if len(got) != len(tt.want) {
						t.Errorf("of its successor: told %q", got)
					}
				}
				cancel()
				<-done
			})
		})
	}
}
