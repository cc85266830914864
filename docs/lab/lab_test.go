package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestMain goes to the root of the repository, where the command runs.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	parleytest.Main(m)
}

// stripped are escape sequences, and the codes that move the cursor to a line become line ends.
var (
	toLine   = regexp.MustCompile(`\x1b\[\d+;1H`)
	sequence = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
)

// shown reads a cast: what each step has put onto the screen, and how long the whole is.
func shown(t *testing.T, cast string) (steps map[string]string, length float64) {
	t.Helper()
	steps = make(map[string]string)
	title := ""
	header, events, _ := strings.Cut(cast, "\n")
	var h struct{ Version, Width, Height int }
	if err := json.Unmarshal([]byte(header), &h); err != nil || h.Version != 2 || h.Width != width || h.Height != height {
		t.Fatalf("the cast begins with %s: %v", header, err)
	}
	for line := range strings.Lines(events) {
		var e []any
		if err := json.Unmarshal([]byte(line), &e); err != nil || len(e) != 3 {
			t.Fatalf("%s: %v", line, err)
		}
		at := e[0].(float64)
		if at < length {
			t.Errorf("%s comes after %v", line, length)
		}
		length = at
		if e[1] == "m" {
			title = e[2].(string)
			continue
		}
		steps[title] += sequence.ReplaceAllString(toLine.ReplaceAllString(e[2].(string), "\n"), "")
	}
	return steps, length
}

// unseen is what the script expects and a cast does not show in its step.
func unseen(t *testing.T, cast string) (all []string) {
	t.Helper()
	steps, _ := shown(t, cast)
	for _, st := range script {
		for _, want := range st.expect {
			if !strings.Contains(steps[st.title], want.text) {
				all = append(all, fmt.Sprintf("%s: %q is not shown", st.title, want.text))
			}
		}
	}
	return all
}

