package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"parley/auth"
	"parley/internal/control"
	"parley/internal/store"
	"parley/internal/stream"
)

// natsSettings say how the NATS servers of a cluster are reached, and what its stream is.
type natsSettings struct {
	NatsCreds    path   `placeholder:"FILE" group:"cluster" help:"Credentials for NATS, readable by the owner alone."`
	NatsCA       path   `name:"nats-ca" placeholder:"FILE" group:"cluster" help:"CA of the NATS servers' certificates, PEM. The system's CAs where it is not given."`
	NatsReplicas int    `default:"3" group:"cluster" help:"Copies of the stream that the NATS servers keep, 1, 3 or 5. With 1, what was acknowledged is lost with that server's disk."`
	NatsStream   string `default:"parley" placeholder:"NAME" group:"cluster" help:"The stream's name."`
}

// shared is the log that the nodes of a cluster share.
type shared struct {
	Nats string `placeholder:"URL" group:"cluster" help:"Keep the log in a NATS JetStream cluster: tls://HOST:4222, several with commas between; nats:// for loopback only."`
	natsSettings
}

// leaderWithin is how long operators' commands wait for the stream's leader.
const leaderWithin = 30 * time.Second

// join opens the stream. wait 0 is for ever; above is what an entry's sequence is to be, where the stream is made.
func (n natsSettings) join(ctx context.Context, url string, wait time.Duration, above int64, pending int, log *slog.Logger) (*stream.Stream, error) {
	if n.NatsReplicas == 1 {
		log.Warn("the stream has one replica (--nats-replicas 1): what was acknowledged is lost with that NATS server's disk", "event", "stream.alone")
	}
	s, err := stream.Open(ctx, stream.Options{
		Servers: url, Creds: string(n.NatsCreds), CA: string(n.NatsCA), Name: n.NatsStream, Replicas: n.NatsReplicas,
		Wait: wait, First: uint64(above), Pending: pending, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	return s, nil
}

// untilTold is a context that ends when the process is told to stop.
func untilTold() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

// catchUp brings the database to the stream's end.
func catchUp(ctx context.Context, kept *store.Store, m *manager, log *slog.Logger) error {
	for {
		err := kept.CatchUp(ctx, func(at, end uint64) {
			log.Info("catching up with the stream", "event", "stream.behind", "at", at, "end", end)
			m.Status(fmt.Sprintf("catching up with the stream: %d of %d", at, end))
		})
		if !errors.Is(err, store.ErrMigrating) {
			return err
		}
		log.Warn(store.ErrMigrating.Error(), "event", "stream.migrating")
		m.Status(store.ErrMigrating.Error())
		select {
		case <-time.After(migrationLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// inReach repeats try while the stream is out of reach: a leader that is slow or changes as a node starts does not end it.
func inReach(ctx context.Context, log *slog.Logger, try func() error) error {
	for began := time.Now(); ; {
		err := try()
		if !errors.Is(err, stream.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		log.Warn("waiting for NATS", "event", "nats.waiting", "reason", err.Error(), "for", time.Since(began).Round(time.Second))
		select {
		case <-time.After(reachAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reachAgain is how often a node that starts asks for a stream that is out of reach.
const reachAgain = 2 * time.Second

// migrationLook is how often a node looks whether a migration is done.
const migrationLook = 5 * time.Second

// doInStream has an operation on accounts done in the stream alone, from where every node hears of it.
func (a *accounts) doInStream(ctx context.Context, r control.Request) (control.Response, error) {
	quiet := warnings()
	s, err := a.join(ctx, a.Nats, leaderWithin, 0, 0, quiet)
	if err != nil {
		return control.Response{}, err
	}
	defer s.Close()
	registry, err := store.NewRegistry(ctx, s)
	if err != nil {
		return control.Response{}, err
	}
	service, err := auth.New(ctx, registry, a.bounds().auth(quiet))
	if err != nil {
		return control.Response{}, err
	}
	defer service.Close()
	return control.Do(ctx, control.House{Auth: service}, r)
}

// migrate brings a single server's data into a stream.
type migrate struct {
	Data path   `required:"" placeholder:"DIR" help:"The single server's data directory; the server must be stopped."`
	To   string `required:"" placeholder:"URL" help:"The NATS servers: tls://HOST:4222, several with commas between; nats:// for loopback only."`
	natsSettings
}

// Run brings everything over, or goes on where it was interrupted.
func (m *migrate) Run() error {
	ctx, stop := untilTold()
	defer stop()
	if err := m.Data.kept(); err != nil {
		return err
	}
	log := warnings()
	from, err := store.Open(ctx, string(m.Data), store.Options{Log: log})
	if errors.Is(err, store.ErrMoved) {
		return fmt.Errorf("%s: there is nothing left to do", err)
	}
	if err != nil {
		return err
	}
	to, err := m.join(ctx, m.To, leaderWithin, from.LastID(), 0, log)
	if err != nil {
		return errors.Join(err, from.Close())
	}
	told := time.Now()
	err = from.Migrate(ctx, to, func(done, of int) {
		if done == of || time.Since(told) > time.Second {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d messages\n", done, of)
		}
	})
	if ctx.Err() != nil {
		err = errors.New("interrupted: run the same command again, and it goes on")
	}
	err = errors.Join(err, to.Close(), from.Close())
	named := ""
	if m.NatsStream != stream.DefaultName {
		named = ", --nats-stream " + m.NatsStream
	}
	return say(err, "moved %s into the stream %s; start parleyd with --nats%s and an empty --data\n", m.Data, m.NatsStream, named)
}
