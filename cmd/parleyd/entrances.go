package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"

	"parley/internal/server"
	"parley/internal/web"
	"parley/tlsutil"
)

// entrances are the listeners and what they lead to: lines, and where they negotiate it, or on an address of its own, the page.
type entrances struct {
	lines, web []net.Listener
	keys       *tlsutil.KeyPair
	server     *server.Server
	front      *web.Server // nil with --no-web
	plain      bool        // what leads to the page on its own address is a reverse proxy's
}

// plainPrefix is how --web-listen begins where there is no TLS.
const plainPrefix = "http://"

// checkWeb refuses what would put passwords on a network in the clear.
func (c *serve) checkWeb() error {
	switch addr, plain := strings.CutPrefix(c.WebListen, plainPrefix); {
	case c.WebListen == "":
		return nil
	case c.NoWeb:
		return errors.New("--no-web and --web-listen exclude each other")
	case plain && !isLoopback(addr):
		return fmt.Errorf("--web-listen %q is not on loopback, and passwords would go over the network in the clear: write http://127.0.0.1:PORT, or HOST:PORT for TLS", c.WebListen)
	default:
		return checkAddr("--web-listen", addr)
	}
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip, _ := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || ip.IsLoopback())
}

// open listens, and puts together what the listeners lead to. Sessions of the web front run under ctx.
func (c *serve) open(ctx context.Context, h *house, keys *tlsutil.KeyPair, log *slog.Logger) (*entrances, error) {
	e := &entrances{keys: keys}
	var err error
	addr, plain := strings.CutPrefix(c.WebListen, plainPrefix)
	e.plain = plain
	if err := e.inherit(&c.manager, c); err != nil {
		return nil, errors.Join(err, e.shut())
	}
	if len(e.lines) == 0 {
		if e.lines, err = listen("--listen", c.Listen); err != nil {
			return nil, errors.Join(err, e.shut())
		}
	}
	if addr != "" && len(e.web) == 0 {
		if e.web, err = listen("--web-listen", []string{addr}); err != nil {
			return nil, errors.Join(err, e.shut())
		}
	}
	opts := c.entrance()
	protocols := []string{tlsutil.ALPN}
	if !c.NoWeb {
		if e.front, err = web.New(ctx, h.sessions, log, c.bounds.web(c.names(keys))); err != nil {
			return nil, errors.Join(err, e.shut())
		}
		opts.Web = func(v *server.Visit) { e.front.Serve(v) }
		if len(e.web) == 0 {
			protocols = append(protocols, tlsutil.HTTP)
		}
	}
	e.server = server.New(tlsutil.ServerConfig(keys, protocols), h.sessions, log, opts)
	return e, nil
}

// inherit takes the sockets that were opened before this process was, in place of --listen and --web-listen.
func (e *entrances) inherit(m *manager, c *serve) error {
	e.web = m.take(webSocket)
	e.lines = m.takeLines()
	for _, l := range slices.Concat(e.lines, e.web) {
		if c.Dev && !isLoopback(l.Addr().String()) {
			return fmt.Errorf("--dev listens on loopback alone, and the inherited socket listens on %s", l.Addr())
		}
	}
	for _, l := range e.web {
		switch {
		case c.NoWeb:
			return fmt.Errorf("--no-web, and there is an inherited socket for the page (%q, on %s)", webSocket, l.Addr())
		case e.plain && !isLoopback(l.Addr().String()):
			return fmt.Errorf("--web-listen %q is without TLS, and the inherited socket for it listens on %s, not on loopback", c.WebListen, l.Addr())
		}
	}
	return nil
}

// names are the server's, by the certificate that it shows now, by --host and by --acme.
func (c *serve) names(keys *tlsutil.KeyPair) func() []string {
	return func() []string { return slices.Concat(keys.Names(), c.Host, c.ACME) }
}

// run serves until drain, each listener on a goroutine that start starts. The error of a listener that fails goes to failed.
func (e *entrances) run(ctx context.Context, start func(func()), failed chan<- error, log *slog.Logger) {
	serve := func(l net.Listener, front string, serve func() error) {
		log.Info("listening", "event", "server.listening", "addr", l.Addr().String(), "front", front, "pin", e.keys.Pin())
		start(func() {
			if err := serve(); err != nil {
				failed <- err
			}
		})
	}
	if e.front != nil {
		start(e.front.Run)
	}
	for _, l := range e.lines {
		serve(l, "line", func() error { return e.server.Serve(ctx, l) })
	}
	config := tlsutil.ServerConfig(e.keys, []string{tlsutil.HTTP})
	if e.plain {
		config = nil
	}
	for _, l := range e.web {
		serve(l, "web", func() error { return e.server.ServeWeb(ctx, l, config) })
	}
}

// drain ends everything that came in; what has not ended when ctx does is cut off.
func (e *entrances) drain(ctx context.Context) {
	if e.front != nil {
		e.front.Close()
	}
	e.server.Drain(ctx)
}

// browsers says how the page is opened; it is empty where there is none.
func (e *entrances) browsers(ca string) string {
	switch {
	case e.front == nil:
		return ""
	case e.plain:
		return fmt.Sprintf("\nor in a browser: http://%s/\n", e.web[0].Addr())
	}
	return fmt.Sprintf("\nor in a browser that trusts %s: https://%s/\n", ca, slices.Concat(e.web, e.lines)[0].Addr())
}

// shut closes the listeners that nobody serves.
func (e *entrances) shut() (err error) {
	for _, l := range slices.Concat(e.lines, e.web) {
		err = errors.Join(err, l.Close())
	}
	return err
}
