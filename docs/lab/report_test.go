package main

import (
	"bytes"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

var ada = author{"Ada", "Lovelace", "A01234567", "https://example.org/parley", "https://example.org/lab1/recording.mp3"}

// someProbe is what a probe may have said.
func someProbe(t *testing.T) *probed {
	t.Helper()
	file := filepath.Join(t.TempDir(), "probe.json")
	if err := os.WriteFile(file, []byte(`[{"threat":"1 slow connections","tried":"slow-hello: <b> & more","seen":"closed: all","verdict":"held"},
		{"threat":"9 CPU by bcrypt","tried":"bcrypt-storm: many","seen":"late","verdict":"fell"},{"threat":"2 x","tried":"y: z","seen":"","verdict":"untried"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := readProbe(file)
	if err != nil {
		t.Fatal(err)
	}
	if p.Held != 1 || p.Fell != 1 || len(p.Attacks) != 3 || time.Since(p.When) > time.Hour {
		t.Errorf("%+v", p)
	}
	return p
}

var tag = regexp.MustCompile(`<[^>]*>`)

// TestReport: the report has the pages' text, every link leads out of it, and Part 6 is as long as it is to be.
func TestReport(t *testing.T) {
	parleytest.Need(t, "cmark")
	var b bytes.Buffer
	if err := writeReport(&b, ada, someProbe(t)); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	text := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, ""))), " ")
	for _, part := range []string{
		"Ada Lovelace · A01234567", "https://example.org/lab1/recording.mp3", "New attack surfaces. A protocol hands strangers a parser",
		"What happens if the server crashes while a client is connected?", "How can the server handle multiple clients?",
		"Why can recv(1024) split messages unexpectedly?", "How would you add basic security", "of 3 attacks 1 held, 1 fell and 1 could not be tried", "slow-hello", "<b> & more",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in it", part)
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "https://example.org/") {
			t.Errorf("a link leads to %s", m[1])
		} else if at := regexp.MustCompile(`/blob/[0-9a-f]{40}/(.*)$`).FindStringSubmatch(m[1]); at != nil {
			if _, err := os.Stat(at[1]); err != nil {
				t.Errorf("there is no %s", at[1])
			}
		}
	}
	if strings.Contains(text, "](") || strings.Contains(text, "[Test") {
		t.Error("a link is printed as it is typed")
	}
	for name, bad := range map[string]string{"": "there", "## Part 7": "\n## Part 8\nthere"} {
		if _, err := section(bad, name); err == nil {
			t.Errorf("%q is found in %q", name, bad)
		}
	}
	analysis, err := os.ReadFile("docs/security-analysis.md")
	if err != nil {
		t.Fatal(err)
	}
	six, err := section(string(analysis), "## Part 6: security analysis")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(six)); n < 300 || n > 400 || !strings.Contains(text, strings.Join(strings.Fields("read. "+strconv.Itoa(n)+" words"), " ")) {
		t.Errorf("Part 6 has %d words", n)
	}
}

// TestAuthor: what can't be a file's name, or leads nowhere, is named.
func TestAuthor(t *testing.T) {
	if err := ada.check(); err != nil || ada.file() != "Lab1-Ada-Lovelace-A01234567.pdf" {
		t.Errorf("%v, %s", err, ada.file())
	}
	for want, change := range map[string]func(a *author){
		"FIRST":     func(a *author) { a.first = "" },
		"LAST":      func(a *author) { a.last = "../x" },
		"NUMBER":    func(a *author) { a.number = "-x y" },
		"CODE":      func(a *author) { a.code = "http://example.org" },
		"RECORDING": func(a *author) { a.recording = "" },
	} {
		bad := ada
		change(&bad)
		if err := bad.check(); err == nil || !strings.HasPrefix(err.Error(), want+" ") {
			t.Errorf("without %s: %v", want, err)
		}
	}
}

// TestArchitecture: the picture is of the packages as they are.
func TestArchitecture(t *testing.T) {
	drawn, err := architecture()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("docs/architecture.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(drawn, kept) {
		t.Error("docs/architecture.svg is of other packages; go run ./docs/lab architecture draws it anew")
	}
}

// TestPrinted: Chromium makes a PDF of some pages of it.
func TestPrinted(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "cmark")
	parleytest.Need(t, "chromium")
	dir := t.TempDir()
	made, err := printReport(dir, ada, someProbe(t))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(made) != ada.file() {
		t.Errorf("it is called %s", made)
	}
	pdf, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	if pages := regexp.MustCompile(`/Type /Page\b`).FindAll(pdf, -1); !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pages) < 4 || len(pages) > 12 {
		t.Errorf("it has %d pages, and begins with %q", len(pages), pdf[:min(8, len(pdf))])
	}
	if text, err := exec.Command("pdftotext", made, "-").Output(); err == nil && !bytes.Contains(text, []byte("Part 6: security analysis")) { // where there is one
		t.Errorf("its text is %.200q", text)
	}
	if _, err := printReport(dir, author{}, someProbe(t)); err == nil {
		t.Error("a report of nobody is printed")
	}
}
