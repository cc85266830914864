package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"parley/internal/parleytest"
	"parley/internal/stream"
)

var errEnough = errors.New("enough")

// read reads n entries from a sequence on.
func read(t testing.TB, s *stream.Stream, from uint64, n int) (all []stream.Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), parleytest.Patience)
	defer cancel()
	err := s.Read(ctx, from, 100, func(es []stream.Entry) error {
		all = append(all, es...)
		if len(all) >= n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("reading ended with %v after %d of %d entries", err, len(all), n)
	}
	return all
}

func TestAppendAndRead(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newNodes(t, n).open(t)
			for i := range 50 {
				must(t, s, "said", fmt.Sprint(i))
			}
			go func() {
				for i := 50; i < 100; i++ {
					s.Append(stream.Append{Subject: "said", Origin: "me", Data: fmt.Append(nil, i)}, func(uint64, bool, error) {})
				}
			}()
			for i, e := range read(t, s, 0, 100) {
				if e.Seq != uint64(i+2) || string(e.Data) != fmt.Sprint(i) || e.Subject != "said" || (e.Origin == "me") != (i >= 50) || e.Time.IsZero() {
					t.Fatalf("%d: %+v", i, e)
				}
			}
			if first, last, err := s.Ends(context.Background()); first != 2 || last != 101 || err != nil {
				t.Errorf("from %d to %d, %v", first, last, err)
			}
		})
	}
}
