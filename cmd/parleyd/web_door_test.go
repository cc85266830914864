package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// ask sends a request by hand and returns the response with its body read.
func ask(t *testing.T, conn net.Conn, request string) (*http.Response, string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(parleytest.Patience))
	_, unwritten := io.WriteString(conn, request) // who has heard enough answers, and hears no more
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v (written: %v)", err, unwritten)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response, ""
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func get(path, host string, more ...string) string {
	return strings.Join(append([]string{"GET " + path + " HTTP/1.1", "Host: " + host}, more...), "\r\n") + "\r\n\r\n"
}

// asked is ask by a connection of its own.
func asked(t *testing.T, s *parleytest.Server, request string) (*http.Response, string) {
	t.Helper()
	conn, err := dialBrowser(s, s.Addr, "h2", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return ask(t, conn, request)
}

// front is the address of the listener that the log calls so.
func front(t *testing.T, s *parleytest.Server, name string) string {
	t.Helper()
	for began := time.Now(); time.Since(began) < parleytest.Patience; time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(s.Log()) {
			var entry struct{ Msg, Addr, Front string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" && entry.Front == name {
				return entry.Addr
			}
		}
	}
	t.Fatalf("no listener is called %s", name)
	return ""
}

// TestWebNames: who comes by a name that is not the server's gets nothing, and no other server's page gets a WebSocket.
func TestWebNames(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--host", "chat.example.org", "--host", "2001:db8::1", "--host", "*.wild.example.org", "--max-unauth-per-ip", "0")
	for host, want := range map[string]int{
		"localhost": 200, "localhost:1": 200, "LocalHost": 200, "localhost.": 200, "127.0.0.1": 200, s.Addr: 200, "CHAT.example.org:443": 200,
		"[2001:db8::1]": 200, "[2001:DB8:0::1]:7443": 200, "a.wild.example.org": 200,
		"example.org": 421, "evil.test": 421, "chat.example.org.evil.test": 421, "localhost.evil.test": 421, "evil-localhost": 421, "127.0.0.2": 421,
		"a.b.wild.example.org": 421, "wild.example.org": 421, "[::1]": 421, "2001:db8::1": 421, "localhost:port": 421, "user@localhost": 400, "localhost/evil": 400, "localhost?": 400, "localhost#": 400, "": 421,
	} {
		if response, body := asked(t, s, get("/", host)); response.StatusCode != want {
			t.Errorf("Host %q: %s %s, want %d", host, response.Status, body, want)
		}
		if response, _ := asked(t, s, wsRequest(host, "https://localhost")); (response.StatusCode == 101) != (want == 200) {
			t.Errorf("a WebSocket by Host %q: %s", host, response.Status)
		}
	}
	for origin, want := range map[string]int{
		"https://localhost": 101, "https://localhost:7443": 101, "HTTPS://LOCALHOST": 101, "https://127.0.0.1:1": 101, "https://[2001:db8::1]:7443": 101,
		"https://chat.example.org": 101, "https://chat.example.org:443": 101,
		"": 403, "null": 403, "http://localhost": 403, "http://127.0.0.1": 403, "https://evil.test": 403, "https://localhost.evil.test": 403, "https://evil.test:7443": 403,
		"https://evil.test/https://localhost": 403, "https://localhost@evil.test": 403, "https://evil.test#localhost": 403, "https://x@localhost": 403,
		"https://": 403, "localhost": 403, "//localhost": 403, "file://localhost": 403, "wss://localhost": 403, "https://localhost/": 403, "https://localhost?": 403,
		"https://[::1]": 403, "https://127.1": 403, "https://localhost https://evil.test": 403, "https://localhost:port": 403,
	} {
		if response, body := asked(t, s, wsRequest("localhost", origin)); response.StatusCode != want {
			t.Errorf("Origin %q: %s %s, want %d", origin, response.Status, body, want)
		}
	}
	if response, _ := asked(t, s, wsRequest("localhost", "https://localhost", "Origin: https://evil.test")); response.StatusCode != 403 {
		t.Errorf("two origins: %s", response.Status)
	}
	for _, want := range []string{`"msg":"refused","event":"web.refused","from":"127.0.0.1","front":"web","host":"evil.test"`, `"msg":"refused","event":"web.refused","from":"127.0.0.1","front":"web","origin":"https://evil.test"`} {
		logged(t, s, want)
	}
}

