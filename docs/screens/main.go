// Command screens makes the pictures of the client that the pages show: it runs a parleyd and clients in terminals, plays the scenes
// in scenes.go, and draws what is then on one of the screens.
//
//	go run ./docs/screens
//
// It runs at the root of the repository and needs go and tmux. A scene gives the same picture whenever it is played: clocks, days and the server's
// address are replaced (fixed.go). What the client shows is never made up.
//
// The picture of the page for browsers, page.png, is made by a test that drives one: go test ./internal/web -run TestPagePicture -remake.
//
//   - scenes.go: the scenes, and the steps that they are made of
//   - stage.go: the programs behind a scene
//   - fixed.go: what would be another one the next time
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	folder = "docs/screens"
	// maxPicture bounds a picture, in bytes: a page is not to wait for it.
	maxPicture = 60_000
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "screens:", err)
		os.Exit(1)
	}
}

func run() error {
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("run it at the root of the repository: %w", err)
	}
	programs, err := os.MkdirTemp("", "parley-screens-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(programs)
	build := exec.Command("go", "build", "-o", programs+"/", "./cmd/parleyd", "./cmd/parley")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	for _, sc := range scenes {
		picture, err := sc.play(programs, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		}
		path := filepath.Join(folder, sc.name+".svg")
		if err := os.WriteFile(path, picture, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes\n", path, len(picture))
	}
	return nil
}
