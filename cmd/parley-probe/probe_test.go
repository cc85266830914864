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

// signedIn makes the accounts ann and ben, and returns the arguments that sign the probe in as them.
func signedIn(t *testing.T, s *parleytest.Server) (args []string) {
	t.Helper()
	for i, name := range []string{"ann", "ben"} {
		s.User(name)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(parleytest.Password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		flag := []string{"user", "user2"}[i]
		args = append(args, "--"+flag, name, "--"+strings.Replace(flag, "user", "password-file", 1), file)
	}
	return args
}

// runProbe attacks s with the stages given, or all.
func runProbe(t *testing.T, s *parleytest.Server, people, only []string) probed {
	t.Helper()
	args := append([]string{s.Addr, "--ca", s.CA, "--json", "--timeout", "5m"}, people...)
	if len(only) > 0 {
		args = append(args, "--only", strings.Join(only, ","))
	}
	return execProbe(t, args...)
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
			if strings.HasPrefix(r.Tried, s.name+": ") {
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

// soak is for a quiet machine, and time enough.
var soak = os.Getenv("PARLEY_SOAK") != ""

// TestAllHold: the whole probe against a server as it is by default. Two people who talk there all the time lose nothing. What is judged
// by times may fall on a machine that does other things as well: it is tried again by itself; and not judged at all under the race
// detector, nor, without PARLEY_SOAK=1, how long the two wait.
func TestAllHold(t *testing.T) {
	cost := "10"
	if parleytest.Race {
		cost = "4"
	}
	s := parleytest.Start(t, "--bcrypt-cost", cost)
	others, people := bystanders(t, s), signedIn(t, s)
	got := runProbe(t, s, people, nil)
	noticed, fine, _ := others.stop()
	t.Log(noticed)
	if soak && !fine || !strings.Contains(noticed, " 0 lost") || strings.Contains(noticed, "cut off") {
		t.Error("the probe was noticed by people who were in")
	}
	for _, stage := range stages {
		r := got.rows[stage.name]
		for tries := 0; r.Verdict != string(held) && stage.timed && !soak && tries < 3; tries++ {
			t.Logf("%s %s: %s; again", stage.name, r.Verdict, r.Seen)
			r = runProbe(t, s, people, []string{stage.name}).rows[stage.name]
		}
		t.Logf("%-14s %-8s %s", stage.name, r.Verdict, r.Seen)
		if stage.timed && !soak && r.Verdict == string(untried) {
			continue // this machine is too busy to tell
		}
		if r.Verdict != string(held) && !(stage.timed && parleytest.Race) {
			t.Errorf("%s does not hold", stage.name)
		}
	}
	if (got.code == exitHeld) != (len(got.with(fell)) == 0) {
		t.Errorf("exit code %d; fell: %q", got.code, got.with(fell))
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
	also    []string // stages behind it that fall with it: what is missing holds them up as well
	slow    bool     // the stage takes seconds: with other twins it runs under PARLEY_SOAK=1 alone
}

var twins = slices.Concat(tlsTwins, lineTwins, webTwins, roomTwins, sessionTwins, rateTwins, slowTwins, floodTwins, passwordTwins, guessTwins)

// takesSeconds says whether a stage waits for deadlines of the server, or storms it.
func takesSeconds(stage string) bool {
	return slices.ContainsFunc(twins, func(t twin) bool { return t.stage == stage && t.slow })
}

func judgedByTime(name string) bool {
	return slices.ContainsFunc(stages, func(s stage) bool { return s.name == name && s.timed })
}

// TestTwins: each stage falls where its mitigation is missing, and no other does: of those that belong to the same threat and take
// no time, or of all with PARLEY_SOAK=1.
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
			got := runProbe(t, s, signedIn(t, s), companions(twin.stage))
			t.Logf("%s: %s", twin.stage, got.rows[twin.stage].Seen)
			if fallen := got.with(fell); !slices.Equal(fallen, append([]string{twin.stage}, twin.also...)) || got.code != exitFell {
				t.Errorf("%q fell, exit code %d\n%s", fallen, got.code, got.stderr)
				for _, name := range fallen {
					t.Logf("%s: %s", name, got.rows[name].Seen)
				}
			}
			for _, name := range got.with(untried) {
				t.Logf("untried: %s: %s", name, got.rows[name].Seen)
			}
			for _, name := range twin.blind {
				if got.rows[name].Verdict != string(untried) {
					t.Errorf("%s says that it %s, and can't have seen that", name, got.rows[name].Verdict)
				}
			}
		})
	}
}

// companions are the stages that are run against a twin.
func companions(name string) (names []string) {
	row := 0
	for _, s := range stages {
		if s.name == name {
			row = s.row
		}
	}
	for _, s := range stages {
		if soak || s.name == name || s.row == row && !takesSeconds(s.name) {
			names = append(names, s.name)
		}
	}
	return names
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
