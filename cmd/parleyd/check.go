package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"parley/internal/store"
)

// checking looks whether a server with these flags is, or would be, all right.
type checking struct {
	serve
	JSON bool `env:"-" name:"json" help:"One JSON object a line: check, state (ok, warn, fail), says, do."`
}

// finding is what one check found.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// The states of a finding. Only failing makes the command fail.
const (
	fine    = "ok"
	warning = "warn"
	failing = "fail"
)

// Bounds of a check: of one that waits for others (NATS, the CA, a resolver), and of reading the whole database.
const (
	checkWithin = 10 * time.Second
	readWithin  = 10 * time.Minute
)

// inspection is one run of all checks. Nothing that they look at is changed, and a running server goes on.
type inspection struct {
	*serve
	name   string // of the check that runs
	now    time.Time
	server int               // process that has the data directory open; 0 is none, or none that can be seen
	kept   *store.Inspection // of the database; nil where there is none, or it cannot be read
	tell   func(finding)
	failed bool
}

// checks are all there is to look at, in an order in which the first failure may explain the others.
var checks = []struct {
	name string
	look func(*inspection, context.Context)
}{
	{"flags", (*inspection).flags},
	{"data", (*inspection).data},
	{"database", (*inspection).database},
	{"nats", (*inspection).nats},
	{"certificate", (*inspection).certificate},
	{"acme", (*inspection).acme},
	{"ports", (*inspection).ports},
	{"files", (*inspection).files},
	{"backlog", (*inspection).backlog},
	{"disk", (*inspection).disk},
	{"clock", (*inspection).clock},
}

// errChecks: what is wrong has been said.
var errChecks = errors.New("something is wrong: see FAIL")

// Run makes all checks and says what they found.
func (c *checking) Run() error {
	i := &inspection{serve: &c.serve, now: time.Now(), tell: sayTo(os.Stdout)}
	if c.JSON {
		i.tell = jsonTo(os.Stdout)
	}
	if c.Data != "" {
		i.server = holder(c.Data.join("lock"))
	}
	for _, check := range checks {
		i.name = check.name
		within, cancel := context.WithTimeout(context.Background(), checkWithin)
		check.look(i, within)
		cancel()
	}
	if i.failed {
		return errChecks
	}
	return nil
}

func sayTo(w io.Writer) func(finding) {
	marks := map[string]string{fine: "ok", warning: "warn", failing: "FAIL"}
	return func(f finding) {
		fmt.Fprintf(w, "%-4s  %-11s  %s", marks[f.State], f.Check, f.Says)
		if f.Do != "" {
			fmt.Fprintf(w, ": %s", f.Do)
		}
		fmt.Fprintln(w)
	}
}

func jsonTo(w io.Writer) func(finding) {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return func(f finding) { _ = lines.Encode(f) } // a pipe that is closed ends the process
}

func (i *inspection) ok(format string, args ...any) { i.say(fine, "", format, args...) }

func (i *inspection) warn(do, format string, args ...any) { i.say(warning, do, format, args...) }

func (i *inspection) fail(do, format string, args ...any) {
	i.failed = true
	i.say(failing, do, format, args...)
}

func (i *inspection) say(state, do, format string, args ...any) {
	i.tell(finding{Check: i.name, State: state, Says: fmt.Sprintf(format, args...), Do: do})
}

// flags are refused as serve refuses them.
func (i *inspection) flags(context.Context) {
	err := errors.Join(i.bounds.check(), checkListen(i.Listen), i.checkWeb(), i.acmeFlags.check(i.serve), i.keeping.check(i.Nats), i.monitoring.check())
	switch {
	case err != nil:
		i.fail("", "%v", err)
	case i.Dev:
		i.fail("leave --dev out", "--dev makes what it needs: there is nothing to check")
	case i.Data == "":
		i.fail("--data DIR", "it is not said where everything is kept")
	case len(i.ACME) == 0 && (i.Cert == "" || i.Key == ""):
		i.fail("--cert and --key, or --acme NAME", "it is not said where the certificate comes from")
	default:
		i.ok("fit together")
	}
}

// unlogged is for what checks call that would log.
var unlogged = slog.New(slog.DiscardHandler)
