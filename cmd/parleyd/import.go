package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"parley/internal/control"
	"parley/protocol"
)

type userImport struct {
	File string `arg:"" optional:"" default:"-" help:"The file, such as Apache's htpasswd writes; - is standard input."`
	accounts
}

// maxImportLine is more than the longest name and hash take.
const maxImportLine = 256

// Run imports accounts line by line. What is refused is told, and does not keep the others out.
func (c *userImport) Run() error {
	file := os.Stdin
	if c.File != "-" {
		var err error
		if file, err = os.Open(c.File); err != nil {
			return err
		}
		defer file.Close()
	}
	in := newHashLines(file)
	imported, refused := 0, 0
	refuse := func(r control.Refused) {
		refused++
		fmt.Fprintf(os.Stderr, "line %d: %s\n", r.Line, protocol.Printable(r.Error))
	}
	var err error
	for more := true; more && err == nil; {
		var batch []control.Hashed
		if batch, more, err = in.batch(control.MaxHashes, refuse); err != nil || len(batch) == 0 {
			continue
		}
		var done control.Response
		done, err = c.do(control.Request{Op: "user import", Hashes: batch})
		imported += done.Count
		for _, r := range done.Refused {
			refuse(r)
		}
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d lines were refused", refused)
	}
	fmt.Printf("imported %d\n", imported)
	return err
}

// hashLines reads NAME:HASH line by line; empty lines and those that begin with # are comments.
type hashLines struct {
	r *bufio.Reader
	n int // of lines read
}

func newHashLines(r io.Reader) *hashLines {
	return &hashLines{r: bufio.NewReaderSize(r, maxImportLine)}
}

// batch returns up to most accounts, and whether there may be more.
func (l *hashLines) batch(most int, refuse func(control.Refused)) (batch []control.Hashed, more bool, err error) {
	for len(batch) < most {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return batch, false, nil
		}
		if errors.Is(err, errLongLine) {
			refuse(control.Refused{Line: l.n, Error: err.Error()})
			continue
		}
		if err != nil {
			return nil, false, err
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, found := strings.Cut(line, ":")
		if !found {
			refuse(control.Refused{Line: l.n, Error: "not NAME:HASH"})
			continue
		}
		batch = append(batch, control.Hashed{Line: l.n, Name: name, Hash: hash})
	}
	return batch, true, nil
}

var errLongLine = fmt.Errorf("longer than %d bytes", maxImportLine)

// next returns a line; one that is too long is passed over in constant memory.
func (l *hashLines) next() (string, error) {
	line, cut, err := l.r.ReadLine()
	if err != nil {
		return "", err
	}
	l.n++
	if !cut {
		return string(line), nil
	}
	for cut && err == nil {
		_, cut, err = l.r.ReadLine()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", errLongLine
}
