package internal_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"parley/internal/parleytest"
)

// analysis is docs/security-analysis.md, and what it is held against.
type analysis struct {
	page   string
	flags  map[string]string            // of parleyd serve, with their defaults
	stages map[string]string            // of the probe, with the number of their row
	idents map[string]bool              // package.Name and package.Type.Name
	tests  func(file, name string) bool // whether the file has the test
}

const (
	partSix = "## Part 6: security analysis"
	table   = "## Threats"
	rows    = 29
)

var (
	threatRow  = regexp.MustCompile(`(?m)^\| ([0-9]+) \| (.+) \| (.+) \| (.+) \|$`)
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	testLink   = regexp.MustCompile(`\[((?:Test|Fuzz)\w+)\]\(\.\./([^)]+)\)`)
	testRef    = regexp.MustCompile(`(?m)^\[((?:Test|Fuzz)\w+)\]: \.\./(\S+)$`)
	testWord   = regexp.MustCompile(`\[((?:Test|Fuzz)\w+)\]`)
	anyLink    = regexp.MustCompile(`\[[^]]+\](\([^)]*\))?`)
	stageWord  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	flagWord   = regexp.MustCompile(`^--([a-z-]+)(?:=(\S+))?$`)
	identWord  = regexp.MustCompile(`^[a-z]+(\.[A-Za-z]\w*)+$`)
	listedLine = regexp.MustCompile(`(?m)^([a-z0-9-]+) +([0-9]+) \S`)
)

// section is what stands under a heading, up to the next of its rank.
func section(page, heading string) string {
	_, after, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		return ""
	}
	text, _, _ := strings.Cut(after, "\n## ")
	return text
}

// words counts as wc -w does, and as somebody does for whom code, links and signs that stand alone are no words.
func words(text string) (all, plain int) {
	all = len(strings.Fields(text))
	text = codeSpan.ReplaceAllString(anyLink.ReplaceAllString(text, ""), "")
	for _, w := range strings.Fields(text) {
		if strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			plain++
		}
	}
	return all, plain
}

