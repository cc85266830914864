package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"parley/protocol"
)

// screen is the terminal in line mode: one line that is being typed, and above it what is shown meanwhile. Any goroutine may show; one types.
type screen struct {
	mu     sync.Mutex
	editor *term.Terminal // nil on a terminal that can't move its cursor, and before raw mode
	plain  *bufio.Reader
	prompt string
	asking bool // the prompt is shown, and no line was entered behind it
	undo   func()
}

func newScreen() *screen {
	return &screen{plain: bufio.NewReaderSize(os.Stdin, maxPiped), undo: func() {}}
}

// edit turns line editing on, where the terminal can do it, until close.
func (s *screen) edit() error {
	if kind := os.Getenv("TERM"); kind == "" || kind == "dumb" {
		return nil
	}
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, s.prompt)
	s.editor.SetBracketedPasteMode(true)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.fit()
		for range resized {
			s.fit()
		}
	}()
	s.undo = func() {
		signal.Stop(resized)
		close(resized)
		<-ended
		s.editor.SetBracketedPasteMode(false)
		term.Restore(fd, before)
	}
	return nil
}

func (s *screen) fit() {
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 && height > 0 {
		s.editor.SetSize(width, height)
	}
}

// close gives the terminal back as it was, at the beginning of a line. Nothing may be shown after it.
func (s *screen) close() {
	s.undo()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking {
		os.Stdout.WriteString("\n")
	}
}

// show prints a line above the one that is being typed. It must be printable already.
func (s *screen) show(line string) {
	if line == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.editor == nil {
		os.Stdout.WriteString(line + "\n")
		return
	}
	io.WriteString(s.editor, line+"\n")
}

// setPrompt changes what stands before the line that is typed.
func (s *screen) setPrompt(prompt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prompt = prompt
	if s.editor != nil {
		s.editor.SetPrompt(prompt)
		io.WriteString(s.editor, "") // draws it: the editor reckons with the new prompt from now on
	}
}

// read returns the next line that is typed. io.EOF is Ctrl-D on an empty line, Ctrl-C, or a terminal that is gone.
func (s *screen) read() (line string, err error) {
	s.setAsking(true)
	if s.editor != nil {
		line, err = s.editor.ReadLine()
	} else {
		line, err = readLine(s.plain)
	}
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if err == nil {
		s.setAsking(false)
	}
	return line, err
}

func (s *screen) setAsking(asking bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = asking
	if asking && s.editor == nil {
		os.Stdout.WriteString(s.prompt)
	}
}

// secret asks for a line that is not shown.
func (s *screen) secret(ctx context.Context, prompt string) (string, error) {
	if s.editor == nil {
		return askSecret(ctx, prompt)
	}
	return s.editor.ReadPassword(protocol.Printable(prompt))
}
