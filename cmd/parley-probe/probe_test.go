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

// Most tests wait for deadlines of their server.
func TestMain(m *testing.M) {
	parleytest.AtOnce(8)
	parleytest.Main(m)
}

// row is what --json prints of a stage.
type row struct {
	Threat, Tried, Seen, Verdict string
	Late                         bool
}

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

// inTime are the stages that judge by times. They have the machine for themselves.
var inTime = []string{"flood-overall", "names-time", "bcrypt-storm"}

// TestAllHold: the whole probe, but for what judges by times, against a server as it is by default.
func TestAllHold(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range stages {
		if !slices.Contains(inTime, s.name) {
			names = append(names, s.name)
		}
	}
	allHold(t, names)
}

// TestAllHoldInTime is TestAllHold for the other stages.
func TestAllHoldInTime(t *testing.T) { allHold(t, inTime) }

// allHold runs stages against a server as it is by default. Two people who talk there all the time lose nothing. What falls by times, and what
// can't be tried, may do so on a machine that does other things as well: it is tried again by itself; and not judged at all under the race
// detector, nor, without PARLEY_SOAK=1, how long people wait who talk meanwhile.
func allHold(t *testing.T, names []string) {
	cost := "10"
	if parleytest.Race {
		cost = "4"
	}
	s := parleytest.Start(t, "--bcrypt-cost", cost)
	others, people := bystanders(t, s), signedIn(t, s)
	got := runProbe(t, s, people, names)
	noticed, fine, _ := others.stop()
	t.Log(noticed)
	if soak && !fine || !others.whole() {
		t.Errorf("the probe was noticed by people who were in: %s", noticed)
	}
	for _, name := range names {
		r, timed := got.rows[name], slices.Contains(inTime, name)
		for tries := 0; (r.Verdict == string(untried) || r.Verdict != string(held) && timed) && !soak && tries < 2; tries++ {
			t.Logf("%s %s: %s; again", name, r.Verdict, r.Seen)
			r = runProbe(t, s, people, []string{name}).rows[name]
		}
		t.Logf("%-14s %-8s %s", name, r.Verdict, r.Seen)
		if !soak && (r.Verdict == string(untried) && (timed || strings.Contains(r.Seen, tooSlow)) || r.Late && name != "names-time") {
			continue // this machine is too busy to tell
		}
		if r.Verdict != string(held) && !(timed && parleytest.Race) {
			t.Errorf("%s does not hold: %s, %s", name, r.Verdict, r.Seen)
		}
	}
	if (got.code == exitHeld) != (len(got.with(fell)) == 0) {
		t.Errorf("exit code %d; fell: %q\n%s", got.code, got.with(fell), got.stderr)
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

// TestTwins: each stage falls where its mitigation is missing, and no other does: of those that belong to the same threat and take
// no time, or of all with PARLEY_SOAK=1.
func TestTwins(t *testing.T) {
	t.Parallel()
	for _, twin := range twins {
		if !slices.Contains(inTime, twin.stage) {
			t.Run(twin.name(), func(t *testing.T) {
				t.Parallel()
				twin.falls(t)
			})
		}
	}
}

// TestTwinsInTime is TestTwins for the other stages.
func TestTwinsInTime(t *testing.T) {
	for _, twin := range twins {
		if slices.Contains(inTime, twin.stage) {
			t.Run(twin.name(), twin.falls)
		}
	}
}

func (w twin) name() string {
	return strings.Join(strings.Fields(w.stage+" "+w.without+" "+strings.Join(w.flags, " ")), " ")
}

func (w twin) falls(t *testing.T) {
	if parleytest.Race {
		t.Skip("what stages see is no matter of races: TestAllHold runs them all under the detector")
	}
	if len(w.flags) == 0 && w.without == "" {
		w.without = w.stage
	}
	var s *parleytest.Server
	if w.without == "" {
		s = parleytest.Start(t, w.flags...)
	} else {
		s = startMutant(t, w.without, w.flags...)
	}
	people := signedIn(t, s)
	got := runProbe(t, s, people, companions(w.stage))
	for tries := 0; got.rows[w.stage].Verdict == string(untried) && tries < 3; tries++ {
		t.Logf("untried: %s; again", got.rows[w.stage].Seen)
		got = runProbe(t, s, people, companions(w.stage))
	}
	t.Logf("%s: %s", w.stage, got.rows[w.stage].Seen)
	if fallen := got.with(fell); !slices.Equal(fallen, append([]string{w.stage}, w.also...)) || got.code != exitFell {
		t.Errorf("%q fell, exit code %d\n%s", fallen, got.code, got.stderr)
		for _, name := range fallen {
			t.Logf("%s: %s", name, got.rows[name].Seen)
		}
	}
	for _, name := range got.with(untried) {
		t.Logf("untried: %s: %s", name, got.rows[name].Seen)
	}
	for _, name := range w.blind {
		if got.rows[name].Verdict != string(untried) {
			t.Errorf("%s says that it %s, and can't have seen that: %s", name, got.rows[name].Verdict, got.rows[name].Seen)
		}
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
