package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/internal/store"
	"parley/internal/stream"
)

// data looks at the directory and who may get at it.
func (i *inspection) data(context.Context) {
	if i.Data == "" {
		return
	}
	info, err := os.Stat(string(i.Data))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.ok("%s is not there yet; the first start makes it", i.Data)
		return
	case err != nil:
		i.fail("run this as the server's user", "%v", err)
		return
	case !info.IsDir():
		i.fail("", "%s is not a directory", i.Data)
		return
	case info.Mode()&0o002 != 0:
		i.fail("chmod o-w "+string(i.Data), "everybody may write to %s, and a server refuses it", i.Data)
		return
	}
	private, _ := filepath.Glob(i.Data.join("acme/*/*"))
	for _, name := range []string{"parley.db", "parley.db-wal", "parley.journal", "control.sock", "lock"} {
		private = append(private, i.Data.join(name))
	}
	for _, file := range private {
		if info, err := os.Lstat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
			i.fail("chmod 600 "+file, "%s has mode %04o: others than its owner can get at it", file, info.Mode().Perm())
			return
		}
	}
	if i.server > 0 {
		i.ok("%s is open in process %d", i.Data, i.server)
	} else {
		i.ok("%s is there, and no server runs on it", i.Data)
	}
}

// database reads all of it; a server may run on it.
func (i *inspection) database(ctx context.Context) {
	if i.Data == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
	defer cancel()
	found, err := store.Inspect(ctx, string(i.Data))
	if i.kept = found; errors.Is(err, fs.ErrNotExist) {
		i.ok("there is none yet; the first start makes it")
		return
	}
	switch {
	case err != nil:
		i.fail("", "%v", err)
	case len(found.Faults) > 0:
		i.fail("restore a backup onto a disk that is whole", "is damaged (%s)", strings.Join(found.Faults, "; "))
	case found.Version < found.Newest && i.server > 0:
		i.warn("start it again", "has version %d, and the server that runs is older than this program, whose version is %d", found.Version, found.Newest)
	case found.Version < found.Newest:
		i.warn("make a copy of it first", "is whole, and of version %d: the next start brings it to %d, and older programs then refuse it", found.Version, found.Newest)
	default:
		i.ok("is whole, of version %d, with the log at %d", found.Version, found.LastID)
	}
}

// nats looks whether the stream is what this node needs. It makes none.
func (i *inspection) nats(ctx context.Context) {
	if i.Nats == "" {
		if i.kept == nil {
			return
		}
		if err := i.kept.GoesWith(ctx, nil); err != nil {
			i.fail("", "%v", err)
		}
		return
	}
	s, err := stream.Open(ctx, stream.Options{
		Servers: i.Nats, Creds: string(i.NatsCreds), CA: string(i.NatsCA), Name: i.NatsStream, Replicas: i.NatsReplicas,
		Wait: checkWithin / 2, Find: true, Log: unlogged,
	})
	switch {
	case errors.Is(err, stream.ErrNoStream):
		i.warn("parleyd user add, or the first start, makes it", "the servers answer, and have no stream %s", i.NatsStream)
		return
	case err != nil:
		i.fail("", "%v", err)
		return
	}
	defer s.Close()
	if i.kept != nil {
		if err := i.kept.GoesWith(ctx, s); err != nil {
			i.fail("", "%v", err)
			return
		}
	}
	if i.NatsReplicas == 1 {
		i.warn("three NATS servers and --nats-replicas 3", "the stream %s has one replica: what was acknowledged is lost with that server's disk", i.NatsStream)
		return
	}
	i.ok("the stream %s is as it should be, and the database goes with it", i.NatsStream)
}

// epoch is before any time at which this program can run.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock compares it with the log's, and asks the system whether it is kept right.
func (i *inspection) clock(context.Context) {
	behind := time.Duration(0)
	if i.kept != nil {
		behind = i.kept.LastTime.Sub(i.now)
	}
	switch synced, known := clockSynced(); {
	case i.now.Before(epoch):
		i.fail("set it, by NTP for good", "it is %s", i.now.Format(time.RFC3339))
	case behind > time.Minute:
		i.fail("set the clock; docs/operations.md, When the clock is wrong", "it is %s, %v behind the log: messages keep the log's latest time until then",
			i.now.Format(time.RFC3339), behind.Round(time.Second))
	case known && !synced:
		i.warn("run an NTP client (systemd-timesyncd, chrony)", "the system does not keep it by others' clocks")
	default:
		i.ok("%s", i.now.UTC().Format(time.RFC3339))
	}
}

func (p path) join(name string) string { return filepath.Join(string(p), name) }
