package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"parley/internal/client"
	"parley/protocol"
)

// maxPiped is the longest line of standard input that is looked at: more than may be said, so that the error is the right one.
const maxPiped = 2 * protocol.MaxText

var errSomeRefused = errors.New("not everything was said")

// speaker says lines in one place and tells what became of each.
type speaker struct {
	client *client.Client
	target string
	said   func(id int64) // acknowledged, in order
	failed func(line int, err error)
}

// sayAll says every line of in that is not blank, and returns when the last one is settled. A line that can't be said is told to
// failed and passed over; the error is then errSomeRefused. Other errors end it: what ended the client, ctx, or the input.
func (s *speaker) sayAll(ctx context.Context, in io.Reader) error {
	type sent struct {
		line int
		post *client.Post
	}
	posts := make(chan sent, 64)
	settled := make(chan bool, 1)
	go func() { // ends when posts is closed
		refused := false
		for p := range posts {
			id, err := p.post.Wait(ctx)
			if err != nil {
				refused = true
				if ctx.Err() == nil {
					s.failed(p.line, err)
				}
				continue
			}
			s.said(id)
		}
		settled <- refused
	}()
	refused, err := false, error(nil)
	for line := range inputLines(ctx, s.client.Done(), in) {
		if line.err != nil {
			err = line.err
			break
		}
		if strings.TrimSpace(line.text) == "" {
			continue
		}
		post, bad := s.client.Post(ctx, s.target, line.text)
		if isA[*protocol.Error](bad) {
			refused = true
			s.failed(line.number, bad)
			continue
		}
		if bad != nil {
			err = bad
			break
		}
		posts <- sent{line.number, post}
	}
	close(posts)
	refused = <-settled || refused
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case isDone(s.client) && s.client.Err() != nil:
		return s.client.Err()
	case refused:
		return errSomeRefused
	}
	return nil
}

func isDone(c *client.Client) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

type inputLine struct {
	number int // from 1
	text   string
	err    error // of the input; nothing follows
}

// inputLines yields the lines of in, without their line ends, until its end or that of ctx or done. A line over maxPiped is cut there. The
// goroutine that reads ends with the input, or with the process: a blocked read of a terminal or pipe can't be woken.
func inputLines(ctx context.Context, done <-chan struct{}, in io.Reader) func(yield func(inputLine) bool) {
	lines := make(chan inputLine)
	stop := make(chan struct{})
	go func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, maxPiped)
		for number := 1; ; number++ {
			text, err := readLine(r)
			if err == io.EOF {
				return
			}
			select {
			case lines <- inputLine{number, text, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func(yield func(inputLine) bool) {
		defer close(stop)
		for {
			select {
			case line, more := <-lines:
				if !more || !yield(line) {
					return
				}
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	}
}

// readLine reads a line in the memory that r has, and throws away what of it does not fit.
func readLine(r *bufio.Reader) (string, error) {
	begin, err := r.ReadSlice('\n')
	text := string(begin)
	for err == bufio.ErrBufferFull {
		_, err = r.ReadSlice('\n')
	}
	if err == io.EOF && text != "" {
		err = nil // a last line without its line end
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), nil
}

// complainTo tells on w what became of a line of standard input.
func complainTo(w io.Writer) func(line int, err error) {
	return func(line int, err error) {
		fmt.Fprintf(w, "parley: line %d was %s: %s\n", line, notSaid(err), sentence(err))
	}
}
