// Package flags holds what the command lines of parley's programs have in common: whom to trust, passwords in files, versions, and what a tool is that runs against a server (tool.go).
// From the command line as kong knows it are made completion scripts for shells (completion.go, and its templates in completion) and a
// manual page (man.go; roff.go writes it down), so that a new flag is in both.
package flags

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"parley/protocol"
	"parley/tlsutil"
)

// Trust says how a server is known. Embedded, it gives a command --ca and --pin.
type Trust struct {
	CA  caFile `name:"ca" placeholder:"FILE" help:"Trust the CA certificates in this PEM file instead of the system's."`
	Pin pin    `placeholder:"sha256/..." help:"Trust the server with this key instead of a CA (with --ca: both must hold)."`
}

// Options are what tlsutil makes of it.
func (t Trust) Options() tlsutil.ClientOptions {
	return tlsutil.ClientOptions{CAFile: string(t.CA), Pin: string(t.Pin)}
}

// caFile is the path of --ca. An empty one is a shell variable that is not set: passed over, another trust than the one meant would do.
type caFile string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *caFile) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("the path of the CA is empty")
	}
	*f = caFile(kong.ExpandPath(string(text)))
	return nil
}

// pin is that of --pin, and no more to be empty than a caFile.
type pin string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pin) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("the pin is empty")
	}
	*p = pin(text)
	return nil
}

// ReadPassword returns the first line of a file that nobody but its owner can read. Its errors are about what was given.
func ReadPassword(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it, and change the password", name, mode)
	}
	content, err := io.ReadAll(io.LimitReader(file, protocol.MaxLine))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(content, []byte("\n"))
	password := strings.TrimSuffix(string(line), "\r")
	if password == "" {
		return "", fmt.Errorf("the first line of %s is empty; it must be the password", name)
	}
	return password, nil
}

// Version is a program's name, its version, the commit it was built from (with -dirty where there was more than that), and the
// Go release that built it.
func Version(program string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return program + " devel"
	}
	return describe(program, info)
}

func describe(program string, info *debug.BuildInfo) string {
	said := []string{program, info.Main.Version}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if commit := settings["vcs.revision"]; commit != "" {
		if settings["vcs.modified"] == "true" {
			commit += "-dirty"
		}
		said = append(said, commit)
	}
	return strings.Join(append(said, info.GoVersion), " ")
}
