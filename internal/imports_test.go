// Package internal_test holds what no compiler checks: the arrows between the
// packages, the one table of commands, the size of a file, and that the pages in docs
// agree with the programs.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pkg is what go list tells of one package of this module.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string // of non-test code
	Deps         []string // the same with everything behind them
	TestImports  []string
	XTestImports []string
}

// modulePkgs lists the packages of this module once a test run.
var modulePkgs = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("go list: %w\n%s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

func list(t *testing.T) []pkg {
	t.Helper()
	all, err := modulePkgs()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("this is not the whole project: %d packages", len(all))
	}
	return all
}

// floors are the layers of the house: a package may import packages of this
// module from the floors below its own and from nowhere else.
var floors = [][]string{
	{"parley/protocol", "parley/auth", "parley/tlsutil", "parley/internal/stream"},
	{"parley/internal/chat"},
	{"parley/internal/session"},
	{"parley/internal/server", "parley/internal/store", "parley/internal/control", "parley/internal/client", "parley/internal/web",
		"parley/internal/tmux", "parley/internal/picture", "parley/internal/cluster", "parley/internal/issuer",
		"parley/internal/systemd"},
	{"parley/cmd/internal/flags", "parley/internal/metrics", "parley/protocol/bot"},
	{"parley/cmd/parleyd", "parley/cmd/parley", "parley/cmd/parley-probe", "parley/cmd/parley-bench", "parley/docs/screens", "parley/docs/lab", "parley/docs/bots/echo"},
}

// rule forbids what the floors alone would allow.
type rule struct {
	pkg    string
	direct bool // only its own imports; else everything behind them as well
	not    []string
	why    string
}

var rules = []rule{
	{"parley/protocol", false, []string{"net", "net/...", "parley/...", "*"},
		"the wire must be usable, and fuzzed, without a socket or a module to fetch"},
	{"parley/auth", false, []string{"parley/...", "database/sql", "crypto/tls"},
		"who somebody is does not depend on how they came or where accounts are kept"},
	{"parley/tlsutil", false, []string{"parley/...", "*"},
		"trust is decided by the standard library alone"},
	{"parley/internal/stream", false, []string{"parley/...", "database/sql"},
		"a log of bytes does not know what they say, nor where they are kept besides"},
	{"parley/internal/stream", true, []string{"net/http"},
		"its way out is NATS"},
	{"parley/internal/chat", false, []string{"net", "net/...", "parley/...", "database/sql", "os", "*"},
		"rooms are memory and rules; they are tested without sockets, disks and clocks"},
	{"parley/internal/session", false, []string{"parley/internal/store", "parley/internal/server", "parley/tlsutil", "database/sql", "crypto/tls"},
		"a session has a connection and a hub; what keeps the messages and what secures the line can change under it"},
	{"parley/internal/server", true, []string{"parley/internal/chat", "parley/protocol", "database/sql", "net/http"},
		"the entrance knows nothing of lines, pages, people or rooms"},
	{"parley/internal/web", true, []string{"parley/internal/chat", "parley/auth", "parley/tlsutil", "database/sql", "crypto/tls"},
		"a browser is one more connection of lines, which the session knows of no other"},
	{"parley/internal/store", true, []string{"parley/protocol", "crypto/tls"},
		"what is kept does not depend on how it is said on the wire"},
	{"parley/internal/cluster", true, []string{"parley/internal/store", "parley/tlsutil", "database/sql", "net", "net/http", "crypto/tls",
		"github.com/nats-io/nats.go/jetstream"},
		"what nodes tell each other is kept nowhere, and how they reach NATS is their caller's business"},
	{"parley/internal/issuer", false, []string{"parley/internal/...", "parley/auth", "parley/protocol", "database/sql"},
		"who asks a CA has a key pair to fill, and hears of no connection"},
	{"parley/internal/metrics", true, []string{"database/sql", "crypto/tls", "parley/tlsutil"},
		"it shows what the other packages count, and counts nothing of theirs"},
	{"parley/internal/control", false, []string{"parley/internal/store", "parley/internal/server", "parley/internal/cluster", "parley/tlsutil", "crypto/tls", "database/sql"},
		"operators do to accounts, sessions and rooms what the server itself would do, by the same way through the log; never behind its back"},
	{"parley/internal/client", false, []string{"parley/internal/...", "parley/auth", "database/sql"},
		"a client shares the wire with the server, and nothing else"},
	{"parley/protocol/bot", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/auth", "database/sql"},
		"a bot has the wire, as people have; what it is built on other modules do not see"},
	{"parley/docs/bots/echo", false, []string{"parley/cmd/..."},
		"an example shows what any other module could do"},
	{"parley/docs/bots/echo", true, []string{"parley/internal/..."},
		"an example shows what any other module could do"},
	{"parley/cmd/parley", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/auth", "database/sql"},
		"a client shares the wire with the server, and nothing else"},
	{"parley/cmd/parley-probe", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/auth", "database/sql"},
		"an attacker has the wire, and nothing else"},
	{"parley/cmd/parley-bench", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/auth", "database/sql"},
		"what measures a server shares no code with it but the wire's, and treats its peers alike"},
	{"parley/internal/systemd", false, []string{"parley/...", "net/http", "crypto/tls"},
		"what keeps the server running is told how it is, and knows nothing of what it does"},
	{"parley/internal/tmux", false, []string{"parley/...", "*"},
		"it drives any program, and knows it by its screen alone"},
	{"parley/internal/picture", false, []string{"parley/...", "net"},
		"it draws what it is given, and comes to nothing else"},
	{"parley/docs/lab", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/internal/client", "parley/protocol", "parley/auth", "parley/tlsutil", "parley/cmd/..."},
		"what is handed in shows what the programs do, and nothing else"},
	{"parley/docs/screens", false, []string{"parley/internal/session", "parley/internal/server", "parley/internal/chat", "parley/internal/store",
		"parley/internal/control", "parley/internal/client", "parley/protocol", "parley/auth", "parley/tlsutil", "parley/cmd/..."},
		"a picture shows what the programs do, and nothing else"},
}

