package internal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	helpFlag = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z][a-z-]*)(?:=(\S+))?`)
	rowFlag  = regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `?([^`|]*?)`? \\|")
	// A flag of which the help shows what to give in place of a default: --key=FILE.
	inPlace = regexp.MustCompile(`^[A-Z=]+(,\.\.\.)?$`)
)

// TestFlagsAreDocumented compares what parleyd serve --help says with the
// tables: bounds in design.md, the rest in operations.md.
func TestFlagsAreDocumented(t *testing.T) {
	help, err := exec.Command(parleytest.Build(t, "parleyd"), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	for _, page := range []string{"docs/design.md", "docs/operations.md"} {
		for _, m := range rowFlag.FindAllStringSubmatch(read(t, page), -1) {
			if _, twice := said[m[1]]; twice {
				t.Errorf("%s has --%s a second time", page, m[1])
			}
			said[m[1]] = m[2]
		}
	}
	flags := helpFlag.FindAllStringSubmatch(string(help), -1)
	if len(flags) < 30 {
		t.Fatalf("only %d flags in the help:\n%s", len(flags), help)
	}
	var known []string
	for _, m := range flags {
		name, value := m[1], strings.Trim(m[2], `"`)
		if name == "help" {
			continue
		}
		known = append(known, name)
		kept, found := said[name]
		if !found {
			t.Errorf("--%s stands in no table", name)
		} else if value != "" && !inPlace.MatchString(value) && kept != value {
			t.Errorf("--%s is %s by default; the table says %q", name, value, kept)
		}
	}
	for name := range said {
		if !slices.Contains(known, name) {
			t.Errorf("a table has --%s, which is no flag", name)
		}
	}
}

// TestDependenciesAreExplained: a module that is imported has its reason.
func TestDependenciesAreExplained(t *testing.T) {
	page := read(t, "docs/adr/0008-dependencies.md")
	var modules []string
	for _, m := range regexp.MustCompile(`(?m)^\s+(\S+) v\S+`).FindAllStringSubmatch(read(t, "go.mod"), -1) {
		modules = append(modules, m[1])
	}
	direct := make(map[string]bool)
	for _, p := range list(t) {
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if !outside(i) || strings.HasPrefix(i, "parley/") {
				continue
			}
			at := slices.IndexFunc(modules, func(m string) bool { return i == m || strings.HasPrefix(i, m+"/") })
			if at < 0 {
				t.Errorf("%s imports %s, of which go.mod has no module", p.ImportPath, i)
				continue
			}
			direct[modules[at]] = true
		}
	}
	if len(direct) < 8 {
		t.Fatalf("only %d modules are imported", len(direct))
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(page, -1) {
		if !slices.Contains(modules, m[1]) {
			t.Errorf("docs/adr/0008-dependencies.md names %s, which go.mod does not", m[1])
		}
	}
	for m := range direct {
		if !strings.Contains(page, "`"+m+"`") {
			t.Errorf("docs/adr/0008-dependencies.md does not name %s", m)
		}
	}
}

var pageLink = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// TestLinks: what the pages point to is there.
func TestLinks(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "certs/*.md"} {
		found, _ := filepath.Glob(filepath.Join("..", pattern))
		pages = append(pages, found...)
	}
	links := 0
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pageLink.FindAllStringSubmatch(string(b), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s points to %s: %v", page, m[1], err)
			}
		}
	}
	if len(pages) < 5 || links < 10 {
		t.Errorf("only %d pages and %d links", len(pages), links)
	}
}
