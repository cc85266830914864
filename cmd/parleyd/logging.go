package main

import (
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"parley/protocol"
)

// newLogger logs to standard error: for people with tint on a terminal, one
// JSON object a line elsewhere. Nothing that a peer sends can forge a line, steer a terminal or fill a line: see shown. Nor can strangers
// fill the disk: see sparing.
func newLogger(format, level string, strangers int) *slog.Logger {
	handler := newHandler(format, level)
	return slog.New(&sparing{Handler: handler, budget: newLogBudget(strangers, slog.New(handler))})
}

func newHandler(format, level string) slog.Handler {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	if format == "text" || format == "auto" && terminal {
		noColor := !terminal || os.Getenv("NO_COLOR") != ""
		return tint.NewTextHandler(os.Stderr, &tint.Options{Level: least, TimeFormat: time.TimeOnly, NoColor: noColor, ReplaceAttr: shown})
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: shown}
	if toJournal() {
		to := &leveled{Writer: os.Stderr}
		return &journal{slog.NewJSONHandler(to, options), to}
	}
	return slog.NewJSONHandler(os.Stderr, options)
}

// maxLogged is how many bytes of one value are logged: crypto/tls tells 64 KiB of names that a stranger has offered.
const maxLogged = 512

// shown makes a logged text fit to be read. The handlers quote, but JSON leaves C1 and bidirectional characters as they are, and tint on a
// terminal turns the four characters \x1b, as an error that was quoted before has them, back into the one that begins an escape sequence.
func shown(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	default:
		return a
	}
	if len(text) > maxLogged {
		text = strings.ToValidUTF8(text[:maxLogged], "") + "…"
	}
	return slog.String(a.Key, strings.ReplaceAll(protocol.Printable(text), `\x1b`, `\u{1b}`))
}
