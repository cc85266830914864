package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ports looks whether each address is free, or the running server's.
func (i *inspection) ports(ctx context.Context) {
	for _, addr := range i.Listen {
		i.port(ctx, "--listen", addr)
	}
	if addr := strings.TrimPrefix(i.WebListen, plainPrefix); addr != "" {
		i.port(ctx, "--web-listen", addr)
	}
	if i.Metrics != "" {
		i.port(ctx, "--metrics", i.monitoring.addr())
	}
}

func (i *inspection) port(ctx context.Context, flag, addr string) {
	l, err := listening.Listen(ctx, "tcp", addr)
	if err == nil {
		defer l.Close()
	}
	switch any := portOf(addr) == "0"; {
	case err == nil && i.server > 0 && !any:
		i.warn("was it started with other flags?", "%s is free, though a server runs", addr)
	case err == nil:
		i.ok("%s is free", addr)
	case errors.Is(err, syscall.EADDRINUSE) && i.server > 0 && listens(i.server, addr):
		i.ok("%s is the running server's (process %d)", addr, i.server)
	case errors.Is(err, syscall.EADDRINUSE):
		i.fail("stop that one, or choose another "+flag, "%s is in use by another program", addr)
	case errors.Is(err, syscall.EACCES):
		i.fail("give the server CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=), or listen above 1023 and forward", "%s is not for this user to listen on", addr)
	default:
		i.fail("", "%v", err)
	}
}

// spareFiles are what a server needs beside its connections.
const spareFiles = 64

// files looks whether there are file descriptors for all connections; of a running server, by its own limit.
func (i *inspection) files(context.Context) {
	hard, err := fileLimit(i.server)
	need := uint64(i.MaxConns) + spareFiles
	switch {
	case err != nil:
		i.warn("run this as the server's user", "the limit cannot be read: %v", err)
	case i.MaxConns == 0:
		i.warn("--max-conns 10000, say", "there may be any number of connections, and only %d files", hard)
	case hard < need:
		i.fail("LimitNOFILE="+strconv.FormatUint(need, 10)+" (systemd), or a lower --max-conns", "%d files may be open, too few for --max-conns %d", hard, i.MaxConns)
	default:
		i.ok("%d may be open, enough for --max-conns %d", hard, i.MaxConns)
	}
}

// leastBacklog is how many connections the kernel should hold until they are accepted: after a restart everybody comes at once.
const leastBacklog = 1024

func (i *inspection) backlog(context.Context) {
	said, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	n, _ := strconv.Atoi(strings.TrimSpace(string(said)))
	switch {
	case err != nil: // another system
	case n < leastBacklog && (i.MaxConns == 0 || i.MaxConns > n):
		i.warn("sysctl -w net.core.somaxconn=4096", "net.core.somaxconn is %d: when all come back after a restart, some wait seconds", n)
	default:
		i.ok("net.core.somaxconn is %d", n)
	}
}

// Free space below which a check warns, and of which a database without its journal needs more than that one.
const (
	littleSpace = 1 << 30
	leastSpace  = 64 << 20
)

func (i *inspection) disk(context.Context) {
	if i.Data == "" {
		return
	}
	dir, err := filepath.Abs(string(i.Data))
	if err != nil {
		i.fail("", "%v", err)
		return
	}
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		i.fail("", "%s: %v", dir, err)
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	const make = "make room, or choose another --data"
	switch {
	case free < leastSpace+uint64(i.JournalBytes):
		i.fail(make, "%d MiB are free in %s", free>>20, dir)
	case s.Files > 0 && s.Ffree < 16:
		i.fail(make, "there are no inodes for further files in %s", dir)
	case free < littleSpace:
		i.warn(make, "only %d MiB are free in %s; when it is full, nobody can say anything", free>>20, dir)
	default:
		i.ok("%d MiB are free in %s", free>>20, dir)
	}
}
