package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
)

// asked is a CA that is out of reach, and when it was asked.
type asked struct {
	mu sync.Mutex
	at []time.Time
}

func (a *asked) RoundTrip(*http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	return nil, errors.New("out of reach")
}

// since are the minutes at which it was asked, by the clock of start.
func (a *asked) since(start time.Time) (minutes []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.at {
		minutes = append(minutes, int(at.Sub(start)/time.Minute))
	}
	return minutes
}

// TestWaits: a CA that does not answer is asked more and more seldom, down to once an hour, over restarts; and once more where an operator says so.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, start, dir := &asked{}, time.Now(), t.TempDir()
		open := func() (*Issuer, func()) {
			i, err := Open(Options{Names: []string{"chat.example.org"}, Directory: LetsEncrypt, Dir: filepath.Join(dir, "acme"), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			i.http = &http.Client{Transport: ca}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); i.Run(ctx) }()
			return i, func() { cancel(); <-done }
		}
		for range 6 { // started again and again within the first minute
			_, stop := open()
			time.Sleep(5 * time.Second)
			stop()
		}
		i, stop := open()
		time.Sleep(4 * time.Hour)
		want := []int{0, 1, 6, 26, 86, 146, 206}
		if got := ca.since(start); !slices.Equal(got, want) {
			t.Errorf("asked at the minutes %v, want %v", got, want)
		}
		i.Hurry()
		synctest.Wait()
		stop()
		if got := ca.since(start); len(got) != len(want)+1 || got[len(want)] != 240 {
			t.Errorf("asked at the minutes %v after it was told to", got)
		}
	})
}

func TestAnother(t *testing.T) {
	now := time.Now()
	limited := func(after string) error {
		return fmt.Errorf("order: %w", &acme.Error{StatusCode: 429, ProblemType: "urn:ietf:params:acme:error:rateLimited", Header: http.Header{"Retry-After": {after}}})
	}
	for _, tt := range []struct {
		before int
		err    error
		wait   time.Duration
	}{
		{0, errors.New("any"), time.Minute}, {3, errors.New("any"), time.Hour}, {1000, errors.New("any"), time.Hour},
		{0, limited("7200"), 2 * time.Hour}, {0, limited("1"), time.Minute}, {0, limited("9999999"), 24 * time.Hour}, {2, limited("soon"), 20 * time.Minute},
	} {
		if got := (failures{n: tt.before}).another(tt.err, now); got.n != tt.before+1 || got.again.Sub(now) != tt.wait {
			t.Errorf("after %d, %v: %v", tt.before, tt.err, got.again.Sub(now))
		}
	}
}

// TestReadFailures: what cannot be is no reason to ask never.
func TestReadFailures(t *testing.T) {
	name, now := filepath.Join(t.TempDir(), "failures"), time.Now()
	if err := (failures{n: 3, again: now.Add(365 * 24 * time.Hour)}).write(name); err != nil {
		t.Fatal(err)
	}
	if f := readFailures(name, now); f.n != 3 || f.again.Sub(now) != longest {
		t.Errorf("a clock that was wrong: %+v", f)
	}
	for _, bad := range []string{"", "{", `{"failures":-1}`, `{"failures":"x"}`} {
		if err := os.WriteFile(name, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := readFailures(name, now); f != (failures{}) {
			t.Errorf("%q: %+v", bad, f)
		}
	}
}