// own says that one module outside the standard library, or one package of this one, belongs to one package.
var own = []struct{ imported, only string }{
	{"modernc.org/sqlite", "parley/internal/store"},
	{"database/sql", "parley/internal/store"},
	{"golang.org/x/crypto/bcrypt", "parley/auth"},
	{"golang.org/x/crypto/acme", "parley/internal/issuer"},
	{"github.com/letsencrypt/pebble/v2", "parley/internal/acmetest"}, // for tests, as nats-server
	{"github.com/alecthomas/kong", "parley/cmd/..."},
	{"github.com/lmittmann/tint", "parley/cmd/..."},
	{"golang.org/x/term", "parley/cmd/..."},
	{"github.com/HdrHistogram/hdrhistogram-go", "parley/cmd/parley-bench"},
	{"github.com/coder/websocket", "parley/internal/web"},
	{"github.com/nats-io/nats.go", "parley/internal/..."},
	{"parley/internal/tmux", "parley/docs/..."},
	{"parley/internal/picture", "parley/docs/..."},
	{"github.com/prometheus/client_golang", "parley/internal/metrics"},
	{"github.com/nats-io/nats-server/v2", "parley/internal/parleytest"}, // for tests: never in a program that people run
}

// matches says whether path is what pattern names: a path, all below one
// ("net/..."), or all outside of the standard library ("*").
func matches(pattern, path string) bool {
	if pattern == "*" {
		return outside(path)
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(path, below+"/")
	}
	return path == pattern
}

// outside is true for packages of other modules: their paths begin with a
// host's name. What the standard library vendors is its own.
func outside(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !strings.HasPrefix(path, "vendor/")
}

func forTests(path string) bool { return strings.HasSuffix(path, "test") || path == "testing" }

func floor(path string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, path) })
}

// violations are the imports of non-test code that must not be.
func violations(all []pkg) (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	for _, p := range all {
		if forTests(p.ImportPath) || len(p.GoFiles) == 0 {
			continue
		}
		here := floor(p.ImportPath)
		if here < 0 {
			complain("%s stands on no floor: add it to floors, and to docs/design.md", p.ImportPath)
		}
		for _, i := range p.Imports {
			if forTests(i) {
				complain("%s imports %s, which is for tests", p.ImportPath, i)
			} else if strings.HasPrefix(i, "parley/") && floor(i) >= here {
				complain("%s imports %s, which is not below it", p.ImportPath, i)
			}
			for _, o := range own {
				if (i == o.imported || strings.HasPrefix(i, o.imported+"/")) && !matches(o.only, p.ImportPath) {
					complain("%s imports %s, which is %s's alone", p.ImportPath, i, o.only)
				}
			}
		}
		for _, r := range rules {
			imports := p.Deps
			if r.direct {
				imports = p.Imports
			}
			for _, i := range imports {
				if r.pkg == p.ImportPath && i != p.ImportPath && slices.ContainsFunc(r.not, func(n string) bool { return matches(n, i) }) {
					complain("%s has %s behind it: %s", p.ImportPath, i, r.why)
				}
			}
		}
	}
	return bad
}

// TestImports: arrows only go down.
func TestImports(t *testing.T) {
	all := list(t)
	for _, v := range violations(all) {
		t.Error(v)
	}
	for _, r := range rules {
		if !slices.ContainsFunc(all, func(p pkg) bool { return p.ImportPath == r.pkg && len(p.Deps) > 0 }) {
			t.Errorf("the rule for %s holds for nothing", r.pkg)
		}
	}
}