// TestWebPage: what is served, what is not, and what every response says to browsers.
func TestWebPage(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--max-unauth-per-ip", "0", "--host", "chat.example.org")
	page, body := asked(t, s, get("/", s.Addr))
	if !strings.Contains(body, "<!doctype html>") || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%v %.100s", page.Header, body)
	}
	if again, body := asked(t, s, get("/index.html", s.Addr, "If-None-Match: "+page.Header.Get("ETag"))); again.StatusCode != 304 || body != "" {
		t.Errorf("what a browser has already: %s", again.Status)
	}
	if head, body := asked(t, s, strings.Replace(get("/", s.Addr), "GET", "HEAD", 1)); head.StatusCode != 200 || body != "" || head.ContentLength != page.ContentLength {
		t.Errorf("HEAD: %s %q", head.Status, body)
	}
	for request, want := range map[string]int{
		get("/nothing", s.Addr): 404, get("/../etc/passwd", s.Addr): 404, get("/%2e%2e/server.go", s.Addr): 404, get("/page/index.html", s.Addr): 404,
		get("//index.html", s.Addr): 404, get("/ws", s.Addr): 403, get("/ws", s.Addr, "Origin: https://"+s.Addr): 426,
		"POST / HTTP/1.1\r\nHost: " + s.Addr + "\r\nContent-Length: 0\r\n\r\n":  405,
		"OPTIONS * HTTP/1.1\r\nHost: " + s.Addr + "\r\n\r\n":                    405,
		"PUT /ws HTTP/1.1\r\nHost: " + s.Addr + "\r\nContent-Length: 0\r\n\r\n": 405,
		"GET / HTTP/1.1\r\n\r\n":                                                  400,
		get("/", s.Addr, "X: "+strings.Repeat("x", 20<<10)):                       431,
		"PRI * HTTP/2.0\r\nHost: " + s.Addr + "\r\n\r\nSM\r\n\r\n":                405,
		strings.Replace(wsRequest(s.Addr, "https://"+s.Addr), "n: 13", "n: 8", 1): 400,
		wsRequest(s.Addr, "https://"+s.Addr, "Sec-WebSocket-Key: another"):        400,
	} {
		response, body := asked(t, s, request)
		if response.StatusCode != want {
			t.Errorf("%.60q: %s %.100s, want %d", request, response.Status, body, want)
		}
		if want == 400 && !strings.Contains(request, "/ws") || want == 431 {
			continue // net/http's own, before anything of ours
		}
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
		} {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%.60q: %s is %q", request, name, got)
			}
		}
	}
	if local, _ := asked(t, s, get("/", "localhost")); local.Header.Get("Strict-Transport-Security") != "" {
		t.Error("localhost is asked to be TLS alone for a year")
	}
}

// TestWebALPN: what a client offers decides what it gets, and no other than the line protocol's is let in without.
func TestWebALPN(t *testing.T) {
	t.Parallel()
	both, none := parleytest.Start(t), parleytest.Start(t, "--no-web")
	own := parleytest.Start(t, "--web-listen", "127.0.0.1:0")
	const line, page, refused = "line", "page", "refused"
	speaks := func(s *parleytest.Server, addr string, names []string) string {
		conn, err := dialBrowser(s, addr, names...)
		if err != nil {
			return refused
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(parleytest.Patience))
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		got, err := bufio.NewReader(conn).ReadString('\n')
		switch {
		case strings.HasPrefix(got, "HTTP/1.1 200"):
			return page
		case strings.HasPrefix(got, "ERROR|bad-format|"):
			return line
		}
		return fmt.Sprintf("%q %v", got, err)
	}
	for _, tt := range []struct {
		names                       []string
		both, none, ownLine, ownWeb string
	}{
		{nil, line, line, line, page},
		{[]string{"parley/1"}, line, line, line, refused},
		{[]string{"http/1.1"}, page, refused, refused, page},
		{[]string{"h2", "http/1.1"}, page, refused, refused, page},
		{[]string{"http/1.1", "parley/1"}, line, line, line, page},
		{[]string{"h2"}, refused, refused, refused, refused},
		{[]string{"http/1.0", "imap"}, refused, refused, refused, refused},
	} {
		for _, at := range []struct{ name, got, want string }{
			{"one port", speaks(both, both.Addr, tt.names), tt.both},
			{"--no-web", speaks(none, none.Addr, tt.names), tt.none},
			{"the line port beside --web-listen", speaks(own, own.Addr, tt.names), tt.ownLine},
			{"--web-listen", speaks(own, front(t, own, "web"), tt.names), tt.ownWeb},
		} {
			if at.got != at.want {
				t.Errorf("%s, offered %q: %s, want %s", at.name, tt.names, at.got, at.want)
			}
		}
	}
}

