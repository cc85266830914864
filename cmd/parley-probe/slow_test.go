package main

var slowTwins = []twin{
	{stage: "slow-handshake", flags: []string{"--handshake-timeout", "0"}, slow: true},
	{stage: "slow-hello", flags: []string{"--login-timeout", "0"}, slow: true},
	{stage: "slow-answers", flags: []string{"--write-timeout", "0"}, slow: true},
	{stage: "slow-events", flags: []string{"--outbox-bytes", "0", "--msg-rate", "0", "--write-timeout", "1m"}, slow: true},
}

var slowMutations = []mutation{}
