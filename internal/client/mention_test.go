package client_test

import (
	"testing"

	"parley/internal/client"
	"parley/protocol"
)

func TestMentioned(t *testing.T) {
	for _, c := range []struct {
		self, text string
		want       bool
	}{
		{"anna", "anna", true},
		{"anna", "hello Anna!", true},
		{"anna", "ANNA: look", true},
		{"anna", "(anna)", true},
		{"anna", "@anna", true},
		{"anna", "ask anna.", true},
		{"anna", "anna, ben", true},
		{"anna", "anna's", true},
		{"anna", "anna’s", true},
		{"anna", "well...anna", false}, // that may be a name
		{"anna", "... anna", true},
		{"anna", "-anna- and _anna_", true},
		{"anna", "anna—ben", true},
		{"anna", "🎉anna🎉", true},
		{"anna", "❤\ufe0fanna", true},
		{"anna", "中anna", false},
		{"anna", "«anna»", true},
		{"anna", "joanna", false},
		{"anna", "annabel", false},
		{"anna", "annabel and anna", true},
		{"anna", "anna1", false},
		{"anna", "anna.b", false},
		{"anna", "b-anna", false},
		{"anna", "anna_b", false},
		{"anna", "annaé", false},
		{"anna", "éanna", false},
		{"anna", "e\u0301anna", false},
		{"anna", "anna\u0301", false},
		{"anna", "ann a", false},
		{"anna", "", false},
		{"anna", "~anna has come", false}, // a guest of that name
		{"~anna", "~anna has come", true},
		{"~anna", "anna", true},
		{"~anna", "x~anna", true},
		{"a.b-c_d", "hi A.B-C_D.", true},
		{"a.b-c_d", "a.b-c_d.e", false},
		{"a.b-c_d", "axb-c_d", false},
		{"1", "1 of 11", true},
		{"1", "11", false},
		{"ana", "anana ana", true},
		{"ana", "anana", false},
	} {
		e := protocol.Event{Command: protocol.EventMsg, User: "ben", Text: c.text}
		if got := client.NewMirror(c.self, 10).Mentioned(e); got != c.want {
			t.Errorf("%s in %q: %v", c.self, c.text, got)
		}
		e.User = c.self
		if client.NewMirror(c.self, 10).Mentioned(e) {
			t.Errorf("%s mentions themselves in %q", c.self, c.text)
		}
	}
	if client.NewMirror("anna", 10).Mentioned(protocol.Event{Command: protocol.EventTopic, User: "ben", Text: "anna"}) {
		t.Error("a topic mentions")
	}
}
