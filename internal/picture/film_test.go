package picture

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A film shows each line from when it is there to when it is another, draws what stays once, and rests on its last screen.
func TestFilm(t *testing.T) {
	frame := func(at time.Duration, styled string) Frame {
		s := screenOf(styled)
		s.Cursor = true
		return Frame{At: at, Screen: s}
	}
	f := &Film{Length: 10 * time.Second, Frames: []Frame{
		frame(0, "stays\none"), frame(2*time.Second, "stays\ntwo"), frame(5*time.Second, "stays\none"), frame(6*time.Second, "stays\none\nthree"),
	}}
	drawn := string(f.SVG())
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, drawn)
		}
	}
	keys := make(map[string]string)
	for _, m := range regexp.MustCompile(`@keyframes (k\d+)\{((?:[^{}]*\{[^{}]*\})*)\}`).FindAllStringSubmatch(drawn, -1) {
		keys[m[1]] = strings.ReplaceAll(m[2], "visibility:", "")
	}
	var got []string
	for _, m := range regexp.MustCompile(`<g class="([fl ]+)" style="animation-name:(k\d+)">\n<text [^>]*>(.*)</text>`).FindAllStringSubmatch(drawn, -1) {
		got = append(got, m[3]+" "+m[1]+" "+keys[m[2]])
	}
	want := []string{
		"stays f l 0%{visible}", "one f 0%{visible}20%{hidden}", "two f 0%{hidden}20%{visible}50%{hidden}",
		"one f l 0%{hidden}50%{visible}", "three f l 0%{hidden}60%{visible}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it shows %q, want %q", got, want)
	}
	if strings.Count(drawn, "<rect class=\"t\"") != 1 {
		t.Error("a cursor that stays is not drawn once")
	}
}
