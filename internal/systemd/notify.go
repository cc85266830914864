// Package systemd speaks with the service manager that started this process, as sd_notify(3), sd_watchdog_enabled(3) and
// sd_listen_fds(3) say. Where there is none, all of it does nothing.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Notifier tells the service manager how this process is. A nil one tells nobody. Its methods are safe for concurrent use; none
// waits longer than a second, and what can't be told is lost: a manager that does not listen changes nothing for the people served.
type Notifier struct {
	addr     net.UnixAddr
	watchdog time.Duration // the manager wants to hear within it; 0 is never
}

// sendWithin is how long a manager that is behind keeps anybody waiting.
const sendWithin = time.Second

// NewNotifier is for the manager that the environment names (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID), nil where it names none.
// It removes the variables, which are about this process alone.
func NewNotifier() (*Notifier, error) {
	addr, usec, pid := take("NOTIFY_SOCKET"), take("WATCHDOG_USEC"), take("WATCHDOG_PID")
	if addr == "" {
		return nil, nil
	}
	if addr[0] != '/' && addr[0] != '@' { // @ is an abstract one, for package net as well
		return nil, fmt.Errorf("NOTIFY_SOCKET is %q, and a path, or @ and a name, are all that is understood", addr)
	}
	n := &Notifier{addr: net.UnixAddr{Name: addr, Net: "unixgram"}}
	if usec != "" && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		micros, err := strconv.ParseInt(usec, 10, 64)
		if err != nil || micros <= 0 || micros > int64(maxWatchdog/time.Microsecond) {
			return nil, fmt.Errorf("WATCHDOG_USEC is %q, which is no number of microseconds", usec)
		}
		n.watchdog = time.Duration(micros) * time.Microsecond
	}
	return n, nil
}

const maxWatchdog = 365 * 24 * time.Hour

func take(name string) string {
	value := os.Getenv(name)
	os.Unsetenv(name)
	return value
}

// Ready says that the process serves, or does so again after Reloading.
func (n *Notifier) Ready(status string) { n.send("READY=1", state(status)) }

// Reloading says that the configuration is being read again; Ready ends it.
func (n *Notifier) Reloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
	}
}

// Stopping says that the process ends, within the time given.
func (n *Notifier) Stopping(status string, within time.Duration) {
	n.send("STOPPING=1", state(status), extension(within))
}

// Status says in a line what the process is at.
func (n *Notifier) Status(status string) { n.send(state(status)) }

// Extend asks for so much more time, from now on, until Ready or the end.
func (n *Notifier) Extend(by time.Duration) { n.send(extension(by)) }

func state(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", " ") }

func extension(d time.Duration) string {
	return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds())
}

// Watch tells the manager's watchdog twice in its time that the process works, as long as well returns nil in time, until ctx ends.
// What well says otherwise goes to sick, once for each time that it begins. It returns at once where there is no watchdog.
func (n *Notifier) Watch(ctx context.Context, well func(context.Context) error, sick func(error)) {
	if n == nil || n.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(n.watchdog / 2)
	defer ticker.Stop()
	for ill := false; ; {
		asking, stop := context.WithTimeout(ctx, n.watchdog/2)
		err := well(asking)
		stop()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			n.send("WATCHDOG=1")
		case !ill:
			sick(err)
		}
		ill = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// send sends one datagram of assignments. A socket for each: the manager may have been started anew since the last.
func (n *Notifier) send(assignments ...string) {
	if n == nil {
		return
	}
	conn, err := net.DialUnix(n.addr.Net, nil, &n.addr)
	if err != nil {
		return
	}
	defer conn.Close()
	if conn.SetWriteDeadline(time.Now().Add(sendWithin)) == nil {
		_, _ = conn.Write([]byte(strings.Join(assignments, "\n"))) // see Notifier
	}
}
