package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// report is what one case found: figures in the order they are shown, and what went wrong.
type report struct {
	Case     string             `json:"case"`
	Server   string             `json:"server"` // parley, irc or nats
	Settings map[string]any     `json:"settings"`
	Figures  map[string]float64 `json:"figures"` // by name; the unit is the name's end
	Faults   faults             `json:"faults"`
	Error    string             `json:"error,omitempty"`
	OK       bool               `json:"ok"`

	order []figure
}

// figure is one line of the table.
type figure struct {
	name, words string
	value       float64
}

func (r *report) add(name, words string, value float64) {
	r.Figures[name] = value
	r.order = append(r.order, figure{name, words, value})
}

// addLatencies adds the percentiles under a name.
func (r *report) addLatencies(name, words string, l *latencies) {
	if l.count() == 0 {
		return
	}
	for _, p := range percentiles {
		r.add(name+"_"+p.name+"_ms", words+", "+p.name+", ms", l.at(p.at))
	}
}

func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "case\t%s (%s)\n", r.Case, r.Server)
	for _, f := range r.order {
		fmt.Fprintf(t, "%s\t%s\n", f.words, short(f.value))
	}
	f := r.Faults
	fmt.Fprintf(t, "lost, doubled, reordered, corrupted, refused\t%d, %d, %d, %d, %d\n", f.Lost, f.Doubled, f.Reordered, f.Corrupted, f.Refused)
	verdict := "ok"
	if !r.OK {
		verdict = "FAILED"
	}
	fmt.Fprintf(t, "verdict\t%s\n", verdict)
	return t.Flush()
}

// short shows three digits that count, and all before the point.
func short(v float64) string {
	switch {
	case v == float64(int64(v)) || v >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
