package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/cluster"
	"parley/internal/control"
	"parley/internal/session"
	"parley/internal/store"
	"parley/internal/stream"
)

// drainWithin is how long a stopping server gives its sessions; the rest of
// the promised 10 s is for closing the database.
const drainWithin = 8 * time.Second

// stopWithin is what a service manager waits for it: closing a large database on a slow disk may take longer than was promised.
const stopWithin = 30 * time.Second

type serve struct {
	Listen     []string `default:":7443" placeholder:"ADDR" help:"Address to listen on; repeatable; :7443 where none is given."`
	Cert       path     `placeholder:"FILE" help:"Certificate chain, PEM."`
	Key        path     `placeholder:"FILE" help:"Its private key, PEM, readable by the owner alone."`
	Data       path     `placeholder:"DIR" help:"Where everything is kept."`
	Dev        bool     `help:"Try it out: makes certificates, data and two accounts; loopback only."`
	Host       []string `placeholder:"NAME" help:"Further names of this server; repeatable."`
	NoWeb      bool     `help:"Serve no page for browsers."`
	WebListen  string   `placeholder:"ADDR" help:"An address of its own for the page: HOST:PORT, or http://127.0.0.1:PORT for a reverse proxy on this machine."`
	Guests     bool     `help:"Let people in by HELLO|name alone, as ~name, for one connection."`
	FixedRooms bool     `help:"Only admins make new rooms."`
	LogFormat  string   `enum:"auto,text,json" default:"auto" help:"auto: text on a terminal, JSON otherwise."`
	LogLevel   string   `enum:"debug,info,warn,error" default:"info" help:"The least that is logged."`
	monitoring
	shared
	keeping
	acmeFlags
	bounds

	manager manager `kong:"-"`
}

// Run serves until a signal, or until the disk fails.
func (c *serve) Run() error {
	if err := errors.Join(c.bounds.check(), checkListen(c.Listen), c.checkWeb(), c.acmeFlags.check(c), c.keeping.check(c.Nats), c.monitoring.check()); err != nil {
		return &exitError{exitUsage, err}
	}
	log := newLogger(c.LogFormat, c.LogLevel, c.LogRate)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	var err error
	if c.manager, err = underManager(log); err != nil {
		return err
	}
	var trial *devSetup
	if c.Dev {
		if trial, err = prepareDev(c); err != nil {
			return err
		}
	}
	keys, err := c.keys(log)
	if err != nil {
		return err
	}
	end, err := c.monitoring.begin(&c.manager, log)
	if err != nil {
		return err
	}
	defer end()
	opening, opened := untilTold()
	started := c.manager.starting()
	h, err := openHouse(opening, c, log)
	started()
	told := opening.Err() != nil
	opened()
	if told {
		log.Info("told to stop before everything was there", "event", "server.early")
		return h.close()
	}
	if err != nil {
		return err
	}
	if trial != nil {
		if err := trial.addAccounts(h.auth); err != nil {
			return errors.Join(err, h.close())
		}
	}
	return c.serve(h, keys, trial, signals, log)
}

// house is everything between the disk and the listeners.
type house struct {
	stream   *stream.Stream // nil on a single machine
	store    *store.Store
	auth     *auth.Service
	hub      *chat.Hub
	sessions *session.Service
	node     *cluster.Node // nil on a single machine
	control  *control.Server
}

// openKept opens what operators' commands need: the store and the accounts.
func openKept(ctx context.Context, c *serve, log *slog.Logger) (_ *house, err error) {
	h := new(house)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	keeping, rooms, signing := c.bounds.store(log), c.rooms(c.FixedRooms), c.bounds.auth(log)
	keeping.Keep = c.keeping.store()
	c.observe(&keeping, &rooms, &signing)
	if c.Nats != "" {
		if h.stream, err = c.join(ctx, c.Nats, 0, 0, c.LogQueue, log); err != nil {
			return nil, err
		}
		keeping.Stream = h.stream
	}
	err = inReach(ctx, log, func() (err error) {
		h.store, err = store.Open(ctx, string(c.Data), keeping)
		return err
	})
	if err == nil {
		err = inReach(ctx, log, func() error { return catchUp(ctx, h.store, &c.manager, log) })
	}
	if err != nil {
		return nil, err
	}
	state, err := h.store.State(ctx)
	if err != nil {
		return nil, err
	}
	h.hub = chat.New(h.store, state, rooms)
	h.store.Start(h.hub.Tail)
	h.auth, err = auth.New(ctx, h.store, signing)
	return h, err
}

