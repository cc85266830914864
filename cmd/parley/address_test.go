package main

import (
	"net"
	"strings"
	"testing"

	"parley/protocol"
)

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"alice@host":               "alice@host:7443",
		"alice@Chat.Example.org":   "alice@chat.example.org:7443",
		"alice@host:1":             "alice@host:1",
		"host":                     "@host:7443",
		"host:65535":               "@host:65535",
		"alice@::1":                "alice@[::1]:7443",
		"alice@[::1]":              "alice@[::1]:7443",
		"alice@[::1]:443":          "alice@[::1]:443",
		"alice@192.0.2.1":          "alice@192.0.2.1:7443",
		"alice@fe80::1%eth0":       "alice@[fe80::1%eth0]:7443",
		"alice@[fe80::1%eth0]:443": "alice@[fe80::1%eth0]:443",
		"":                         "",
		"alice@":                   "",
		"@host":                    "",
		"Alice@host":               "",
		"alice@host:":              "",
		"alice@host:0":             "",
		"alice@host:65536":         "",
		"alice@host:-1":            "",
		"alice@host:a":             "",
		"alice@a:b:c":              "",
		"alice@a b":                "",
		"alice@a/b":                "",
		"alice@bob@host":           "",
		"alice@\x1b[2J":            "",
	} {
		var a address
		err := a.UnmarshalText([]byte(text))
		if got := a.String(); want == "" && err == nil || want != "" && (err != nil || got != want) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"alice@host:7443", "a@[::1]:1", "@", ":", "a@:1", "fe80::1%a", "a@\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a address
		if a.UnmarshalText([]byte(text)) != nil {
			return
		}
		host, port, err := net.SplitHostPort(a.dial())
		if err != nil || host != a.Host || port != a.Port || strings.Contains(host, "@") || protocol.Printable(a.String()) != a.String() {
			t.Errorf("%q is read as %+v", text, a)
		}
	})
}
