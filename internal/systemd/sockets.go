package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const (
	firstSocket = 3
	maxSockets  = 64
)

// Sockets are the TCP sockets that listened before this process was, by their names (LISTEN_FDNAMES, of systemd.socket's
// FileDescriptorName=), for whoever calls it first. There are none where the environment names none for this process.
// The manager keeps them open as well, and whoever connects while nobody accepts waits.
func Sockets() (map[string][]net.Listener, error) {
	pid, count, names := take("LISTEN_PID"), take("LISTEN_FDS"), take("LISTEN_FDNAMES")
	if count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("LISTEN_FDS is %q, and at most %d sockets are taken over", count, maxSockets)
	}
	var named []string
	if names != "" {
		named = strings.Split(names, ":")
	}
	sockets := make(map[string][]net.Listener)
	for i := range n {
		name := "unknown" // as sd_listen_fds_with_names has it
		if i < len(named) {
			name = named[i]
		}
		l, err := adopt(firstSocket+i, name)
		if err != nil {
			Close(sockets)
			return nil, fmt.Errorf("the inherited socket %d (%s): %w", firstSocket+i, name, err)
		}
		sockets[name] = append(sockets[name], l)
	}
	return sockets, nil
}

// Close closes them all; the manager's stay open.
func Close(sockets map[string][]net.Listener) {
	for _, named := range sockets {
		for _, l := range named {
			l.Close()
		}
	}
}

func adopt(fd int, name string) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), name)
	defer file.Close() // the listener has a copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if _, ok := l.(*net.TCPListener); !ok {
		l.Close()
		return nil, fmt.Errorf("it listens on %s, and only TCP is served", l.Addr().Network())
	}
	return l, nil
}
