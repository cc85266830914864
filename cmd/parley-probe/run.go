package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// verdict is what became of a stage.
type verdict string

const (
	held    verdict = "held"
	fell    verdict = "fell"
	untried verdict = "untried"
)

// finding is what a stage has seen of the server.
type finding struct {
	verdict verdict // held or fell
	seen    string
	late    bool // it fell by times alone, which a busy machine may spoil
}

func seenHeld(format string, args ...any) finding {
	return finding{verdict: held, seen: fmt.Sprintf(format, args...)}
}

func seenFell(format string, args ...any) finding {
	return finding{verdict: fell, seen: fmt.Sprintf(format, args...)}
}

// tooSlow is in the reason why a stage could not be tried on a machine, or over a network, that is too slow for it.
const tooSlow = "too slow"

func couldNot(why error) finding { return finding{verdict: untried, seen: why.Error()} }

// result is a row of the report.
type result struct {
	stage
	finding
}

// stageTimeout bounds a stage; those that wait for the server's own deadlines take half of it.
const stageTimeout = 55 * time.Second

// runAll runs the stages one after the other, but neighbours that only wait at once. After one that left no server there is nothing to try.
func runAll(ctx context.Context, t *target, stages []stage, show *progress) []result {
	results := make([]result, len(stages))
	var gone error
	for i := 0; i < len(stages); {
		n := 1
		for stages[i].beside && i+n < len(stages) && stages[i+n].beside {
			n++
		}
		if gone == nil {
			show.stage(i, stages[i:i+n])
			gone = runGroup(ctx, t, stages[i:i+n], results[i:])
		} else {
			results[i] = result{stages[i], couldNot(gone)}
			n = 1
		}
		i += n
	}
	return results
}

// runGroup runs stages at once. Its error says that the server is gone.
func runGroup(ctx context.Context, t *target, group []stage, results []result) error {
	gone := make([]error, len(group))
	var running sync.WaitGroup
	for i, s := range group {
		running.Go(func() {
			results[i].stage = s
			results[i].finding, gone[i] = s.attempt(ctx, t)
		})
	}
	running.Wait()
	return errors.Join(gone...)
}

// attempt tries the stage, and whether the server answers after it. What fell by times alone is tried once more before that is said.
func (s stage) attempt(ctx context.Context, t *target) (finding, error) {
	if why := s.lacks(ctx, t); why != nil {
		return couldNot(why), nil
	}
	var f finding
	for range 2 {
		limited, cancel := context.WithTimeoutCause(ctx, stageTimeout, fmt.Errorf("it took longer than %v", stageTimeout))
		var err error
		f, err = s.run(limited, t)
		if err != nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		cancel()
		if err != nil {
			f = couldNot(err)
		}
		if dead := t.alive(ctx); dead != nil {
			gone := fmt.Errorf("after %s the server answered nobody any more: %w", s.name, dead)
			return seenFell("%v", gone), gone
		}
		if !f.late {
			break
		}
	}
	return f, nil
}

// lacks says what the stage needs and there is not.
func (s stage) lacks(ctx context.Context, t *target) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("interrupted")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.people == 1 && len(t.people) < 1:
		return errors.New("needs an account: --user and --password-file")
	case s.people == 2 && len(t.people) < 2:
		return errors.New("needs two accounts: --user, --password-file, --user2, --password-file2")
	case s.room && t.room == "":
		return t.noRoom
	case s.many && !t.many:
		return errors.New("needs many addresses to send from; there are some only where the server is on 127.0.0.1")
	}
	return nil
}

// choose picks the stages of --only and --skip, in the order of the table.
func choose(only, skip []string) ([]stage, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(stages, func(s stage) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no stage %q; --list shows them", name)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(stages), func(s stage) bool {
		return len(only) > 0 && !slices.Contains(only, s.name) || slices.Contains(skip, s.name)
	})
	if len(chosen) == 0 {
		return nil, errors.New("no stage is left to run")
	}
	return chosen, nil
}

// progress tells people which stage runs: one line that changes on a terminal, else a line a stage.
type progress struct {
	w        io.Writer
	terminal bool
	of       int
	began    time.Time
}

func newProgress(f *os.File, of int) *progress {
	return &progress{w: f, terminal: term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb", of: of, began: time.Now()}
}

const clearLine = "\r\x1b[K" // ECMA-48: carriage return, erase in line

func (p *progress) stage(i int, group []stage) {
	var names []string
	for _, s := range group {
		names = append(names, s.name)
	}
	line := fmt.Sprintf("%d/%d %s (%v)", i+len(group), p.of, strings.Join(names, ", "), time.Since(p.began).Round(time.Second))
	if p.terminal {
		fmt.Fprint(p.w, clearLine+line)
	} else {
		fmt.Fprintln(p.w, line)
	}
}

func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(p.w, clearLine)
	}
}

// verdictCode is the exit code: shown is what held, not what nobody tried.
func verdictCode(results []result, strict bool) int {
	count := make(map[verdict]int)
	for _, r := range results {
		count[r.verdict]++
	}
	if count[fell] > 0 || count[held] == 0 || strict && count[untried] > 0 {
		return exitFell
	}
	return exitHeld
}

// summary counts the verdicts.
func summary(results []result) string {
	var names [3][]string
	for _, r := range results {
		at := slices.Index([]verdict{held, fell, untried}, r.verdict)
		names[at] = append(names[at], r.name)
	}
	said := fmt.Sprintf("%d held, %d fell, %d could not be tried", len(names[0]), len(names[1]), len(names[2]))
	if len(names[1]) > 0 {
		said += "\nfell: " + strings.Join(names[1], ", ") +
			"\nTIGHTENED BY names the flag of parleyd serve that bounds it; a row that fell without one, or with its default, is a fault: see SECURITY.md"
	}
	if len(names[2]) > 0 {
		said += "\ncould not be tried: " + strings.Join(names[2], ", ")
	}
	return said
}
