package main

var webTwins = []twin{
	{stage: "web-origin"}, {stage: "web-host"}, {stage: "web-page"}, {stage: "web-frames"}, {stage: "web-flood", flags: []string{"--login-timeout", "1m"}, without: "web-flood"},
	{stage: "slow-request", slow: true},
}

var webMutations = []mutation{
	{"internal/web/upgrade.go", "len(from) != 1 || !isOrigin(", `!without("web-origin") && (len(from) != 1) || !without("web-origin") && !isOrigin(`},
	{"internal/web/server.go", "if !isHost(names, r.Host) {", `if !isHost(names, r.Host) && !without("web-host") {`},
	{"internal/web/page.go", `"frame-ancestors 'none'",`, `map[bool]string{true: "frame-ancestors *", false: "frame-ancestors 'none'"}[without("web-page")],`},
	{"internal/web/conn.go", "if kind != websocket.MessageText {", `if kind != websocket.MessageText && !without("web-frames") {`},
	{"internal/web/socket.go", "if !s.idle.AllowN(time.Now(), more) {", `if !s.idle.AllowN(time.Now(), more) && !without("web-flood") {`},
	{"internal/web/server.go", "ReadHeaderTimeout: opts.HeaderTimeout, ReadTimeout: opts.Life,",
		`ReadHeaderTimeout: map[bool]time.Duration{false: opts.HeaderTimeout}[without("slow-request")], ReadTimeout: map[bool]time.Duration{false: opts.Life}[without("slow-request")],`},
}
