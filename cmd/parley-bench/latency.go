package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies is a histogram that counts only while it is on.
type latencies struct {
	on atomic.Bool
	mu sync.Mutex
	h  *hdrhistogram.Histogram // microseconds
}

const mostLatency = 10 * time.Minute

func newLatencies() *latencies {
	return &latencies{h: hdrhistogram.New(1, mostLatency.Microseconds(), 3)}
}

// record counts nanoseconds.
func (l *latencies) record(nanoseconds []int64) {
	if !l.on.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ns := range nanoseconds {
		// The bound keeps it in range: the only error there is.
		_ = l.h.RecordValue(min(ns/1000, mostLatency.Microseconds()))
	}
}

// since counts the time since then.
func (l *latencies) since(then time.Time) { l.record([]int64{int64(time.Since(then))}) }

// take returns what was counted so far and starts anew.
func (l *latencies) take() *latencies {
	taken := newLatencies()
	l.mu.Lock()
	defer l.mu.Unlock()
	taken.h, l.h = l.h, taken.h
	return taken
}

var percentiles = []struct {
	name string
	at   float64
}{{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}}

// at is a percentile in milliseconds.
func (l *latencies) at(percentile float64) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.h.ValueAtPercentile(percentile)) / 1000
}

func (l *latencies) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.TotalCount()
}
