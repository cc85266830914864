package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"parley/protocol"
)

var errNoPassword = usageError{errors.New("there is no password: standard input is no terminal to ask on; set PARLEY_PASSWORD or give --password-file")}

// askName asks for the name on the terminal.
func askName(ctx context.Context) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", usageError{errors.New("there is no name: give USER@HOST")}
	}
	for {
		fmt.Fprint(os.Stderr, "Name: ")
		line, err := interruptible(ctx, func() (string, error) { return bufio.NewReader(os.Stdin).ReadString('\n') })
		if err != nil {
			return "", err
		}
		name := strings.TrimSpace(line)
		bad := protocol.CheckName(name)
		if bad == nil {
			return name, nil
		}
		fmt.Fprintln(os.Stderr, bad.Text)
	}
}

// askSecret asks on the terminal without echo, which is off before the prompt is shown. Ctrl-C and Ctrl-D are context.Canceled.
func askSecret(ctx context.Context, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", errNoPassword
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer term.Restore(fd, before)
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{oneByte{os.Stdin}, os.Stderr}, "")
	secret, err := interruptible(ctx, func() (string, error) { return editor.ReadPassword(prompt) })
	if err == io.EOF {
		os.Stderr.WriteString("\r\n")
		err = context.Canceled
	}
	return secret, err
}

// oneByte reads no further than what is used: the rest is for whoever reads next.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// askNewSecret asks twice, with ask, until both are the same.
func askNewSecret(ask func(prompt string) (string, error), complain func(string)) (string, error) {
	for {
		first, err := ask("New password: ")
		if err != nil {
			return "", err
		}
		second, err := ask("Once more: ")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		complain("These were not the same.")
	}
}

// interruptible gives a read from the terminal up when ctx ends. The goroutine then ends with the process: nothing can wake it.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	answer := make(chan result, 1)
	go func() {
		text, err := read()
		answer <- result{text, err}
	}()
	select {
	case r := <-answer:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