// TestScript: the script is played by the real programs, and what it says is seen.
func TestScript(t *testing.T) {
	if parleytest.Race {
		t.Skip("scripts of other programs: they run without the race detector")
	}
	t.Parallel()
	parleytest.Need(t, "tmux")
	parleytest.Need(t, "openssl")
	parleytest.Build(t, "parleyd")
	frames, err := play(script, filepath.Dir(parleytest.Build(t, "parley")))
	if err != nil {
		t.Fatal(err)
	}
	parts := arrange(script, frames, slices.Repeat([]time.Duration{15 * time.Second}, len(script)))
	var b bytes.Buffer
	if err := writeCast(&b, parts, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	cast := b.String()
	if bad := unseen(t, cast); len(bad) > 0 {
		t.Errorf("%q", bad)
	}
	if _, length := shown(t, cast); math.Abs(length-17*float64(len(script))) > 0.01 {
		t.Errorf("the cast takes %v s", length)
	}
	if bad := unseen(t, strings.ReplaceAll(cast, "nothing was missed", "all was missed")); len(bad) != 1 {
		t.Errorf("a cast without what it must show has %q", bad)
	}
	if strings.Count(cast, password) == 0 || strings.Contains(cast, "PRIVATE KEY") {
		t.Error("carol does not sign in by hand, or a key is shown")
	}
	for i, p := range parts {
		for _, f := range p.frames {
			if f.At < p.from || f.At > p.from+p.length {
				t.Errorf("step %d has a frame at %v, outside of %v and %v more", i+1, f.At, p.from, p.length)
			}
			for y, line := range f.Screen.Lines {
				if len(line) != width {
					t.Errorf("step %d: line %d has %d cells", i+1, y, len(line))
				}
			}
		}
		if p.step.best {
			at := slices.IndexFunc(panes, func(p pane) bool { return p.name == bob })
			last := p.frames[len(p.frames)-1].Screen.Lines[panes[at].row:]
			heard := 0
			for _, line := range last[:panes[at].height+1] {
				heard += strings.Count(line[panes[at].column:].String(), "alice: is anybody still there?")
			}
			if heard != 1 {
				t.Errorf("bob hears %d times what alice said while there was no server", heard)
			}
			checkMoving(t, film(parts[i:i+1]).SVG())
		}
	}
}

// checkMoving holds a picture that moves against what it promises.
func checkMoving(t *testing.T, moving []byte) {
	t.Helper()
	if len(moving) > maxMoving {
		t.Errorf("it has %d bytes, more than %d", len(moving), maxMoving)
	}
	for d := xml.NewDecoder(bytes.NewReader(moving)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, foreign := range []string{"<script", "href", "url(", "@import", password} {
		if bytes.Contains(moving, []byte(foreign)) {
			t.Errorf("%s is in it", foreign)
		}
	}
	for _, st := range script {
		for _, want := range st.expect {
			if st.best && !strings.Contains(html.UnescapeString(string(moving)), want.text) {
				t.Errorf("%q is not in it", want.text)
			}
		}
	}
}

// TestPicture: the picture in the README is of this script.
func TestPicture(t *testing.T) {
	kept, err := os.ReadFile("docs/lab/recording.svg")
	if err != nil {
		t.Fatal(err)
	}
	checkMoving(t, kept)
	for _, st := range script {
		if about := st.title + ": " + st.shows; st.best && !bytes.Contains(kept, []byte(about)) {
			t.Errorf("it does not say %q; docs/lab/make picture makes it anew", about)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if first := regexp.MustCompile(`!\[[^]]*\]\(([^)]*)\)`).FindSubmatch(readme); first == nil || string(first[1]) != "docs/lab/recording.svg" {
		t.Errorf("the README opens with %q", first)
	}
}

// A part has a tone of its own, or it is silent.
const (
	leastLoud   = 500 // RMS of 32768; the narration has some 3000
	leastSteps  = 9
	leastLength = 3 * time.Minute
	mostLength  = 5 * time.Minute
)

func rms(samples []int16) float64 {
	sum := 0.0
	for _, v := range samples {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(samples))))
}

// TestNarration: every step is spoken, and together they are as long as a recording is to be.
func TestNarration(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "flite")
	said, err := narrate(script)
	if err != nil {
		t.Fatal(err)
	}
	if len(said) < leastSteps {
		t.Errorf("there are %d steps", len(said))
	}
	for i, s := range said {
		// Between 100 and 220 words a minute can be followed.
		words := len(strings.Fields(script[i].said))
		if pace := float64(words) / s.length().Minutes(); pace < 100 || pace > 220 {
			t.Errorf("step %d: %d words in %v", i+1, words, s.length())
		}
		if loud := rms(s.samples); loud < leastLoud {
			t.Errorf("step %d is silent: %.0f", i+1, loud)
		}
	}
	whole := together(said)
	if whole.length() < leastLength || whole.length() > mostLength {
		t.Errorf("it takes %v", whole.length())
	}
	again, err := readWAV(whole.wav())
	if err != nil || !slices.Equal(again.samples, whole.samples) || again.rate != whole.rate {
		t.Errorf("the narration is not read as it was written: %v", err)
	}
	if _, err := readWAV([]byte("RIFF")); err == nil {
		t.Error("what is no sound is read as one")
	}
}

// TestRecording makes the whole recording; it takes minutes.
func TestRecording(t *testing.T) {
	if os.Getenv("PARLEY_LAB") == "" {
		t.Skip("PARLEY_LAB=1 makes the recording, in minutes; TestScript and TestNarration are what it is made of")
	}
	for _, program := range []string{"tmux", "openssl", "flite", "ffmpeg", "ffprobe", "rsvg-convert"} {
		parleytest.Need(t, program)
	}
	dir := t.TempDir()
	parleytest.Build(t, "parleyd")
	if err := record(dir, filepath.Dir(parleytest.Build(t, "parley"))); err != nil {
		t.Fatal(err)
	}
	cast, err := os.ReadFile(filepath.Join(dir, "recording.cast"))
	if err != nil {
		t.Fatal(err)
	}
	if bad := unseen(t, string(cast)); len(bad) > 0 {
		t.Errorf("%q", bad)
	}
	_, length := shown(t, string(cast))
	for _, name := range []string{"recording.mp3", "recording.mp4"} {
		file := filepath.Join(dir, name)
		out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_type", "-of", "default=nw=1:nk=1", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Fields(string(out))
		took, err := strconv.ParseFloat(told[len(told)-1], 64)
		if err != nil || math.Abs(took-length) > 1.5 || took < leastLength.Seconds() || took > mostLength.Seconds() {
			t.Errorf("%s takes %v s, the cast %v: %v", name, took, length, err)
		}
		if !slices.Contains(told, "audio") || slices.Contains(told, "video") != (name == "recording.mp4") {
			t.Errorf("%s holds %q", name, told)
		}
		raw, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", "8000", "-f", "s16le", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		heard := make([]int16, len(raw)/2)
		if _, err := binary.Decode(raw, binary.LittleEndian, heard); err != nil {
			t.Fatal(err)
		}
		for title, from := range marks(t, string(cast)) {
			begin := int((from + before.Seconds()) * 8000)
			if loud := rms(heard[begin:min(begin+8000*8, len(heard))]); loud < leastLoud {
				t.Errorf("%s: %s is silent: %.0f", name, title, loud)
			}
		}
	}
	moving, err := os.ReadFile(filepath.Join(dir, "recording.svg"))
	if err != nil {
		t.Fatal(err)
	}
	checkMoving(t, moving)
}

// marks are when a cast's steps begin, in seconds.
func marks(t *testing.T, cast string) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for _, m := range regexp.MustCompile(`(?m)^\[([0-9.]+), "m", "(.*)"\]$`).FindAllStringSubmatch(cast, -1) {
		at, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		all[m[2]] = at
	}
	if len(all) != len(script) {
		t.Fatalf("the cast has %d marks", len(all))
	}
	return all
}

// TestPlain: the lab's client, which knows nothing of TLS and passwords, talks to parleyd.
func TestPlain(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "socat")
	parleytest.Need(t, "python3")
	cmd := exec.Command("docs/lab/plain")
	cmd.Stdin = strings.NewReader("bob\nhello\n\nexit\n")
	cmd.WaitDelay = parleytest.Patience
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`^Username: server: OK\|[0-9a-f-]{36}\|\|lobby\nserver: OK\|\d+\nserver: ERROR\|empty\|.*\nserver: OK\|bye\nconnection closed\n$`).Match(out) {
		t.Errorf("it shows\n%s", out)
	}
	script, err := os.ReadFile("docs/lab/plain")
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(script, []byte("\n")); lines > 20 {
		t.Errorf("it has %d lines", lines)
	}
}
