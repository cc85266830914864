package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// event is what one place in the source logs.
type event struct {
	name, level string
	keys        []string // of the call's own attributes
	at          token.Position
}

var (
	eventName = regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	eventRow  = regexp.MustCompile("(?m)^\\| `([^` ]+)` \\| ([a-z]+) \\| [^|]+ \\| ([^|]+) \\| [^|]+ \\|$")

	levels = map[string]string{"Debug": "debug", "Info": "info", "Warn": "warn", "Error": "error"}
	// Other ways to log, with the least arguments that tell them from namesakes. One way is enough.
	otherWays = map[string]int{"Log": 3, "LogAttrs": 3, "NewRecord": 4, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2}
)

const (
	eventsPage = `docs/operations.md, "Logs"`
	howToLog   = `every line says what happened by a name: log.Info("a sentence for people", "event", "noun.verb", "key", value), the pair first, ` +
		`and a row for noun.verb in the table of ` + eventsPage
)

// events finds what a file logs, the keys that it gives by With or in a list made before (With takes one: []any{"key", value}), and what breaks the rules.
func events(set *token.FileSet, f *ast.File) (found []event, with, bad []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if list, ok := n.(*ast.CompositeLit); ok {
			if array, ok := list.Type.(*ast.ArrayType); ok && isNamed(array.Elt, "any") {
				with = append(with, keys(list.Elts)...)
			}
			return true
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if isNamed(call.Fun, "append") {
			with = append(with, keys(call.Args[1:])...)
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := set.Position(call.Pos())
		complain := func(what string) { bad = append(bad, fmt.Sprintf("%s: %s; %s", at, what, howToLog)) }
		level, logs := levels[fun.Sel.Name]
		args := call.Args
		switch least := otherWays[fun.Sel.Name]; {
		case logs && len(args) > 0: // Error of an error has none
			args = args[1:]
		case least > 0 && len(args) >= least:
			complain(fun.Sel.Name + " is another way to log")
			return true
		case fun.Sel.Name == "NewLogLogger" && len(args) == 2:
			level, args = levels[strings.TrimPrefix(ending(args[1]), "Level")], withs(args[0])
		case fun.Sel.Name == "With":
			with = append(with, keys(args)...)
			return true
		default:
			return true
		}
		name := ""
		if len(args) > 1 {
			if key, _ := literal(args[0]); key == "event" {
				name, _ = literal(args[1])
			}
		}
		switch {
		case name == "":
			complain("a log line without an event")
		case !eventName.MatchString(name):
			complain(fmt.Sprintf("the event %q is not two words of a-z with a dot between", name))
		default:
			found = append(found, event{name, level, keys(args[2:]), at})
		}
		return true
	})
	return found, with, bad
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// ending is the last name of an expression such as slog.LevelWarn.
func ending(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// withs are the arguments of the With inside an expression.
func withs(e ast.Expr) (args []ast.Expr) {
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && ending(call.Fun) == "With" {
			args = call.Args
		}
		return true
	})
	return args
}

// keys are those of an attribute list: "key", value, or slog.String("key", value).
func keys(args []ast.Expr) (keys []string) {
	for i := 0; i < len(args); i++ {
		if call, ok := args[i].(*ast.CallExpr); ok && len(call.Args) == 2 {
			if key, ok := literal(call.Args[0]); ok {
				keys = append(keys, key)
			}
			continue
		}
		if key, ok := literal(args[i]); ok {
			keys = append(keys, key)
		}
		i++ // its value
	}
	return keys
}

// TestEvents: every line that the server logs carries an event, and the table for operators has every event with its level and its fields, and no other.
func TestEvents(t *testing.T) {
	all := list(t)
	at := slices.IndexFunc(all, func(p pkg) bool { return p.ImportPath == "parley/cmd/parleyd" })
	if at < 0 {
		t.Fatal("there is no parley/cmd/parleyd")
	}
	server := make(map[string]bool) // directories
	for _, p := range all {
		server[p.Dir] = p.ImportPath == all[at].ImportPath || slices.Contains(all[at].Deps, p.ImportPath)
	}
	var logged []event
	with := []string{"event"}
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		if !server[filepath.Dir(path)] {
			return
		}
		found, more, bad := events(set, f)
		logged, with = append(logged, found...), append(with, more...)
		for _, b := range bad {
			t.Error(b)
		}
	})
	_, section, _ := strings.Cut(read(t, "docs/operations.md"), "\n## Logs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, b := range compareEvents(logged, with, section) {
		t.Error(b)
	}
	if len(logged) < 50 {
		t.Errorf("only %d log lines were found", len(logged))
	}
}

