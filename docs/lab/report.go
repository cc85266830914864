package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// author is whose report it is, and where what it speaks of can be had.
type author struct {
	first, last, number string
	code, recording     string // addresses
}

var (
	namePart = regexp.MustCompile(`^[\pL\pN][\pL\pN_.'-]*$`)
	address  = regexp.MustCompile(`^https://[^\s/]+(/\S*)?$`)
)

// check says what is missing of an author, or can't be in a file's name.
func (a author) check() error {
	for _, v := range []struct{ name, value string }{{"FIRST", a.first}, {"LAST", a.last}, {"NUMBER", a.number}} {
		if !namePart.MatchString(v.value) {
			return fmt.Errorf("%s is %q: give a name or a number without blanks, as the file is to have it", v.name, v.value)
		}
	}
	for _, v := range []struct{ name, value string }{{"CODE", a.code}, {"RECORDING", a.recording}} {
		if !address.MatchString(v.value) {
			return fmt.Errorf("%s is %q: give the address where it can be had, from https:// on", v.name, v.value)
		}
	}
	return nil
}

// file is the report's name, as the lab has it.
func (a author) file() string { return fmt.Sprintf("Lab1-%s-%s-%s.pdf", a.first, a.last, a.number) }

// attack is one row of what the probe saw.
type attack struct{ Threat, Tried, Seen, Verdict string }

// Name is the probe's stage.
func (a attack) Name() string { name, _, _ := strings.Cut(a.Tried, ": "); return name }

// What is what was tried.
func (a attack) What() string { _, what, _ := strings.Cut(a.Tried, ": "); return what }

// Untried is how many attacks could not be tried.
func (p *probed) Untried() int { return len(p.Attacks) - p.Held - p.Fell }

// probed is a run of the probe: its rows, and when it was.
type probed struct {
	Attacks []attack
	When    time.Time
	Held    int
	Fell    int
}

func readProbe(file string) (*probed, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	p := &probed{When: info.ModTime()}
	if err := json.Unmarshal(raw, &p.Attacks); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(p.Attacks) == 0 {
		return nil, fmt.Errorf("%s holds no attack", file)
	}
	for _, a := range p.Attacks {
		switch a.Verdict {
		case "held":
			p.Held++
		case "fell":
			p.Fell++
		}
	}
	return p, nil
}

// section is what a page has under a heading, up to the next of its rank, and the page's definitions of links.
func section(page, heading string) (text string, err error) {
	_, after, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		return "", fmt.Errorf("there is no %q", heading)
	}
	text, _, _ = strings.Cut(after, "\n## ")
	return strings.TrimSpace(text), nil
}

var definition = regexp.MustCompile(`(?m)^\[[^\]]+\]: \S+$`)

// links turns what pages of docs point to into addresses of the code, each with a number, under which the report lists its path.
type links struct {
	base  string // of the code at its commit
	paths []string
}

var anchor = regexp.MustCompile(`(?s)<a href="([^"]+)">(.*?)</a>`)

func (l *links) replace(page string) string {
	return anchor.ReplaceAllStringFunc(page, func(a string) string {
		m := anchor.FindStringSubmatch(a)
		to := html.UnescapeString(m[1])
		if !strings.Contains(to, "://") {
			to = path.Join("docs", to)
		}
		return fmt.Sprintf(`<a href="%s">%s</a><sup>%d</sup>`, html.EscapeString(l.address(to)), m[2], l.number(to))
	})
}

func (l *links) address(to string) string {
	if strings.Contains(to, "://") {
		return to
	}
	return l.base + "/" + to
}

func (l *links) number(to string) int {
	for i, known := range l.paths {
		if known == to {
			return i + 1
		}
	}
	l.paths = append(l.paths, to)
	return len(l.paths)
}

// render makes HTML of a page's text. cmark leaves out HTML that is in it.
func (l *links) render(text string) (template.HTML, error) {
	cmd := exec.Command("cmark", "--smart", "--to", "html")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cmark: %w", err)
	}
	return template.HTML(l.replace(string(out))), nil
}

//go:embed report.html
var reportPage string

// writeReport writes the report as HTML.
func writeReport(w io.Writer, a author, p *probed) error {
	analysis, err := os.ReadFile("docs/security-analysis.md")
	if err != nil {
		return err
	}
	six, err := section(string(analysis), "## Part 6: security analysis")
	if err != nil {
		return fmt.Errorf("docs/security-analysis.md: %w", err)
	}
	reflection, err := os.ReadFile("docs/reflection.md")
	if err != nil {
		return err
	}
	_, five, _ := strings.Cut(string(reflection), "\n")
	five = strings.ReplaceAll(five, "\n## ", "\n### ")
	commit, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("git rev-parse HEAD: %w", err)
	}
	drawing, err := architecture()
	if err != nil {
		return err
	}
	hash := strings.TrimSpace(string(commit))
	l := &links{base: strings.TrimSuffix(a.code, "/") + "/blob/" + hash}
	definitions := strings.Join(definition.FindAllString(string(analysis), -1), "\n")
	security, err := l.render(six + "\n\n" + definitions)
	if err != nil {
		return err
	}
	reflected, err := l.render(five)
	if err != nil {
		return err
	}
	type link struct{ Path, Address string }
	var list []link
	for _, to := range l.paths {
		list = append(list, link{to, l.address(to)})
	}
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"First": a.first, "Last": a.last, "Number": a.number, "Code": a.code, "Recording": a.recording,
		"Commit": hash, "Short": hash[:12], "Base": l.base, "Words": len(strings.Fields(six)),
		"Security": security, "Reflection": reflected, "Architecture": template.HTML(drawing), "Links": list, "Probe": p,
	})
}

// printReport makes the PDF in a folder, by Chromium, and returns its path.
func printReport(folder string, a author, p *probed) (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "parley-report-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	page := filepath.Join(dir, "report.html")
	f, err := os.Create(page)
	if err != nil {
		return "", err
	}
	if err := writeReport(f, a, p); err != nil {
		f.Close()
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	made, err := filepath.Abs(filepath.Join(folder, a.file()))
	if err != nil {
		return "", err
	}
	args := []string{"--headless", "--disable-gpu", "--user-data-dir=" + filepath.Join(dir, "profile"), "--no-pdf-header-footer",
		"--generate-pdf-document-outline", "--print-to-pdf=" + made, "file://" + page}
	if os.Getuid() == 0 {
		args = append([]string{"--no-sandbox"}, args...) // which root can't have; the page is our own
	}
	if out, err := exec.Command("chromium", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("chromium: %w\n%s", err, out)
	}
	if _, err := os.Stat(made); err != nil {
		return "", fmt.Errorf("chromium has printed nothing: %w", err)
	}
	return made, nil
}
