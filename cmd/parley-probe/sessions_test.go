package main

var sessionTwins = []twin{
	{stage: "session-id"}, {stage: "token-replay"}, {stage: "token-replay", without: "token-family"}, {stage: "token-race"},
	{stage: "sessions", flags: []string{"--max-sessions", "0"}},
}

var sessionMutations = []mutation{
	{"auth/token.go", "|| t.Account != name {", `|| t.Account != name && !without("session-id") {`},
	{"auth/token.go", `if t.Opened != "" && t.Confirmed {`, `if t.Opened != "" && t.Confirmed && !without("token-replay") {`},
	{"auth/token.go", "return Resumed{}, s.endFamily(ctx, t, session)",
		"if without(\"token-family\") {\n\t\t\t\treturn Resumed{}, ErrDenied\n\t\t\t}\n\t\t\treturn Resumed{}, s.endFamily(ctx, t, session)"},
	{"internal/store/token.go", "if !ok || version != s.Spent.Version {", `if !ok || version != s.Spent.Version && !without("token-race") {`},
}
