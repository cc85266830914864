package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// monitored is a server with --metrics, and where they are.
type monitored struct {
	*parleytest.Server
	at string // http://127.0.0.1:port
}

func startMonitored(t *testing.T, flags ...string) *monitored {
	t.Helper()
	s := parleytest.Start(t, append([]string{"--metrics", "127.0.0.1:0"}, flags...)...)
	return &monitored{s, "http://" + metricsAddr(t, s)}
}

// metricsAddr is where the server that was started last says that it serves metrics.
func metricsAddr(t *testing.T, s *parleytest.Server) (addr string) {
	t.Helper()
	for line := range strings.Lines(s.Log()) {
		var entry struct{ Msg, Addr string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving metrics" {
			addr = entry.Addr
		}
	}
	if addr == "" {
		t.Fatal("it does not say where the metrics are")
	}
	return addr
}

var scraper = &http.Client{Timeout: parleytest.Patience, Transport: &http.Transport{DisableKeepAlives: true}}

// get reads a page; its status is 0 where nobody answers.
func (m *monitored) get(path string) (status int, body string) {
	resp, err := scraper.Get(m.at + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// awaits asks for a page until it answers so.
func (m *monitored) awaits(path string, status int, body string) {
	m.T.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		got, said := m.get(path)
		if got == status && strings.Contains(said, body) {
			return
		}
		if time.Since(began) > parleytest.Patience {
			m.T.Fatalf("%s: %d %q, want %d %q", path, got, said, status, body)
		}
	}
}

// scrape is one answer of /metrics.
type scrape struct {
	text   string
	values map[string]float64 // by series: name{label="value",…}, labels sorted
	types  map[string]string  // by metric
	helps  map[string]string
}

func (m *monitored) scrape() *scrape {
	m.T.Helper()
	status, text := m.get("/metrics")
	if status != http.StatusOK {
		m.T.Fatalf("/metrics: %d %s", status, text)
	}
	s := &scrape{text, make(map[string]float64), make(map[string]string), make(map[string]string)}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch f := strings.SplitN(line, " ", 4); {
		case f[0] == "#" && f[1] == "TYPE":
			s.types[f[2]] = f[3]
		case f[0] == "#" && f[1] == "HELP":
			s.helps[f[2]] = f[3]
		default:
			at := strings.LastIndexByte(line, ' ')
			v, err := strconv.ParseFloat(line[at+1:], 64)
			if err != nil {
				m.T.Fatalf("%q: %v", line, err)
			}
			s.values[line[:at]] = v
		}
	}
	return s
}

// own are the metrics of parley's own.
func (s *scrape) own() (names []string) {
	for name := range s.types {
		if strings.HasPrefix(name, "parley_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// grown checks that these series are so much greater than they were before, and fails where they are not within a while.
func (m *monitored) grown(t *testing.T, before *scrape, want map[string]float64) (now *scrape) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		now = m.scrape()
		var off []string
		for _, series := range slices.Sorted(maps.Keys(want)) {
			value, found := now.values[series]
			if more := value - before.values[series]; !found || more != want[series] {
				off = append(off, fmt.Sprintf("%s grew by %v, not %v", series, more, want[series]))
			}
		}
		if len(off) == 0 {
			return now
		}
		if time.Since(began) > parleytest.Patience {
			t.Fatal(strings.Join(off, "\n"))
		}
	}
}

var seriesLabel = regexp.MustCompile(`(\w+)="([^"]*)"`)

// labels are those of a metric, with the values that they have; a histogram's le is none.
func (s *scrape) labels(metric string) map[string][]string {
	all := make(map[string][]string)
	for series := range s.values {
		if !strings.HasPrefix(series, metric+"{") {
			continue
		}
		for _, m := range seriesLabel.FindAllStringSubmatch(series, -1) {
			if !slices.Contains(all[m[1]], m[2]) {
				all[m[1]] = append(all[m[1]], m[2])
			}
		}
	}
	for _, values := range all {
		slices.Sort(values)
	}
	return all
}

// rows are the lines of the table in docs/operations.md.
func (s *scrape) rows() (rows []string) {
	for _, name := range s.own() {
		var labels []string
		all := s.labels(name)
		for _, label := range slices.Sorted(maps.Keys(all)) {
			if name == "parley_build_info" {
				labels = append(labels, "`"+label+"`")
				continue
			}
			labels = append(labels, "`"+label+"`: "+strings.Join(all[label], ", "))
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", name, s.types[name], strings.Join(labels, "; "), s.helps[name]))
	}
	return rows
}
