package auth

import (
	"fmt"
	"log/slog"
)

// Secret is a password or a token. However it is printed, logged or encoded, it
// shows as "[redacted]"; who needs the text converts it: string(s).
type Secret string

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, for the verbs that look past String (%x, %d).
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, which encoding/json asks.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// String names the account and leaves out its hash.
func (a Account) String() string { return "account " + a.Name }

// LogValue implements slog.LogValuer; it leaves out the hash.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.Name) }
