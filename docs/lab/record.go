package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxMoving bounds the picture that moves, in bytes: a page waits for it.
const maxMoving = 1_000_000

// record plays the script with the programs in a directory, and leaves recording.cast, recording.mp3 and recording.mp4 in a folder, and the
// best part as recording.svg.
func record(folder, programs string) error {
	said, err := narrate(script)
	if err != nil {
		return err
	}
	frames, err := play(script, programs)
	if err != nil {
		return err
	}
	parts := arrange(script, frames, lengths(said))
	var cast bytes.Buffer
	if err := writeCast(&cast, parts, time.Now()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "recording.cast"), cast.Bytes(), 0o644); err != nil {
		return err
	}
	for i, p := range parts {
		if !p.step.best {
			continue
		}
		moving := film(parts[i : i+1]).SVG()
		if len(moving) > maxMoving {
			return fmt.Errorf("the moving picture has %d bytes, more than %d", len(moving), maxMoving)
		}
		if err := os.WriteFile(filepath.Join(folder, "recording.svg"), moving, 0o644); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "parley-film-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	narration := filepath.Join(dir, "narration.wav")
	if err := os.WriteFile(narration, together(said).wav(), 0o644); err != nil {
		return err
	}
	mp3 := []string{"-i", narration, "-af", "loudnorm=I=-16:TP=-1.5", "-ar", "44100", "-b:a", "96k",
		"-metadata", "title=parley: the lab's recording", filepath.Join(folder, "recording.mp3")}
	if err := ffmpeg(mp3...); err != nil {
		return err
	}
	list, err := drawFrames(dir, parts)
	if err != nil {
		return err
	}
	return ffmpeg("-f", "concat", "-safe", "0", "-i", list, "-i", filepath.Join(folder, "recording.mp3"),
		"-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-r", "10", "-c:v", "libx264", "-preset", "veryfast", "-tune", "stillimage", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", filepath.Join(folder, "recording.mp4"))
}

func ffmpeg(args ...string) error {
	out, err := exec.Command("ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return nil
}

// drawFrames makes a picture of each frame in a directory, and the list that tells ffmpeg how long each is shown.
func drawFrames(dir string, parts []part) (list string, err error) {
	f := film(parts)
	var lines strings.Builder
	draw, results := make(chan int), make(chan error, len(f.Frames))
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() { // ends when draw is closed
			for i := range draw {
				cmd := exec.Command("rsvg-convert", "--zoom", "1.24", "-o", frameFile(dir, i))
				cmd.Stdin = bytes.NewReader(f.Frames[i].Screen.SVG())
				if out, err := cmd.CombinedOutput(); err != nil {
					results <- fmt.Errorf("rsvg-convert: %w\n%s", err, out)
				}
			}
		})
	}
	for i, frame := range f.Frames {
		draw <- i
		next := f.Length
		if i+1 < len(f.Frames) {
			next = f.Frames[i+1].At
		}
		fmt.Fprintf(&lines, "file '%s'\nduration %.3f\n", frameFile(dir, i), (next - frame.At).Seconds())
	}
	close(draw)
	workers.Wait()
	close(results)
	if err := <-results; err != nil {
		return "", err
	}
	// ffmpeg takes the last duration only where a file follows.
	fmt.Fprintf(&lines, "file '%s'\n", frameFile(dir, len(f.Frames)-1))
	list = filepath.Join(dir, "frames")
	return list, os.WriteFile(list, []byte(lines.String()), 0o644)
}

func frameFile(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%05d.png", i)) }
