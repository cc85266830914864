package web

import (
	"maps"
	"net/http"
	"sync"
)

// Stats are the requests that were answered, by what with.
type Stats struct{ Requests map[string]int64 }

// What requests are answered with; every kind of refusal is one.
const (
	aPage    = "page"
	aSocket  = "socket"
	aRefusal = "refusal"
)

type answers struct {
	mu sync.Mutex
	by map[string]int64
}

func (a *answers) count(r *http.Request, refused *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case refused != nil:
		a.by[aRefusal]++
	case r.URL.Path == "/ws":
		a.by[aSocket]++
	default:
		a.by[aPage]++
	}
}

// Stats counts; it may be called at any time.
func (s *Server) Stats() Stats {
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	return Stats{Requests: maps.Clone(s.answers.by)}
}