// wrong is all that does not hold.
func (a *analysis) wrong() (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	part := section(a.page, partSix)
	if all, plain := words(part); all < 300 || all > 400 || plain < 300 {
		complain("Part 6 has %d words, %d of them prose; 300 to 400 are asked for", all, plain)
	}
	refs := testRef.FindAllStringSubmatch(a.page, -1) // so that Part 6 is words, not paths
	for _, m := range slices.Concat(testLink.FindAllStringSubmatch(a.page, -1), refs) {
		if !a.tests(m[2], m[1]) {
			complain("%s has no %s", m[2], m[1])
		}
	}
	for _, m := range testWord.FindAllStringSubmatch(part, -1) {
		if !slices.ContainsFunc(refs, func(ref []string) bool { return ref[1] == m[1] }) {
			complain("Part 6: %s leads nowhere", m[1])
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(part+section(a.page, table), -1) {
		if f := flagWord.FindStringSubmatch(m[1]); f != nil {
			if value, known := a.flags[f[1]]; !known || f[2] != "" && f[2] != value {
				complain("parleyd serve has no %s", m[1])
			}
		} else if identWord.MatchString(m[1]) && !a.idents[m[1]] {
			complain("there is no %s", m[1])
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(part, -1) {
		if stageWord.MatchString(m[1]) && a.stages[m[1]] == "" {
			complain("Part 6: the probe has no stage %s", m[1])
		}
	}
	return append(bad, a.wrongRows()...)
}

func (a *analysis) wrongRows() (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	placed := make(map[string][]string) // rows by stage
	var seen []string
	for _, row := range threatRow.FindAllStringSubmatch(section(a.page, table), -1) {
		number, shown := row[1], row[4]
		seen = append(seen, number)
		shows := len(testLink.FindAllString(shown, -1))
		for _, m := range codeSpan.FindAllStringSubmatch(shown, -1) {
			if a.stages[m[1]] == "" {
				complain("row %s: the probe has no stage %s", number, m[1])
				continue
			}
			shows++
			placed[m[1]] = append(placed[m[1]], number)
		}
		if shows == 0 {
			complain("row %s is shown by nothing", number)
		}
	}
	for i := range rows {
		if len(seen) != rows || seen[i] != fmt.Sprint(i+1) {
			complain("the rows are %q, not 1 to %d", seen, rows)
			break
		}
	}
	for stage, number := range a.stages {
		if !slices.Contains(placed[stage], number) {
			complain("the probe's stage %s belongs to row %s; the table has it in %q", stage, number, placed[stage])
		}
	}
	slices.Sort(bad)
	return bad
}

// present is the page as it is, with the programs and sources as they are.
func present(t *testing.T) *analysis {
	t.Helper()
	run := func(program string, args ...string) string {
		out, err := exec.Command(parleytest.Build(t, program), args...).Output()
		if err != nil {
			t.Fatalf("%s %q: %v", program, args, err)
		}
		return string(out)
	}
	a := &analysis{page: read(t, "docs/security-analysis.md"), flags: make(map[string]string), stages: make(map[string]string), idents: identifiers(t)}
	for _, m := range helpFlag.FindAllStringSubmatch(run("parleyd", "serve", "--help"), -1) {
		a.flags[m[1]] = strings.Trim(m[2], `"`)
	}
	for _, m := range listedLine.FindAllStringSubmatch(run("parley-probe", "--list"), -1) {
		a.stages[m[1]] = m[2]
	}
	if len(a.flags) < 30 || len(a.stages) < 10 || len(a.idents) < 200 {
		t.Fatalf("only %d flags, %d stages and %d names were found", len(a.flags), len(a.stages), len(a.idents))
	}
	file := make(map[string]string)
	a.tests = func(path, name string) bool {
		if _, read := file[path]; !read {
			b, _ := os.ReadFile(filepath.Join("..", path))
			file[path] = string(b)
		}
		return regexp.MustCompile(`(?m)^func ` + name + `\(`).MatchString(file[path])
	}
	return a
}

// identifiers are all names that the sources declare outside of functions.
func identifiers(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	sources(t, func(_ string, _ *token.FileSet, f *ast.File) {
		pkg := f.Name.Name + "."
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				found[pkg+receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						found[pkg+s.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range s.Names {
							found[pkg+name.Name] = true
						}
					}
				}
			}
		}
	})
	return found
}

// receiver is the type of a method, with its dot.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	is := d.Recv.List[0].Type
	if star, ok := is.(*ast.StarExpr); ok {
		is = star.X
	}
	if generic, ok := is.(*ast.IndexExpr); ok {
		is = generic.X
	}
	if name, ok := is.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

// TestSecurityAnalysis: what the page names exists, and every threat is shown by something.
func TestSecurityAnalysis(t *testing.T) {
	for _, bad := range present(t).wrong() {
		t.Error(bad)
	}
}

// TestSecurityAnalysisCanFail makes the page wrong in each of the ways that are looked for.
func TestSecurityAnalysisCanFail(t *testing.T) {
	a := present(t)
	good, before := a.page, a.wrong()
	for name, change := range map[string]struct{ from, to, says string }{
		"no such heading":       {partSix, "## Part 6", "Part 6 has 0 words"},
		"too long":              {"**Abuse.**", "**Abuse.** " + strings.Repeat("word ", 100), "words"},
		"too short":             {"**TCP guarantees no security.**", "\n## Another\n", "words"},
		"no such stage":         {"(`guessing`)", "(`guessing-well`)", "Part 6: the probe has no stage guessing-well"},
		"no such type":          {"`server.gate`", "`server.door`", "there is no server.door"},
		"no such method":        {"`auth.Service.Resume`", "`auth.Service.Restart`", "there is no auth.Service.Restart"},
		"no such flag":          {"`--max-sessions=20`", "`--most-sessions=20`", "no --most-sessions"},
		"another default":       {"`--errors=60`", "`--errors=61`", "no --errors=61"},
		"no such test":          {"[TestKill](", "[TestKiln](", "has no TestKiln"},
		"a test of Part 6":      {"[FuzzSession]: ", "[FuzzSession]:", "Part 6: FuzzSession leads nowhere"},
		"no such test there":    {"[TestTrust]: ../tlsutil/client_test.go", "[TestTrust]: ../tlsutil/server_test.go", "has no TestTrust"},
		"no such file":          {"../cmd/parleyd/kill_test.go", "../cmd/parleyd/kiln_test.go", "kiln_test.go has no TestKill"},
		"shown by nothing":      {"| [TestFileDescriptors](../cmd/parleyd/wire_caps_linux_test.go) |", "| a promise |", "row 3 is shown by nothing"},
		"a row is missing":      {"\n| 3 | ", "\n| three | ", "the rows are"},
		"a stage is not there":  {"| `tls-versions`, ", "| ", "stage tls-versions belongs to row 4"},
		"a stage in another":    {"| `slow-handshake`, `slow-hello`, ", "| `alpn`, ", "stage slow-hello belongs to row 1"},
		"no such stage in rows": {"| `lookalikes`, ", "| `lookalikes`, `look-twice`, ", "row 21: the probe has no stage look-twice"},
	} {
		if !strings.Contains(good, change.from) {
			t.Errorf("%s: the page has no %q to change", name, change.from)
		}
		a.page = strings.Replace(good, change.from, change.to, 1)
		var said []string
		for _, bad := range a.wrong() {
			if !slices.Contains(before, bad) {
				said = append(said, bad)
			}
		}
		if !slices.ContainsFunc(said, func(bad string) bool { return strings.Contains(bad, change.says) }) {
			t.Errorf("%s: the check says %q", name, said)
		}
	}
}
