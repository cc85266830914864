package web_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestPageModules runs the tests of the page's own modules that need no browser.
func TestPageModules(t *testing.T) {
	t.Parallel()
	node := parleytest.Need(t, "node")
	version, err := exec.Command(node, "--version").Output()
	if major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), "."); err != nil || len(major) < 2 || major < "20" {
		parleytest.Missing(t, "node is %s, and its test runner is good from 20 on", version)
	}
	out, err := exec.CommandContext(t.Context(), node, "--test", "page_test/").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^(#|ℹ) pass [1-9]`).Match(out) {
		t.Errorf("no test ran\n%s", out)
	}
}

// TestPagePreload: the page asks at once for each module that app.js leads to, and for no other: not for those of one only when another has come.
func TestPagePreload(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join("page", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	imports := regexp.MustCompile(`(?m)^(?:import|export)\b.*\bfrom '(\.[^']+)'|^import '(\.[^']+)'`)
	wanted := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		for _, m := range imports.FindAllStringSubmatch(read(name), -1) {
			if next := filepath.Join(filepath.Dir(name), m[1]+m[2]); !wanted[next] {
				wanted[next] = true
				follow(next)
			}
		}
	}
	follow("app.js")
	var want []string
	for name := range wanted {
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	for _, m := range regexp.MustCompile(`<link rel="modulepreload" href="([^"]+)">`).FindAllStringSubmatch(read("index.html"), -1) {
		got = append(got, m[1])
	}
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("preloaded are %q, want %q", got, want)
	}
}

// TestPageHouse: what the page must never hold, whatever the policy of its headers would stop, and how long its files may be.
func TestPageHouse(t *testing.T) {
	t.Parallel()
	var (
		markup  = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|createContextualFragment|\beval\(|new Function`)
		outside = regexp.MustCompile(`(?i)(src|href|from|url\()\s*=?\s*["'(]?(https?:)?//`)
		inline  = regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*>[^<])|\son[a-z]+=|\sstyle=|javascript:`)
		found   = 0
	)
	err := fs.WalkDir(os.DirFS("page"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found++
		content, err := os.ReadFile(filepath.Join("page", name))
		if err != nil {
			return err
		}
		text := string(content)
		if lines := strings.Count(text, "\n"); lines > 350 {
			t.Errorf("%s has %d lines", name, lines)
		}
		if bad := markup.FindString(text); bad != "" {
			t.Errorf("%s makes markup of text: %s", name, bad)
		}
		if bad := outside.FindString(text); bad != "" {
			t.Errorf("%s asks another server: %s", name, bad)
		}
		if filepath.Ext(name) == ".html" {
			if bad := inline.FindString(text); bad != "" {
				t.Errorf("%s has code or style in it: %s", name, bad)
			}
		}
		if filepath.Ext(name) == ".js" && !strings.HasPrefix(text, "// ") {
			t.Errorf("%s does not say what it is for", name)
		}
		return nil
	})
	if err != nil || found < 20 {
		t.Errorf("%d files, %v", found, err)
	}
}
