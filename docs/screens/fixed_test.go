package main

import (
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"parley/internal/picture"
)

func screenOf(styled string) *picture.Screen {
	return &picture.Screen{Width: 20, Height: 3, Lines: uv.NewStyledString(styled).Lines(ansi.GraphemeWidth)}
}

// What is another one each time is replaced, in its place, whatever its colour and what stands before it.
func TestFix(t *testing.T) {
	const addr = "127.100.100.100:34567"
	p := screenOf("日 23:5\x1b[31m9 at 127.100.100.100:34567|\n24:00 123:45 12:34:56 00:00\n── Friday, 1 May 2026 ───────────\n── Wednesday, 30 September 2026 ─── 日")
	p.Title = "parley alice@" + addr
	if err := fix(p, addr); err != nil {
		t.Fatal(err)
	}
	want := []string{"日 09:41 at chat.example.org:7443|", "24:00 123:45 09:41:00 09:41", "── Monday, 21 September 2026 ────", "── Monday, 21 September 2026 ────── 日"}
	for i, line := range p.Lines {
		var text strings.Builder
		for _, c := range line {
			text.WriteString(c.Content)
		}
		if text.String() != want[i] {
			t.Errorf("line %d is %q, want %q", i, text.String(), want[i])
		}
	}
	if p.Title != "parley alice@chat.example.org" {
		t.Errorf("the title is %q", p.Title)
	}
	if err := fix(screenOf("at 127.100.100.100:80"), "127.100.100.100:80"); err == nil {
		t.Error("what has another width is replaced")
	}
	if err := fix(screenOf("── Friday, 1 May 2026 ─"), addr); err == nil {
		t.Error("a day without room for another is replaced")
	}
}
