package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"parley/protocol"
	"parley/tlsutil"
)

// A profile is what the first run has asked for, but the password: where, as whom, and how the server is known.
type profile struct {
	Server  address // with the user
	CA, Pin string  // both may be empty: then the system's store decides
	Guest   bool
	Room    target // to speak in at first; may be empty
}

// profiles are those of the config file, by name.
type profiles map[string]profile

const defaultProfile = "default"

// profileName is that of a profile on the command line. Its rules are those of users' names.
type profileName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *profileName) UnmarshalText(text []byte) error {
	if bad := protocol.CheckName(string(text)); bad != nil {
		return fmt.Errorf("%q is no name of a profile: %s", text, bad.Text)
	}
	*n = profileName(text)
	return nil
}

// profileFields are the fields that a profile has in the file: how each is checked and kept.
var profileFields = map[string]func(p *profile, value json.RawMessage) error{
	"server": ofText(func(p *profile, text string) error {
		var server address
		if err := server.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		if server.User != "" {
			return errors.New("it must be HOST or HOST:PORT; the user is a field of its own")
		}
		p.Server.Host, p.Server.Port = server.Host, server.Port
		return nil
	}),
	"user": ofText(func(p *profile, text string) error {
		if bad := protocol.CheckName(text); bad != nil {
			return errors.New(bad.Text)
		}
		p.Server.User = text
		return nil
	}),
	"ca": ofText(func(p *profile, text string) error {
		if !filepath.IsAbs(text) {
			return fmt.Errorf("%q must be a whole path, that begins with /", text)
		}
		p.CA = text
		return nil
	}),
	"pin": ofText(func(p *profile, text string) (err error) {
		p.Pin = text
		_, err = tlsutil.ParsePin(text)
		return err
	}),
	"guest": func(p *profile, value json.RawMessage) error {
		switch string(value) {
		case "true", "false":
			p.Guest = string(value) == "true"
			return nil
		}
		return errors.New("it must be true or false")
	},
	"room": ofText(func(p *profile, text string) error { return p.Room.UnmarshalText([]byte(text)) }),
}

// ofText is a field that holds a text.
func ofText(set func(*profile, string) error) func(*profile, json.RawMessage) error {
	return func(p *profile, value json.RawMessage) error {
		text := ""
		if value[0] != '"' || json.Unmarshal(value, &text) != nil {
			return errors.New("it must be a text, in quotes")
		}
		return set(p, text)
	}
}

// MarshalJSON writes what profileFields reads.
func (p profile) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Server string `json:"server"`
		User   string `json:"user"`
		CA     string `json:"ca,omitempty"`
		Pin    string `json:"pin,omitempty"`
		Guest  bool   `json:"guest,omitempty"`
		Room   target `json:"room,omitempty"`
	}{p.Server.dial(), p.Server.User, p.CA, p.Pin, p.Guest, p.Room})
}

func (p profile) trust() tlsutil.ClientOptions {
	return tlsutil.ClientOptions{CAFile: p.CA, Pin: p.Pin}
}

// at is the profile that knows server: one of the same user before others, and then the first by name. Where there is none, its trust is the
// system's store.
func (all profiles) at(server address) (known profile) {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(all))) {
		if p := all[name]; p.Server.dial() == server.dial() && (known.Server.User != server.User || p.Server.User == server.User) {
			known = p
		}
	}
	return known
}

// trust says how server is known: by the command line, or else by the profile that was chosen, or by one of the same server.
func (o *connection) trust(server address) (tlsutil.ClientOptions, error) {
	if given := o.Options(); given.CAFile != "" || given.Pin != "" {
		return given, nil
	}
	if o.profile != nil {
		return o.profile.trust(), nil
	}
	all, err := readProfiles()
	return all.at(server).trust(), err
}
