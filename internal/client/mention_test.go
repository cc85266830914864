package client_test

import (
	"encoding/json"
	"os"
	"testing"

	"parley/internal/client"
	"parley/protocol"
)

// TestMentioned: the table is the page's as well (internal/web/page_test/wire.test.js).
func TestMentioned(t *testing.T) {
	table, err := os.ReadFile("testdata/mentions.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Self, Text string
		Meant      bool
	}
	if err := json.Unmarshal(table, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		e := protocol.Event{Command: protocol.EventMsg, User: "ben", Text: c.Text}
		if got := client.NewMirror(c.Self, 10).Mentioned(e); got != c.Meant {
			t.Errorf("%s in %q: %v", c.Self, c.Text, got)
		}
		e.User = c.Self
		if client.NewMirror(c.Self, 10).Mentioned(e) {
			t.Errorf("%s mentions themselves in %q", c.Self, c.Text)
		}
	}
	if client.NewMirror("anna", 10).Mentioned(protocol.Event{Command: protocol.EventTopic, User: "ben", Text: "anna"}) {
		t.Error("a topic mentions")
	}
}
