package main

var floodTwins = []twin{
	{stage: "flood-address", flags: []string{"--max-unauth-per-ip", "0"}},
	{stage: "flood-overall", flags: []string{"--max-unauth", "0", "--handshake-timeout", "1m"}, slow: true},
}

var floodMutations = []mutation{}
