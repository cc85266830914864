package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

var (
	ruleExpr  = regexp.MustCompile(`(?m)^ +expr: (.+)$`)
	ruleName  = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	testedFor = regexp.MustCompile(`(?m)^ +alertname: (\w+)\n +exp_alerts:$`)
	testInput = regexp.MustCompile(`series: '([^']+)'`)
	mentioned = regexp.MustCompile("`(parley_[a-z_]+)")
	selector  = regexp.MustCompile(`\b((?:parley|go|process)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`(\w+)(=~|=|!=)"([^"]*)"`)
)

// dashboard are the queries of docs/ops/grafana.json, by the title of their panel.
func dashboard(t *testing.T) map[string][]string {
	t.Helper()
	var board struct {
		Title, UID string
		Panels     []struct {
			Title, Type string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(page(t, "docs/ops/grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			all[p.Title] = append(all[p.Title], q.Expr)
		}
		if p.Type != "row" && len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("the panel %q has no query, or no room", p.Title)
		}
	}
	if board.UID == "" || len(all) < 20 {
		t.Fatalf("%d panels of %q", len(all), board.Title)
	}
	return all
}

// comparesQueries holds what is asked in docs/ops and named in docs to what a server shows, labels and their values included.
func comparesQueries(t *testing.T, now *scrape) {
	t.Helper()
	rules, tests := page(t, "docs/ops/alerts.yml"), page(t, "docs/ops/alerts_test.yml")
	asked := make(map[string][]string) // by where
	for title, queries := range dashboard(t) {
		asked["grafana.json: "+title] = queries
	}
	for file, found := range map[string][][]string{
		"alerts.yml":      ruleExpr.FindAllStringSubmatch(rules, -1),
		"alerts_test.yml": testInput.FindAllStringSubmatch(tests, -1),
	} {
		if len(found) < 10 {
			t.Errorf("%s has only %d", file, len(found))
		}
		for _, m := range found {
			asked[file] = append(asked[file], m[1])
		}
	}
	for _, name := range []string{"docs/operations.md", "docs/adr/0021-metrics.md", "docs/design.md"} {
		for _, m := range mentioned.FindAllStringSubmatch(page(t, name), -1) {
			if m[1] != "parley_" && now.types[m[1]] == "" {
				t.Errorf("%s names %s, which is no metric", name, m[1])
			}
		}
	}
	shown := make(map[string]bool)
	for where, queries := range asked {
		for _, q := range queries {
			for _, bad := range now.lacks(q, shown) {
				t.Errorf("%s: %s: %s", where, q, bad)
			}
		}
	}
	for _, name := range now.own() {
		if !slices.ContainsFunc([]string{"", "_bucket", "_sum"}, func(part string) bool { return shown[name+part] }) {
			t.Errorf("nothing asks for %s", name)
		}
	}
	alerts := submatches(ruleName, rules)
	for _, name := range alerts {
		if !slices.Contains(submatches(testedFor, tests), name) {
			t.Errorf("no test has %s fire", name)
		}
		if !strings.Contains(page(t, "docs/operations.md"), name) {
			t.Errorf("docs/operations.md does not say what to do about %s", name)
		}
	}
}

func submatches(re *regexp.Regexp, text string) (all []string) {
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// lacks says what of a query the server does not have, and notes what it asks for.
func (s *scrape) lacks(query string, shown map[string]bool) (bad []string) {
	for _, m := range selector.FindAllStringSubmatch(query, -1) {
		name := m[1]
		shown[name] = true
		if !s.has(name) {
			bad = append(bad, "there is no "+name)
			continue
		}
		labels := s.labels(name)
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			label, how, value := l[1], l[2], l[3]
			if label == "instance" || label == "job" || label == "le" {
				continue // given by Prometheus, or a bucket
			}
			values := []string{value}
			if how == "=~" {
				values = strings.Split(value, "|")
			}
			for _, v := range values {
				if !slices.Contains(labels[label], v) {
					bad = append(bad, name+" has no "+label+" "+v)
				}
			}
		}
	}
	return bad
}

// has says whether there is a series of this name, or a metric.
func (s *scrape) has(name string) bool {
	if s.types[name] != "" && s.types[name] != "histogram" {
		return true
	}
	for series := range s.values {
		if series == name || strings.HasPrefix(series, name+"{") {
			return true
		}
	}
	return false
}

// TestQueriesCanFail shows the check what is wrong.
func TestQueriesCanFail(t *testing.T) {
	s := &scrape{
		values: map[string]float64{"parley_a": 1, `parley_b{x="1"}`: 1, `parley_h_bucket{le="1"}`: 1},
		types:  map[string]string{"parley_a": "gauge", "parley_b": "counter", "parley_h": "histogram"},
	}
	for query, fine := range map[string]bool{
		"parley_a": true, `rate(parley_b{x="1"}[5m]) / parley_a`: true, `parley_b{instance=~"$instance",x=~"1"}`: true, "parley_h_bucket": true,
		"parley_c": false, `parley_b{x="2"}`: false, `parley_b{x=~"1|2"}`: false, `parley_b{y="1"}`: false, "parley_h": false, "parley_a > parley_h_sum": false,
	} {
		if bad := s.lacks(query, make(map[string]bool)); (len(bad) == 0) != fine {
			t.Errorf("%s: %q", query, bad)
		}
	}
}

// TestPromtool: Prometheus's own tool takes the rules, finds them to fire and to be quiet as they should, and takes each query of the
// dashboard; and it finds no fault with what the server shows.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := parleytest.Need(t, "promtool")
	dir := t.TempDir()
	var recorded strings.Builder
	recorded.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, queries := range dashboard(t) {
		for _, q := range queries {
			q = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(q)
			expr, _ := json.Marshal(q)
			recorded.WriteString("  - record: a:b\n    expr: " + string(expr) + "\n    labels: { n: \"" + string(rune('a'+recorded.Len()%26)) + "\" }\n")
		}
	}
	queries := filepath.Join(dir, "dashboard.yml")
	if err := os.WriteFile(queries, []byte(recorded.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startMonitored(t)
	ops := filepath.Join("..", "..", "docs", "ops")
	for _, tt := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"check", "rules", filepath.Join(ops, "alerts.yml")}},
		{"", []string{"test", "rules", filepath.Join(ops, "alerts_test.yml")}},
		{"", []string{"check", "rules", "--lint=none", queries}},
		{s.scrape().text, []string{"check", "metrics"}},
	} {
		cmd := exec.Command(promtool, tt.args...)
		cmd.Stdin = strings.NewReader(tt.stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", tt.args, err, out)
		}
	}
}
