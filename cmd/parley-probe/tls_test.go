package main

var tlsTwins = []twin{{stage: "tls-versions"}, {stage: "tls-tickets"}, {stage: "alpn"}}

var tlsMutations = []mutation{
	{"tlsutil/server.go", "MinVersion:                  tls.VersionTLS13,",
		`MinVersion: map[bool]uint16{true: tls.VersionTLS12, false: tls.VersionTLS13}[without("tls-versions")],`},
	{"tlsutil/server.go", "SessionTicketsDisabled:      true,", `SessionTicketsDisabled: !without("tls-tickets"),`},
	{"tlsutil/server.go", "NextProtos:                  protos,",
		`NextProtos: map[bool][]string{true: append(protos, "imap"), false: protos}[without("alpn")],`},
}