// TestImportsCanFail shows each kind of forbidden import to the check.
func TestImportsCanFail(t *testing.T) {
	one := func(path string, imports ...string) pkg {
		return pkg{ImportPath: path, GoFiles: []string{"x.go"}, Imports: imports, Deps: imports}
	}
	behind := one("parley/internal/chat", "log/slog")
	behind.Deps = append(behind.Deps, "net")
	for name, bad := range map[string]pkg{
		"upwards":           one("parley/internal/chat", "parley/internal/session"),
		"sideways":          one("parley/internal/server", "parley/internal/store"),
		"to a command":      one("parley/internal/client", "parley/cmd/parley"),
		"on no floor":       one("parley/internal/utils"),
		"testing":           one("parley/internal/session", "testing"),
		"a test's helper":   one("parley/cmd/parleyd", "parley/internal/parleytest"),
		"net on the wire":   one("parley/protocol", "net"),
		"a module":          one("parley/protocol", "golang.org/x/text/unicode/norm"),
		"net behind chat":   behind,
		"rooms at the door": one("parley/internal/server", "parley/internal/chat"),
		"another's module":  one("parley/internal/control", "modernc.org/sqlite"),
		"another's driver":  one("parley/internal/session", "database/sql"),
		"a test's terminal": one("parley/cmd/parley", "parley/internal/tmux"),
		"a page's people":   one("parley/internal/web", "parley/internal/chat"),
		"pages at the door": one("parley/internal/server", "net/http"),
		"another's numbers": one("parley/internal/session", "github.com/prometheus/client_golang/prometheus"),
		"another's frames":  one("parley/internal/session", "github.com/coder/websocket"),
		"nodes that keep":   one("parley/internal/cluster", "github.com/nats-io/nats.go/jetstream"),
		"a server inside":   one("parley/internal/cluster", "github.com/nats-io/nats-server/v2/server"),
		"a server's room":   one("parley/cmd/parley", "parley/internal/store"),
	} {
		if len(violations([]pkg{bad})) == 0 {
			t.Errorf("%s: %s may import %s", name, bad.ImportPath, bad.Imports)
		}
	}
	fine := []pkg{one("parley/internal/session", "parley/internal/chat", "net"), one("parley/protocol", "io"), one("parley/internal/parleytest", "testing")}
	if bad := violations(fine); len(bad) > 0 {
		t.Errorf("what is allowed is refused: %q", bad)
	}
}

// sources walks the syntax trees of all non-test files.
func sources(t *testing.T, visit func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	for _, p := range list(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if errors.Is(err, fs.ErrNotExist) {
				continue // renamed while this runs
			}
			if err != nil {
				t.Fatal(err)
			}
			visit(path, set, f)
		}
	}
}

// commandNames reads the names off the table in internal/session/command.go.
func commandNames(t *testing.T) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "session/command.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "name" {
			if name, ok := literal(pair.Value); ok {
				names[name] = true
			}
		}
		return true
	})
	if len(names) < 14 || !names["HELLO"] || !names["MSG"] {
		t.Fatalf("the table of commands was not found in session/command.go: %v", names)
	}
	return names
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// switches are the places where a case is the name of a command.
func switches(set *token.FileSet, f *ast.File, names map[string]bool) (found []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if clause, ok := n.(*ast.CaseClause); ok {
			for _, e := range clause.List {
				if name, ok := literal(e); ok && names[name] {
					found = append(found, fmt.Sprintf("%s: case %q", set.Position(e.Pos()), name))
				}
			}
		}
		return true
	})
	return found
}

// TestNoSwitchOverCommands: what is particular to a command stands in its row
// of a table, so that a new command is a new row.
func TestNoSwitchOverCommands(t *testing.T) {
	names := commandNames(t)
	sources(t, func(_ string, set *token.FileSet, f *ast.File) {
		for _, s := range switches(set, f, names) {
			t.Errorf("%s: commands belong in a table", s)
		}
	})
	set := token.NewFileSet()
	bad, err := parser.ParseFile(set, "bad.go", `package bad; func f(c string) { switch c { case "PING": } }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(switches(set, bad, names)) != 1 {
		t.Error("the check does not see a switch over commands")
	}
}

// maxLines is what a reader can hold in the head; a file beyond it hides a
// concept without a name.
const maxLines = 400

// TestFileSizes bounds non-test files.
func TestFileSizes(t *testing.T) {
	files := 0
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		files++
		if n := set.Position(f.End()).Line; n > maxLines {
			t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
		}
	})
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}
