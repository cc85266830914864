package main

var lineTwins = []twin{
	{stage: "http", flags: []string{"--login-timeout", "1m"}, without: "http"}, {stage: "echo"}, {stage: "endless-line", flags: []string{"--login-timeout", "1m"}, without: "endless-line", slow: true}, {stage: "long-line"},
	{stage: "bad-bytes"}, {stage: "escapes"}, {stage: "lookalikes"}, {stage: "injection"},
}

var lineMutations = []mutation{
	{"internal/session/command.go", "s.state == fresh && httpLine.Match(raw)", `s.state == fresh && !without("http") && httpLine.Match(raw)`},
	{"internal/session/command.go", `"sign in first: HELLO|user|password")`,
		`"sign in first: %s", map[bool]string{true: name, false: "HELLO|user|password"}[without("echo")])`},
	{"protocol/reader.go", "if r.skipped >= MaxSkip {", `if r.skipped >= MaxSkip && !without("endless-line") {`},
	{"internal/session/command.go", "if tooLong {", `if tooLong && !without("long-line") {`},
	{"protocol/line.go", "case !utf8.Valid(data):", `case !utf8.Valid(data) && !without("bad-bytes"):`},
	{"protocol/text.go", "if !utf8.ValidString(s) {", `if !utf8.ValidString(s) && !without("bad-bytes") {`},
	// NUL and CR stay refused: bad-bytes tries those.
	{"protocol/text.go", "case r < 0x20, r >= 0x7f && r <= 0x9f:",
		"case r != 0 && r != '\\r' && without(\"escapes\"):\n\t\treturn false\n\tcase r < 0x20, r >= 0x7f && r <= 0x9f:"},
	{"internal/session/hello.go", "if err := protocol.CheckName(f[0]); err != nil {", `if without("lookalikes") {
		folded := []byte(f[0])
		for i, b := range folded {
			if b >= 'A' && b <= 'Z' {
				folded[i] = b | 0x20
			}
		}
		f[0] = string(folded)
	}
	if err := protocol.CheckName(f[0]); err != nil {`},
	{"internal/store/find.go", "phrases = append(phrases, `\"`+strings.ReplaceAll(w, `\"`, `\"\"`)+`\"`)",
		"if phrases = append(phrases, `\"`+strings.ReplaceAll(w, `\"`, `\"\"`)+`\"`); without(\"injection\") {\n\t\t\t\tphrases[len(phrases)-1] = w\n\t\t\t}"},
}
