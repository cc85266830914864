package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// places are where the picture of the architecture has a package: column, in widths of a box, and row.
var places = map[string]struct{ column, row float64 }{
	"cmd/parley": {0, 0}, "cmd/parley-probe": {1, 0}, "cmd/parley-bench": {2, 0}, "cmd/parleyd": {3, 0},
	"protocol/bot": {0, 1}, "cmd/internal/flags": {1, 1}, "internal/metrics": {4, 1},
	"internal/client": {0, 2}, "internal/server": {2, 2}, "internal/web": {3, 2}, "internal/store": {4, 2},
	"internal/systemd": {0, 3}, "internal/issuer": {1, 3}, "internal/cluster": {3, 3}, "internal/control": {4, 3},
	"internal/session": {2, 4}, "internal/chat": {3, 5},
	"tlsutil": {0, 6}, "protocol": {1, 6}, "auth": {3, 6}, "internal/stream": {4, 6},
}

// aside are packages of floors that no running service has behind it: what takes pictures.
var aside = []string{"docs/", "internal/tmux", "internal/picture"}

// Of the picture, in pixels.
const (
	boxWidth, boxHeight = 146, 80
	columns, rows       = 5, 7
	columnGap, rowGap   = 14, 28
	labelHeight         = 18
	charsInBox          = 23
)

var (
	roomLine  = regexp.MustCompile(`(?m)^([a-z][a-z/-]*) +(\S.*)$`)
	floorLine = regexp.MustCompile(`(?m)^\| (commands|edges|sessions|rooms|ground) \| (.*) \|$`)
	inCode    = regexp.MustCompile("`([^`]+)`")
)

// architecture draws the packages of the service on the floors that docs/design.md has for them, with what it says of each, and the imports that
// there are, without those that others imply.
func architecture() ([]byte, error) {
	page, err := os.ReadFile("docs/design.md")
	if err != nil {
		return nil, err
	}
	said := make(map[string]string)
	for _, m := range roomLine.FindAllStringSubmatch(string(page), -1) {
		said[m[1]] = m[2]
	}
	var packages []string
	for _, m := range floorLine.FindAllStringSubmatch(string(page), -1) {
		for _, name := range inCode.FindAllStringSubmatch(m[2], -1) {
			if slices.ContainsFunc(aside, func(a string) bool { return strings.HasPrefix(name[1], a) }) {
				continue
			}
			if _, ok := places[name[1]]; !ok || said[name[1]] == "" {
				return nil, fmt.Errorf("docs/design.md has %s on a floor: give it a place in the picture, and words in the list of rooms", name[1])
			}
			packages = append(packages, name[1])
		}
	}
	if len(packages) != len(places) {
		return nil, fmt.Errorf("docs/design.md has %d packages on its floors, the picture %d", len(packages), len(places))
	}
	imports, err := importsOf(packages)
	if err != nil {
		return nil, err
	}
	return drawArchitecture(packages, said, imports), nil
}

// importsOf are the imports among packages, without those that can be reached by others.
func importsOf(packages []string) (map[string][]string, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	imports, behind := make(map[string][]string), make(map[string][]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath    string
			Imports, Deps []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(p.ImportPath, "parley/")
		if !slices.Contains(packages, name) {
			continue
		}
		for _, i := range p.Imports {
			if i = strings.TrimPrefix(i, "parley/"); slices.Contains(packages, i) {
				imports[name] = append(imports[name], i)
			}
		}
		behind[name] = p.Deps
	}
	for name, all := range imports {
		imports[name] = slices.DeleteFunc(slices.Clone(all), func(i string) bool {
			return slices.ContainsFunc(all, func(via string) bool { return slices.Contains(behind[via], "parley/"+i) })
		})
	}
	return imports, nil
}

func drawArchitecture(packages []string, said map[string]string, imports map[string][]string) []byte {
	left := func(name string) float64 { return 1 + places[name].column*(boxWidth+columnGap) }
	top := func(name string) float64 { return 1 + places[name].row*(boxHeight+rowGap) }
	var b bytes.Buffer
	width, height := columns*(boxWidth+columnGap)-columnGap+2, rows*(boxHeight+rowGap)-rowGap+2
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">`+"\n", width, height)
	b.WriteString("<title>The packages of parley: commands above, the ground below, and an arrow for each import, downwards alone</title>\n")
	b.WriteString(`<style>text{font-family:Inter,system-ui,"Liberation Sans",sans-serif;font-size:11px;fill:#57606a}.n{font-size:12.5px;font-weight:600;fill:#24292f}` +
		`.b{fill:#f6f8fa;stroke:#8c959f}.p{fill:#ddf4ff;stroke:#0969da}.g{fill:#dafbe1;stroke:#1a7f37}path{fill:none;stroke:#8c959f;stroke-width:1.2}` +
		`@media (prefers-color-scheme:dark){text{fill:#b1bac4}.n{fill:#f0f6fc}.b{fill:#20262d}.p{fill:#0c2d4d}.g{fill:#0f3320}}</style>` + "\n")
	b.WriteString(`<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M1 1 7 4 1 7"/></marker></defs>` + "\n")
	for _, from := range packages {
		for i, to := range imports[from] {
			// Arrows leave side by side, and arrive likewise.
			x1 := left(from) + boxWidth*float64(i+1)/float64(len(imports[from])+1)
			y1 := top(from) + boxHeight
			x2, y2 := left(to)+boxWidth/2+(places[from].column-places[to].column)*6, top(to)
			bend := (y2 - y1) / 2
			fmt.Fprintf(&b, `<path d="M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f" marker-end="url(#a)"/>`+"\n", x1, y1, x1, y1+bend, x2, y2-bend, x2, y2)
		}
	}
	for _, name := range packages {
		class := "b"
		switch places[name].row {
		case 0:
			class = "p"
		case rows - 1:
			class = "g"
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%.0f" y="%.0f" width="%d" height="%d" rx="6"/>`, class, left(name), top(name), boxWidth, boxHeight)
		fmt.Fprintf(&b, `<text class="n" x="%.0f" y="%.0f">%s</text>`, left(name)+8, top(name)+labelHeight, name)
		for i, line := range wrap(said[name], charsInBox, 4) {
			fmt.Fprintf(&b, `<text x="%.0f" y="%.0f">%s</text>`, left(name)+8, top(name)+labelHeight+float64(13*(i+1)), html.EscapeString(line))
		}
		b.WriteString("\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// wrap breaks text into lines of at most width characters; what has no room ends with a sign.
func wrap(text string, width, most int) (lines []string) {
	for _, word := range strings.Fields(text) {
		if n := len(lines) - 1; n >= 0 && len([]rune(lines[n]))+1+len([]rune(word)) <= width {
			lines[n] += " " + word
		} else if len(lines) == most {
			lines[n] += " …"
			break
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
