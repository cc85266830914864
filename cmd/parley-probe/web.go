package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/tlsutil"
)

// webStages are what a browser can be made to do, by a page of somebody else's.
var webStages = []stage{
	{name: "web-origin", row: 24, run: webOrigin,
		tried: "a WebSocket asked for by 9 pages that are not this server's, or by nobody"},
	{name: "web-host", row: 24, run: webHost,
		tried: "the page and a WebSocket by 5 names that are not this server's, as after DNS rebinding"},
	{name: "web-page", row: 24, run: webPage,
		tried: "what the page allows: scripts of others, inline code, being framed, guessing of types, cookies"},
}

// host is what a browser calls the server.
func (t *target) host() string {
	return net.JoinHostPort(t.trust.ServerName, strconv.Itoa(int(t.addr.Port())))
}

var errNoWeb = errors.New("no browser gets in")

// browse connects as a browser does, or returns errNoWeb where http/1.1 is refused.
func (t *target) browse(ctx context.Context) (*conn, error) {
	c, err := t.dialOffering(ctx, tlsutil.HTTP)
	if isAlert(err) {
		return nil, errNoWeb
	}
	return c, err
}

// noWeb is the finding where there is nothing for browsers.
var noWeb = seenHeld("a client that offers http/1.1 alone is refused in the handshake: there is nothing for browsers here")

// head is a request without its last empty line.
func head(path, host string, more ...string) string {
	return strings.Join(append([]string{"GET " + path + " HTTP/1.1", "Host: " + host}, more...), "\r\n") + "\r\n"
}

// wsHead asks for a WebSocket, from a page of origin's, where it is not empty.
func wsHead(host, origin string) string {
	request := head("/ws", host, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	if origin != "" {
		request += "Origin: " + origin + "\r\n"
	}
	return request
}

// response is what came for a request, its body cut.
type response struct {
	*http.Response
	body string
	conn *conn
	r    *bufio.Reader // of what comes after a 101
}

// mostBody is what is read of a body.
const mostBody = 1 << 20

// ask sends one request, over a connection of its own, which is closed unless it became a WebSocket.
func (t *target) ask(ctx context.Context, request string) (response, error) {
	c, err := t.browse(ctx)
	if err != nil {
		return response{}, err
	}
	c.SetDeadline(time.Now().Add(patience))
	if _, err = io.WriteString(c.Conn, request+"\r\n"); err != nil {
		c.close()
		return response{}, err
	}
	r := bufio.NewReader(io.LimitReader(c.Conn, 64<<20))
	got, err := http.ReadResponse(r, nil)
	if err != nil {
		c.close()
		return response{}, fmt.Errorf("%s: %w", short(request), err)
	}
	if got.StatusCode == http.StatusSwitchingProtocols {
		return response{Response: got, conn: c, r: r}, nil
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, mostBody))
	c.close()
	return response{Response: got, body: string(body)}, err
}

// websocket opens one, as the server's own page does.
func (t *target) websocket(ctx context.Context) (response, error) {
	got, err := t.ask(ctx, wsHead(t.host(), "https://"+t.host()))
	if err == nil && got.conn == nil {
		err = fmt.Errorf("its own page gets no WebSocket: %s %s", got.Status, short(got.body))
	}
	return got, err
}

func webOrigin(ctx context.Context, t *target) (finding, error) {
	own, err := t.websocket(ctx)
	if errors.Is(err, errNoWeb) {
		return noWeb, nil
	}
	if err != nil {
		return finding{}, err
	}
	own.conn.close()
	host := t.host()
	refused := 0
	for _, origin := range []string{"", "null", "http://" + host, "https://parley-probe.test", "https://" + t.trust.ServerName + ".parley-probe.test",
		"https://" + host + "@parley-probe.test", "https://parley-probe.test/https://" + host, "wss://" + host, "https://xn--parley-probe"} {
		got, err := t.ask(ctx, wsHead(host, origin))
		if err != nil {
			return finding{}, err
		}
		if got.conn != nil {
			got.conn.close()
			return seenFell("a page of %s gets a WebSocket", short(origin)), nil
		}
		if got.StatusCode == http.StatusForbidden {
			refused++
		}
	}
	return seenHeld("its own page gets a WebSocket; 9 others none, %d of them answered 403", refused), nil
}

func webHost(ctx context.Context, t *target) (finding, error) {
	refused := 0
	for _, host := range []string{"parley-probe.test", t.trust.ServerName + ".parley-probe.test", "parley-probe." + t.trust.ServerName, "192.0.2.1", "[2001:db8::1]"} {
		for _, request := range []string{head("/", host), wsHead(host, "https://"+host)} {
			got, err := t.ask(ctx, request)
			if errors.Is(err, errNoWeb) {
				return noWeb, nil
			}
			if err != nil {
				return finding{}, err
			}
			if got.conn != nil {
				got.conn.close()
			}
			if got.StatusCode < 400 {
				return seenFell("by the name %s: %s", short(host), got.Status), nil
			}
			refused++
		}
	}
	return seenHeld("%d requests refused, the last by the name of another server's address", refused), nil
}

// pageHeaders are what the page must say, by words that its headers have.
var pageHeaders = []struct{ header, want string }{
	{"Content-Security-Policy", "default-src 'none'"},
	{"Content-Security-Policy", "frame-ancestors 'none'"},
	{"Content-Security-Policy", "base-uri 'none'"},
	{"Content-Security-Policy", "form-action 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
}

func webPage(ctx context.Context, t *target) (finding, error) {
	for _, path := range []string{"/", "/ws", "/parley-probe"} {
		got, err := t.ask(ctx, head(path, t.host()))
		if errors.Is(err, errNoWeb) {
			return noWeb, nil
		}
		if err != nil {
			return finding{}, err
		}
		for _, one := range pageHeaders {
			if !strings.Contains(got.Header.Get(one.header), one.want) {
				return seenFell("%s has no %s: %s", path, one.header, one.want), nil
			}
		}
		policy := got.Header.Get("Content-Security-Policy")
		for _, bad := range []string{"unsafe-", "*", "http:", "data: 'self'"} {
			if strings.Contains(policy, bad) {
				return seenFell("%s allows %s", path, short(bad)), nil
			}
		}
		if len(got.Cookies()) > 0 || got.Header.Get("Access-Control-Allow-Origin") != "" {
			return seenFell("%s sets a cookie, or may be read by other pages", path), nil
		}
	}
	return seenHeld("the page, /ws and what is not there: no code but the server's own, no frame, no cookie"), nil
}