// compareEvents says where the table of a page's section is not what is logged.
func compareEvents(logged []event, with []string, section string) (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	type row struct {
		level  string
		fields []string
		seen   []string // in the source
		logged bool
	}
	rows := make(map[string]*row)
	for _, m := range eventRow.FindAllStringSubmatch(section, -1) {
		if rows[m[1]] != nil {
			complain("%s has %s a second time", eventsPage, m[1])
		}
		r := &row{level: m[2]}
		for _, field := range codeSpan.FindAllStringSubmatch(m[3], -1) {
			r.fields = append(r.fields, field[1])
		}
		rows[m[1]] = r
	}
	for _, e := range logged {
		r := rows[e.name]
		if r == nil {
			complain("%s: %s has no row for it: add | `%s` | %s | when, in a sentence | fields, in backticks | alarm: yes or – |", e.at, eventsPage, e.name, e.level)
			continue
		}
		r.logged = true
		r.seen = append(r.seen, e.keys...)
		if r.level != e.level {
			complain("%s: %s is logged as %s; %s says %s", e.at, e.name, e.level, eventsPage, r.level)
		}
		for _, key := range e.keys {
			if !slices.Contains(r.fields, key) {
				complain("%s: the row of %s in %s lacks its field `%s`", e.at, e.name, eventsPage, key)
			}
		}
	}
	for name, r := range rows {
		if !r.logged {
			complain("%s has %s, which is logged nowhere", eventsPage, name)
			continue
		}
		for _, field := range r.fields {
			if !slices.Contains(r.seen, field) && !slices.Contains(with, field) {
				complain("%s gives %s the field `%s`, which it has nowhere", eventsPage, name, field)
			}
		}
	}
	return bad
}

// TestEventsCanFail shows each kind of mistake to the check.
func TestEventsCanFail(t *testing.T) {
	const good = "| `door.shut` | warn | when | `by`, `from` | – |\n"
	for name, c := range map[string]struct{ line, page string }{
		"no event":        {`log.Warn("shut", "by", who)`, ""},
		"not first":       {`log.Warn("shut", "by", who, "event", "door.shut")`, ""},
		"no literal":      {`log.Warn("shut", "event", kind)`, ""},
		"no pattern":      {`log.Warn("shut", "event", "DoorShut", "by", who)`, ""},
		"one word":        {`log.Warn("shut", "event", "shut", "by", who)`, ""},
		"another way":     {`log.LogAttrs(ctx, slog.LevelWarn, "shut", slog.String("event", "door.shut"))`, ""},
		"another logger":  {`slog.NewLogLogger(log.With("front", "web").Handler(), slog.LevelWarn)`, ""},
		"no row":          {`log.Warn("shut", "event", "door.slammed", "by", who)`, ""},
		"not logged":      {`log.Warn("shut", "event", "door.shut", "by", who)`, good + "| `door.open` | info | when | – | – |\n"},
		"twice":           {`log.Warn("shut", "event", "door.shut", "by", who)`, good + good},
		"another level":   {`log.Info("shut", "event", "door.shut", "by", who)`, good},
		"a field more":    {`log.Warn("shut", "event", "door.shut", "by", who, "at", now)`, good},
		"a field less":    {`log.Warn("shut", "event", "door.shut")`, good},
		"a field made so": {`log.Warn("shut", "event", "door.shut", "by", who, slog.Int("at", 1))`, good},
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "x.go", `package x; func f() { log.With("from", a); `+c.line+` }`, 0)
		if err != nil {
			t.Fatal(err)
		}
		found, with, bad := events(set, f)
		if c.page != "" || name == "no row" {
			bad = append(bad, compareEvents(found, with, c.page)...)
		}
		if len(bad) != 1 {
			t.Errorf("%s: %q", name, bad)
		}
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "x.go", `package x; func f() { attrs := []any{"from", a}; log.With(append(attrs, "at", b)...).Warn("shut", "event", "door.shut", "by", err.Error())
		slog.NewLogLogger(log.With("event", "door.shut", "by", b).Handler(), slog.LevelWarn) }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, with, bad := events(set, f)
	more := strings.Replace(good, "`from`", "`from`, `at`", 1)
	if bad = append(bad, compareEvents(found, with, more)...); len(found) != 2 || len(bad) > 0 {
		t.Errorf("what is right is refused: %v %q", found, bad)
	}
}
