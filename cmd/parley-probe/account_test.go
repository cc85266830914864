package main

import "testing"

// A field of LIST is read as the protocol has it, or not at all.
func TestListedRooms(t *testing.T) {
	for field, want := range map[string]string{
		"lobby:12:3:4": "lobby", "@bob:1:0:1": "@bob", "a.b_c-d:0:0:0": "a.b_c-d",
		"": "", "lobby": "", "lobby:12": "", "lobby:12:3": "", "lobby:12:3:4:5": "", "lobby:-1:0:0": "", "lobby:1::0": "", "@@a:1:0:0": "", "Lobby:1:0:0": "",
	} {
		got := ""
		if room := listed.FindStringSubmatch(field); room != nil {
			got = room[1]
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", field, got, want)
		}
	}
}
