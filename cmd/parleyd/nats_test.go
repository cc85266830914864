package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/stream"
)

// TestInReach: a node that starts asks again while the stream is out of reach, gives up when it is told to stop, and does not repeat what fails otherwise.
func TestInReach(t *testing.T) {
	lost, other := fmt.Errorf("no leader: %w", stream.ErrUnavailable), errors.New("another stream")
	for name, tt := range map[string]struct {
		answers []error // of each try; the last for ever
		want    error
		took    time.Duration
	}{
		"there at once": {[]error{nil}, nil, 0},
		"there later":   {[]error{lost, lost, lost, nil}, nil, 3 * reachAgain},
		"refused":       {[]error{other}, other, 0},
		"refused later": {[]error{lost, other}, other, reachAgain},
		"told to stop":  {[]error{lost}, context.DeadlineExceeded, time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
				defer cancel()
				began, tries := time.Now(), 0
				err := inReach(ctx, slog.New(slog.DiscardHandler), func() error {
					tries++
					return tt.answers[min(tries, len(tt.answers))-1]
				})
				if took := time.Since(began); !errors.Is(err, tt.want) || took != tt.took {
					t.Errorf("%v after %v and %d tries, want %v after %v", err, took, tries, tt.want, tt.took)
				}
			})
		})
	}
}
