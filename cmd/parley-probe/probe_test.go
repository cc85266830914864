package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
	"parley/tlsutil"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// row is what --json prints of a stage.
type row struct{ Threat, Tried, Seen, Verdict string }

// probed is what a run of the probe came to.
type probed struct {
	rows   map[string]row // by stage
	code   int
	stderr string
}

// runProbe attacks s with the stages given, signed in as ann and ben, whom it makes where they are not there.
func runProbe(t *testing.T, s *parleytest.Server, only []string, args ...string) probed {
	t.Helper()
	args = append(args, "--ca", s.CA, "--json", "--timeout", "5m")
	for i, name := range []string{"ann", "ben"} {
		s.User(name)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(parleytest.Password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		flag := []string{"user", "user2"}[i]
		args = append(args, "--"+flag, name, "--"+strings.Replace(flag, "user", "password-file", 1), file)
	}
	if len(only) > 0 {
		args = append(args, "--only", strings.Join(only, ","))
	}
	return execProbe(t, append(args, s.Addr)...)
}

func execProbe(t *testing.T, args ...string) probed {
	t.Helper()
	cmd := exec.Command(parleytest.Build(t, "parley-probe"), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	got := probed{rows: make(map[string]row), code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	if len(out) == 0 {
		return got
	}
	var rows []row
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, r := range rows {
		for _, s := range stages {
			if s.tried == r.Tried {
				got.rows[s.name] = r
			}
		}
	}
	if len(got.rows) != len(rows) {
		t.Fatalf("rows that belong to no stage, or to two:\n%s", out)
	}
	return got
}

// with are the stages of a verdict.
func (p probed) with(v verdict) (names []string) {
	for _, s := range stages {
		if p.rows[s.name].Verdict == string(v) {
			names = append(names, s.name)
		}
	}
	return names
}

// TestAllHold: the whole probe against a server as it is by default. Two people who talk there all the time lose nothing; how
// long they wait is judged on a quiet machine, with PARLEY_SOAK=1.
func TestAllHold(t *testing.T) {
	s := parleytest.Start(t, "--bcrypt-cost", "10")
	people := bystanders(t, s)
	got := runProbe(t, s, nil, "--strict")
	noticed, fine := people.stop()
	t.Log(noticed)
	if os.Getenv("PARLEY_SOAK") != "" && !fine || !strings.Contains(noticed, " 0 lost") || strings.Contains(noticed, "cut off") {
		t.Error("the probe was noticed by people who were in")
	}
	for _, stage := range stages {
		r := got.rows[stage.name]
		t.Logf("%-14s %-8s %s", stage.name, r.Verdict, r.Seen)
	}
	if held := got.with(held); len(held) != len(stages) || got.code != exitHeld {
		t.Errorf("exit code %d; fell: %q; untried: %q\n%s", got.code, got.with(fell), got.with(untried), got.stderr)
	}
}

// bystanders are two people who talk in a room of their own, before the probe comes to look for one.
func bystanders(t *testing.T, s *parleytest.Server) *watch {
	t.Helper()
	var two []*account
	for _, name := range []string{"carl", "dora"} {
		s.User(name)
		two = append(two, &account{name: name, password: parleytest.Password})
	}
	at, err := newTarget(t.Context(), s.Addr, tlsutil.ClientOptions{CAFile: s.CA}, two)
	if err == nil {
		err = at.arrive(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	people, err := at.watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// twin is a server without one mitigation: of all stages, that one must fall.
type twin struct {
	stage   string
	flags   []string
	without string   // the mutation; that of the stage's name where there is neither this nor a flag
	blind   []string // stages that cannot be tried without the mitigation
	slow    bool     // the stage takes seconds: with the other twins it runs under PARLEY_SOAK=1 alone
}

var twins = slices.Concat(tlsTwins, lineTwins, roomTwins, sessionTwins, rateTwins, slowTwins, floodTwins, passwordTwins, guessTwins)

// takesSeconds says whether a stage waits for deadlines of the server, or storms it.
func takesSeconds(stage string) bool {
	return slices.ContainsFunc(twins, func(t twin) bool { return t.stage == stage && t.slow })
}

func judgedByTime(name string) bool {
	return slices.ContainsFunc(stages, func(s stage) bool { return s.name == name && s.timed })
}

// TestTwins: each stage falls where its mitigation is missing, and no other does.
func TestTwins(t *testing.T) {
	if parleytest.Race {
		t.Skip("what stages see is no matter of races: TestAllHold runs them all under the detector")
	}
	for _, twin := range twins {
		if len(twin.flags) == 0 && twin.without == "" {
			twin.without = twin.stage
		}
		t.Run(twin.stage+" "+twin.without+strings.Join(twin.flags, " "), func(t *testing.T) {
			if !judgedByTime(twin.stage) { // those have the machine for themselves
				t.Parallel()
			}
			var s *parleytest.Server
			if twin.without == "" {
				s = parleytest.Start(t, twin.flags...)
			} else {
				s = startMutant(t, twin.without, twin.flags...)
			}
			var only []string
			for _, stage := range stages {
				if os.Getenv("PARLEY_SOAK") != "" || stage.name == twin.stage || !takesSeconds(stage.name) {
					only = append(only, stage.name)
				}
			}
			got := runProbe(t, s, only)
			t.Logf("%s: %s", twin.stage, got.rows[twin.stage].Seen)
			if fallen := got.with(fell); !slices.Equal(fallen, []string{twin.stage}) || got.code != exitFell {
				t.Errorf("%q fell, exit code %d\n%s", fallen, got.code, got.stderr)
				for _, name := range fallen {
					t.Logf("%s: %s", name, got.rows[name].Seen)
				}
			}
			if blind := got.with(untried); !slices.Equal(blind, twin.blind) {
				t.Errorf("untried: %q, want %q", blind, twin.blind)
				for _, name := range blind {
					t.Logf("%s: %s", name, got.rows[name].Seen)
				}
			}
		})
	}
}

// TestEveryStageHasATwin: a check that cannot fail proves nothing.
func TestEveryStageHasATwin(t *testing.T) {
	for _, s := range stages {
		found := false
		for _, twin := range twins {
			found = found || twin.stage == s.name
		}
		if !found {
			t.Errorf("no server is known against which %s falls", s.name)
		}
	}
}