func openHouse(ctx context.Context, c *serve, log *slog.Logger) (*house, error) {
	h, err := openKept(ctx, c, log)
	if err != nil {
		return nil, err
	}
	h.sessions = session.New(h.hub, h.auth, log, c.bounds.sessions(c.Guests))
	if h.stream != nil {
		h.node, err = cluster.Start(h.stream.Conn(), h.stream.Name(), h.hub, h.auth, h.sessions, log)
	}
	if err == nil {
		h.control, err = control.Listen(string(c.Data), control.House{Auth: h.auth, Hub: h.hub, Sessions: h.sessions, Settle: h.store.Settle}, log)
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// close ends the house, as far as it stands, from the top down; sessions have ended before.
func (h *house) close() error {
	if h == nil {
		return nil
	}
	if h.control != nil {
		h.control.Close()
	}
	if h.node != nil {
		h.node.Close()
	}
	if h.hub != nil {
		h.hub.Close()
	}
	var errs []error
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	if h.stream != nil {
		errs = append(errs, h.stream.Close())
	}
	if h.auth != nil {
		h.auth.Close()
	}
	return errors.Join(errs...)
}

// serve listens until a signal or a failure, drains and closes.
func (c *serve) serve(h *house, keys *keyring, trial *devSetup, signals <-chan os.Signal, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in, err := c.open(ctx, h, keys.KeyPair, log)
	if err != nil {
		return errors.Join(err, h.close())
	}
	var running sync.WaitGroup
	failed := make(chan error, len(in.lines)+len(in.web))
	in.run(ctx, running.Go, failed, log)
	keys.run(ctx, running.Go)
	c.serving(h, in, keys.KeyPair)
	running.Go(func() { c.manager.watch(ctx, h, in, log) })
	c.manager.Ready(in.serving())
	if trial != nil {
		trial.explain(os.Stdout, in)
	}

	cause := await(signals, failed, h.store.Failed(), func() {
		c.manager.Reloading()
		keys.hup()
		c.manager.Ready(in.serving())
	}, log)
	if errors.Is(cause, errDisk) {
		// Nothing can be kept, so nothing is worth waiting for.
		return &exitError{exitDisk, fmt.Errorf("%w: %w", errDisk, h.store.Err())}
	}
	log.Info("stopping", "event", "server.stopping")
	c.draining()
	c.manager.Stopping("everybody is told to come back", stopWithin)
	go exitOnSecond(signals, log)
	within, stop := context.WithTimeout(ctx, drainWithin)
	defer stop()
	in.drain(within)
	cancel()
	running.Wait()
	err = errors.Join(cause, h.close())
	log.Info("stopped", "event", "server.stopped")
	return err
}

// checkListen wants a port in each address: an empty one would be any port, on every interface.
func checkListen(addrs []string) error {
	if len(addrs) == 0 {
		addrs = []string{""}
	}
	for _, addr := range addrs {
		if err := checkAddr("--listen", addr); err != nil {
			return err
		}
	}
	return nil
}

func checkAddr(flag, addr string) error {
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return fmt.Errorf("%s %q is no address: write HOST:PORT or :PORT", flag, addr)
	}
	return nil
}

// listening leaves finding peers that are gone to internal/server.
var listening = net.ListenConfig{KeepAlive: -1}

func listen(flag string, addrs []string) (listeners []net.Listener, err error) {
	for _, addr := range addrs {
		l, err := listening.Listen(context.Background(), "tcp", addr)
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			if errno := syscall.Errno(0); errors.As(err, &errno) {
				err = fmt.Errorf("%s %s: %w", flag, addr, errno)
			}
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

var errDisk = errors.New("nothing more can be acknowledged")

// await returns when the server has to stop: nil for a signal, else why. SIGHUP only reloads.
func await(signals <-chan os.Signal, failed <-chan error, disk <-chan struct{}, reload func(), log *slog.Logger) error {
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				log.Info("told to stop", "event", "server.told", "signal", sig.String())
				return nil
			}
			reload()
		case err := <-failed:
			return err
		case <-disk:
			return errDisk
		}
	}
}

// exitOnSecond ends the process at once when it is told to stop a second time.
func exitOnSecond(signals <-chan os.Signal, log *slog.Logger) {
	for sig := range signals {
		if sig != syscall.SIGHUP {
			log.Warn("told to stop twice; not waiting any longer", "event", "server.cut")
			os.Exit(exitFailed)
		}
	}
}
