package storetest

import (
	"fmt"
	"strings"
	"testing"
)

func testFind(t *testing.T, b *bench) {
	for i := range 4 {
		b.add(t, said("tea", "alice", fmt.Sprintf("Green tea number %d", i)))
		b.add(t, said("coffee", "alice", "no green tea here"))
	}
	find := func(room string, limit int, words ...string) []string {
		t.Helper()
		list, err := b.Find(t.Context(), room, words, limit)
		if err != nil {
			t.Fatalf("find %q: %v", words, err)
		}
		for _, m := range list {
			if m.Room != room || m.User != "alice" || m.ID == 0 || m.Time.IsZero() {
				t.Fatalf("find %q: %+v", words, m)
			}
		}
		return texts(list)
	}
	for _, c := range []struct {
		room  string
		limit int
		words string
		want  string
	}{
		{"tea", 2, "green", "Green tea number 2,Green tea number 3"}, // the newest, oldest first
		{"tea", 50, "GREEN 1", "Green tea number 1"},
		{"tea", 50, "1 green number", "Green tea number 1"},
		{"tea", 50, "green coffee", ""},
		{"tea", 50, "here", ""}, // elsewhere
		{"tea", 50, "gree", ""},
		{"nowhere", 50, "green", ""},
		{"tea", 50, "", ""},
	} {
		if got := strings.Join(find(c.room, c.limit, strings.Fields(c.words)...), ","); got != c.want {
			t.Errorf("find %q in %s: %q, want %q", c.words, c.room, got, c.want)
		}
	}
}

// testFindLiteral says texts that look like queries and looks for words that
// do: each finds exactly the texts that hold it.
func testFindLiteral(t *testing.T, b *bench) {
	said1 := []string{
		"foo-bar", "foo bar", "FOO_BAR", "it's foo", `say "foo"`, "foo*", "foo NEAR bar", "NOT foo", "text:foo", "room:r1",
		"{text}:foo", "^foo", "foo+bar", "(foo", "foo)", "foo OR bar", "-foo", "NEAR(foo bar)", "100% foo", "foo;--", "c++ foo",
		"!!!", "wow!!!", "👍 foo", "👍🏽", "Straße", "STRASSE", "ΣΊΣΥΦΟΣ", "σίσυφος", "naïve", "naive", "café", "cafe\u0301", "日本語", "ß", "K", "\u212a",
		"a\\b", "''", `""`, `five"six`, "\tfoo\t",
	}
	for _, text := range said1 {
		b.add(t, said("lobby", "alice", text))
	}
	for _, c := range []struct {
		words string // separated by spaces
		want  []string
	}{
		{"foo-bar", []string{"foo-bar"}},
		{"FOO_bar", []string{"FOO_BAR"}},
		{`"foo"`, []string{`say "foo"`}},
		{`"`, []string{`say "foo"`, `""`, `five"six`}},
		{`""`, []string{`""`}},
		{`"five`, nil},
		{`five"`, []string{`five"six`}},
		{`five"six`, []string{`five"six`}},
		{`x" OR room:"r1`, nil},
		{`x")OR("foo`, nil},
		{"foo*", []string{"foo*"}},
		{"fo*", nil},
		{"foo NEAR bar", []string{"foo NEAR bar", "NEAR(foo bar)"}},
		{"NEAR(foo bar)", []string{"NEAR(foo bar)"}},
		{"NOT foo", []string{"NOT foo"}},
		{"foo OR bar", []string{"foo OR bar"}},
		{"foo AND bar", nil},
		{"text:foo", []string{"text:foo"}},
		{"room:r1", []string{"room:r1"}},
		{"r1", []string{"room:r1"}}, // the room's own word is not the text's
		{"{text}:foo", []string{"{text}:foo"}},
		{"^foo", []string{"^foo"}},
		{"foo+bar", []string{"foo+bar"}},
		{"(foo", []string{"(foo", "NEAR(foo bar)"}},
		{"foo)", []string{"foo)"}},
		{"-foo", []string{"-foo"}},
		{"100%", []string{"100% foo"}},
		{"%", []string{"100% foo"}},
		{"foo;--", []string{"foo;--"}},
		{"C++", []string{"c++ foo"}},
		{"!!!", []string{"!!!", "wow!!!"}},
		{"👍", []string{"👍 foo", "👍🏽"}},
		{"👍 foo", []string{"👍 foo"}},
		{"straße", []string{"Straße"}},
		{"σίσυφος", []string{"ΣΊΣΥΦΟΣ", "σίσυφος"}},
		{"naive", []string{"naive"}},
		{"CAFÉ", []string{"café"}},
		{"日本語", []string{"日本語"}},
		{"k", []string{"K", "\u212a"}},
		{"a\\b", []string{"a\\b"}},
		{"''", []string{"''"}},
		{"foo\x00bar", nil},
		{"\xff", nil},
		{strings.Repeat("x", 4000), nil},
		{strings.Repeat("foo bar ", 500), nil}, // below: holds both
		{strings.Repeat("foo ", 1000) + "missing", nil},
	} {
		if strings.HasPrefix(c.words, "foo bar foo") {
			for _, text := range said1 {
				if l := strings.ToLower(text); strings.Contains(l, "foo") && strings.Contains(l, "bar") {
					c.want = append(c.want, text)
				}
			}
		}
		list, err := b.Find(t.Context(), "lobby", strings.Fields(c.words), 50)
		if err != nil {
			t.Errorf("find %.40q: %v", c.words, err)
			continue
		}
		if got, want := strings.Join(texts(list), "\n"), strings.Join(c.want, "\n"); got != want {
			t.Errorf("find %.40q:\n%q, want\n%q", c.words, got, want)
		}
	}
	many := names("w", 2000)
	if list, err := b.Find(t.Context(), "lobby", many, 50); err != nil || len(list) != 0 {
		t.Errorf("find of 2000 words: %v, %v", list, err)
	}
}