// TestWebBehindProxy: on a plain listener, and there alone, the proxy's word is where somebody comes from.
func TestWebBehindProxy(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, "--web-listen", "http://127.0.0.1:0", "--max-unauth-per-ip", "2", "--host", "chat.example.org", "--login-timeout", "0")
	addr := front(t, s, "web")
	open := func(more ...string) (net.Conn, string) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn, wsRequest("chat.example.org", "https://chat.example.org", more...)
	}
	for i, more := range [][]string{
		{"X-Forwarded-For: 192.0.2.7"}, {"X-Forwarded-For: 198.51.100.1, 192.0.2.7"}, {"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.5,192.0.2.7:1234"},
	} {
		conn, request := open(more...)
		if i == 2 {
			if response, _ := ask(t, conn, request); response.StatusCode != 503 {
				t.Errorf("a third stranger from one address: %s", response.Status)
			}
			continue
		}
		upgraded(t, conn, request).do("PING|")
	}
	for _, bad := range []string{"nobody", "", "192.0.2.7, unknown", "192.0.2.7,"} {
		conn, request := open("X-Forwarded-For: " + bad)
		if response, _ := ask(t, conn, request); response.StatusCode != 400 {
			t.Errorf("X-Forwarded-For %q: %s", bad, response.Status)
		}
	}
	conn, request := open("X-Forwarded-For: 2001:db8:1::5")
	upgraded(t, conn, request).do("PING|")
	logged(t, s, `"from":"2001:db8:1::5","event":"session.open","front":"web"`)
	if n := strings.Count(s.Log(), `"from":"192.0.2.7","event":"session.open","front":"web"`); n != 2 {
		t.Errorf("%d sessions from where the proxy said, want 2", n)
	}
	plain, _ := open()
	if response, _ := ask(t, plain, get("/", "chat.example.org")); response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("without TLS: %s %v", response.Status, response.Header)
	}
	if conn, request := open(); true {
		request = strings.Replace(request, "https://chat", "http://chat", 1)
		if response, _ := ask(t, conn, request); response.StatusCode != 403 {
			t.Errorf("a page without TLS from elsewhere: %s", response.Status)
		}
	}

	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr}))
	defer proxy.Close()
	through, err := tls.Dial("tcp", proxy.Listener.Addr().String(), proxy.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close()
	b := upgraded(t, through, wsRequest("chat.example.org", "https://chat.example.org", "X-Forwarded-For: 198.51.100.1"))
	b.do("PING|through a proxy")
	logged(t, s, `"from":"127.0.0.1","event":"session.open","front":"web"`)
	if strings.Contains(s.Log(), "198.51.100.1") {
		t.Error("what somebody says to the proxy is believed")
	}

	direct := parleytest.Start(t)
	secured, err := dialBrowser(direct, direct.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer secured.Close()
	upgraded(t, secured, wsRequest("localhost", "https://localhost", "X-Forwarded-For: 192.0.2.7")).do("PING|")
	asked(t, direct, get("/", "evil.test", "X-Forwarded-For: 192.0.2.7"))
	if strings.Contains(direct.Log(), "192.0.2.7") {
		t.Error("a stranger's X-Forwarded-For is believed")
	}
}
