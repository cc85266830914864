package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"

	"parley/internal/systemd"
)

// manager is what started this process and keeps it running, where that is systemd or speaks as it does: it hears how things are,
// and may have opened the sockets.
type manager struct {
	*systemd.Notifier                           // nil where nobody wants to hear
	sockets           map[string][]net.Listener // that nobody has taken yet, by name
}

// What a starting server asks for at a time: it may wait for NATS, or catch up, for as long as that takes.
const (
	startingMore  = time.Minute
	startingEvery = 15 * time.Second
)

// The names of sockets that are for --web-listen, and of the one for --metrics. All others are for --listen.
const (
	webSocket     = "web"
	metricsSocket = "metrics"
)

// underManager finds out who started this process. What is wrong with telling is logged, and no reason not to serve.
func underManager(log *slog.Logger) (m manager, err error) {
	if m.Notifier, err = systemd.NewNotifier(); err != nil {
		log.Warn("the service manager is told nothing", "event", "manager.unheard", "error", err)
	}
	m.sockets, err = systemd.Sockets()
	return m, err
}

// take returns the sockets of one name; nobody gets them again.
func (m *manager) take(name string) []net.Listener {
	taken := m.sockets[name]
	delete(m.sockets, name)
	return taken
}

// takeLines returns all sockets that have not been taken: what else they are called does not matter.
func (m *manager) takeLines() (taken []net.Listener) {
	for _, name := range slices.Sorted(maps.Keys(m.sockets)) {
		taken = append(taken, m.take(name)...)
	}
	return taken
}

// starting has the manager wait until the function that it returns is called.
func (m *manager) starting() (started func()) {
	if m.Notifier == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m.Extend(startingMore)
			select {
			case <-time.After(startingEvery):
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		stop()
		<-done
	}
}

// watch has the manager's watchdog know that the server works: that the log goes on and each listener accepts. One that
// does not is killed and started anew.
func (m *manager) watch(ctx context.Context, h *house, in *entrances, log *slog.Logger) {
	well := func(ctx context.Context) error { return errors.Join(h.store.Beat(ctx), in.server.Alive(ctx)) }
	m.Watch(ctx, well, func(err error) {
		log.Error("the server is stuck, and the watchdog is not told that it works", "event", "server.stuck", "error", err)
		m.Status("stuck: " + err.Error())
	})
}

// serving is what the manager is told of a server that works.
func (e *entrances) serving() string {
	var addrs []string
	for _, l := range slices.Concat(e.lines, e.web) {
		addrs = append(addrs, l.Addr().String())
	}
	return fmt.Sprintf("serving on %v", addrs)
}
