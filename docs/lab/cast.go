package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"parley/internal/picture"
)

// Of a step's time, which is that of its narration.
const (
	before = 700 * time.Millisecond  // from a step's title to its first word
	after  = 1300 * time.Millisecond // from its last word to the next title
)

// part is a step with its place in the recording.
type part struct {
	step   *step
	from   time.Duration
	length time.Duration
	frames []picture.Frame // At is since the recording began
}

// arrange gives each step the time of its narration, and its frames their places in that: what took longer is shown faster, and what was over
// sooner stays to be looked at.
func arrange(script []step, frames [][]picture.Frame, spoken []time.Duration) (parts []part) {
	var at time.Duration
	for i := range script {
		p := part{step: &script[i], from: at, length: before + spoken[i] + after}
		const begin = 2 * time.Second // to read the title, and to hear what comes
		room := p.length - begin - 2*after
		last := frames[i][len(frames[i])-1].At
		pace := min(1.3, float64(room)/float64(max(last, time.Millisecond)))
		for n, f := range frames[i] {
			when := at
			if n > 0 {
				when += begin + time.Duration(float64(f.At)*pace)
			}
			p.frames = append(p.frames, picture.Frame{At: when, Screen: f.Screen})
		}
		parts = append(parts, p)
		at += p.length
	}
	return parts
}

// film are all frames of some parts.
func film(parts []part) *picture.Film {
	f := new(picture.Film)
	for _, p := range parts {
		for _, frame := range p.frames {
			f.Frames = append(f.Frames, picture.Frame{At: frame.At - parts[0].from, Screen: frame.Screen})
		}
		f.Length += p.length
	}
	return f
}

// writeCast writes asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/): a marker for each step, and what changes on the screen.
func writeCast(w io.Writer, parts []part, made time.Time) error {
	b := bufio.NewWriter(w)
	header, err := json.Marshal(map[string]any{
		"version": 2, "width": width, "height": height, "timestamp": made.Unix(), "title": "parley: the lab's recording",
		"env": map[string]string{"TERM": "xterm-256color"},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s\n", header)
	event := func(at time.Duration, kind, data string) error {
		text, err := json.Marshal(data)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(b, "[%.3f, %q, %s]\n", at.Seconds(), kind, text)
		return err
	}
	shown := make([]string, height)
	for _, p := range parts {
		if err := event(p.from, "m", p.step.title); err != nil {
			return err
		}
		for _, f := range p.frames {
			changed := ""
			for y, line := range f.Screen.Lines {
				if text := line.Render(); text != shown[y] {
					changed += fmt.Sprintf("\x1b[%d;1H\x1b[m\x1b[2K%s", y+1, text)
					shown[y] = text
				}
			}
			if changed == "" {
				continue
			}
			if err := event(f.At, "o", changed); err != nil {
				return err
			}
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	end := parts[len(parts)-1]
	if err := event(end.from+end.length, "o", ""); err != nil { // so that players hold the last screen
		return err
	}
	return b.Flush()
}
