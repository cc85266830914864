package main

var rateTwins = []twin{
	{stage: "rate-messages", slow: true},
	{stage: "rate-messages", flags: []string{"--msg-rate", "0"}, slow: true},
	{stage: "rate-commands", flags: []string{"--command-rate", "0"}, blind: []string{"flood-ended"}},
	{stage: "flood-ended", flags: []string{"--refused", "0"}},
	{stage: "errors-ended", flags: []string{"--errors", "0"}},
	{stage: "rate-bytes", flags: []string{"--byte-rate", "0"}},
}

var rateMutations = []mutation{
	// Each session has an allowance of its own.
	{"internal/session/hello.go", "s.allowance = s.svc.limits.hold(key)",
		`if without("rate-messages") {
			key = s.id
		}
		s.allowance = s.svc.limits.hold(key)`},
}
