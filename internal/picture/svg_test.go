package picture

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

func screenOf(styled string) *Screen {
	return &Screen{Width: 20, Height: 3, Lines: uv.NewStyledString(styled).Lines(ansi.GraphemeWidth)}
}

// element is what is drawn of the screen, without what is the same in all: <text class="t" x="0" y="12" textLength="8.4" ...>.
var element = regexp.MustCompile(`<(text|rect) (?:class|fill)="([^"]+)" x="([^"]+)" y="([^"]+)" (?:textLength|width)="([^"]+)"` +
	` (?:lengthAdjust="spacingAndGlyphs"|height="16" shape-rendering="crispEdges")(.*?)/?>(?:(.*)</text>)?`)

// drawn are the screen's texts and rectangles: "colour text x,y+width looks".
func drawn(t *testing.T, p *Screen) (all []string) {
	t.Helper()
	picture := string(p.SVG())
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
	}
	_, screen, _ := strings.Cut(picture, "<g ")
	for _, m := range element.FindAllStringSubmatch(screen, -1) {
		what := m[2] + " " + m[7]
		if m[1] == "rect" {
			what = m[2] + " behind"
		}
		all = append(all, fmt.Sprintf("%s %s,%s+%s%s", what, m[3], m[4], m[5], m[6]))
	}
	if drawn := strings.Count(screen, "<text") + strings.Count(screen, "<rect"); drawn != len(all) {
		t.Errorf("%d of %d elements are understood in\n%s", len(all), drawn, screen)
	}
	return all
}

// Every escape sequence of colour and look, and every width, comes out in its place.
func TestDraw(t *testing.T) {
	for name, c := range map[string]struct {
		styled string
		want   []string
	}{
		"plain":            {"a b", []string{"t a b 0,12+25.2"}},
		"nothing":          {"   \n\n ", nil},
		"blanks":           {"  a  \n b", []string{"t a 16.8,12+8.4", "t b 8.4,28+8.4"}},
		"escaped":          {`<&">`, []string{"t &lt;&amp;&#34;&gt; 0,12+33.6"}},
		"16 colours":       {"\x1b[31ma\x1b[97mb", []string{"c1 a 0,12+8.4", "c15 b 8.4,12+8.4"}},
		"256 colours":      {"\x1b[38;5;3ma\x1b[38;5;208mb\x1b[38;5;255mc", []string{"c3 a 0,12+8.4", "#ff8700 b 8.4,12+8.4", "#eeeeee c 16.8,12+8.4"}},
		"true colours":     {"\x1b[38;2;1;20;255ma\x1b[38:2::1:2:3mb", []string{"#0114ff a 0,12+8.4", "#010203 b 8.4,12+8.4"}},
		"behind":           {"\x1b[44m \x1b[48;5;16mx\x1b[49m ", []string{"c4 behind 0,0+8.4", "#000000 behind 8.4,0+8.4", "t x 8.4,12+8.4"}},
		"over lines":       {"\x1b[32ma\nb", []string{"c2 a 0,12+8.4", "c2 b 0,28+8.4"}},
		"reset":            {"\x1b[1;31;44ma\x1b[0mb\x1b[31mc\x1b[md", []string{"c4 behind 0,0+8.4", `c1 a 0,12+8.4 font-weight="bold"`, "t b 8.4,12+8.4", "c1 c 16.8,12+8.4", "t d 25.2,12+8.4"}},
		"default colour":   {"\x1b[1;31ma\x1b[39mb\x1b[22mc", []string{`c1 a 0,12+8.4 font-weight="bold"`, `t b 8.4,12+8.4 font-weight="bold"`, "t c 16.8,12+8.4"}},
		"looks":            {"\x1b[1;2;3;4;9ma", []string{`t a 0,12+8.4 font-weight="bold" font-style="italic" opacity=".65" text-decoration="underline line-through"`}},
		"underlined blank": {"\x1b[4m ", []string{`t   0,12+8.4 text-decoration="underline"`}},
		"reverse":          {"\x1b[7ma\x1b[31;42mb\x1b[27mc", []string{"t behind 0,0+8.4", "s a 0,12+8.4", "c1 behind 8.4,0+8.4", "c2 b 8.4,12+8.4", "c2 behind 16.8,0+8.4", "c1 c 16.8,12+8.4"}},
		"hidden":           {"\x1b[8;41ma", []string{"c1 behind 0,0+8.4"}},
		"wide":             {"a日本b", []string{"t a 0,12+8.4", "t 日 8.4,12+16.8", "t 本 25.2,12+16.8", "t b 42,12+8.4"}},
		"emoji":            {"😀👩‍👩‍👧x", []string{"t 😀 0,12+16.8", "t 👩‍👩‍👧 16.8,12+16.8", "t x 33.6,12+8.4"}},
		"combined":         {"e\u0301x", []string{"t e\u0301 0,12+8.4", "t x 8.4,12+8.4"}},
		"frames":           {"╭───", []string{"t ╭ 0,12+8.4", "t ─── 8.4,12+25.2"}},
		"latin":            {"Grüße", []string{"t Grüße 0,12+42"}},
		"other sequences":  {"\x1b[2Ka\x1b]0;title\x07b\x1b[99mc", []string{"t abc 0,12+25.2"}},
	} {
		if got := drawn(t, screenOf(c.styled)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The cursor is drawn where it is, unless it is hidden.
func TestCursor(t *testing.T) {
	p := screenOf("日")
	p.Column, p.Row = 2, 1
	const cursor = `x="16.8" y="16" width="8.4" height="16" opacity=".6"`
	if strings.Contains(string(p.SVG()), cursor) {
		t.Error("a hidden cursor is drawn")
	}
	p.Cursor = true
	if !strings.Contains(string(p.SVG()), cursor) {
		t.Errorf("the cursor is not at its place in\n%s", p.SVG())
	}
}
