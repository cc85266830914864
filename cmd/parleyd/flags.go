package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/server"
	"parley/internal/session"
	"parley/internal/store"
	"parley/internal/web"
)

// bounds are the flags that bound something. 0 is no limit, everywhere.
type bounds struct {
	MsgRate      perSecond `default:"10" group:"rates" help:"Messages (MSG, SEND) a second, for an account over all its sessions."`
	MsgBurst     int       `default:"40" group:"rates" help:"Messages at once, above the rate."`
	CommandRate  perSecond `default:"20" group:"rates" help:"Other commands a second, for an account."`
	CommandBurst int       `default:"100" group:"rates" help:"Other commands at once, above the rate."`
	ByteRate     size      `default:"64KiB" group:"rates" help:"Bytes of lines a second, for an account."`
	ByteBurst    size      `default:"256KiB" group:"rates" help:"Bytes at once, above the rate."`
	Errors       int       `default:"60" group:"rates" help:"Refused lines of a session before it is ended; one is given back every 5 s."`
	Refused      int       `default:"4000" group:"rates" help:"Lines of a session refused as too fast before it is ended as a flood; 20 are given back a second."`

	LogRate int `default:"100" group:"rates" help:"Log lines about connections that are not signed in, and no failed sign-ins; ten seconds' at once."`

	LoginRate        int `default:"5" group:"sign-in" help:"Failed sign-ins by account and address before waits begin. 0 switches the whole throttle off."`
	LoginRateAddress int `default:"50" group:"sign-in" help:"Failed sign-ins by address, whatever the account, before waits begin."`
	BcryptCost       int `default:"12" group:"sign-in" help:"Cost of new password hashes, 4 to 16; below 10 is for tests."`
	BcryptWorkers    int `default:"0" group:"sign-in" help:"Passwords hashed at once. 0: half the processors."`
	BcryptQueue      int `default:"16" group:"sign-in" help:"Sign-ins that wait for a worker; beyond that they are told busy."`
	PasswordMin      int `default:"15" group:"sign-in" help:"Characters that a new password has at least."`

	HandshakeTimeout time.Duration `default:"5s" group:"waits" help:"For the whole TLS handshake."`
	LoginTimeout     time.Duration `default:"10s" group:"waits" help:"From the handshake to a good HELLO."`
	IdleTimeout      time.Duration `default:"30m" group:"waits" help:"Without a line from the client."`
	WriteTimeout     time.Duration `default:"10s" group:"waits" help:"For a client to take what is written to it."`
	FlushEvery       time.Duration `default:"2ms" group:"waits" help:"Events wait so long at most for more that a client gets with them; a lone one does not. 0: at once."`

	MaxConns       int  `default:"10000" group:"counts" help:"Connections in all."`
	MaxConnsPerIP  int  `default:"256" name:"max-conns-per-ip" group:"counts" help:"Connections from one IPv4 address or IPv6 /64."`
	MaxUnauth      int  `default:"512" group:"counts" help:"Connections not signed in, but those that speak HTTP; above half of it new ones are dropped at random."`
	MaxUnauthPerIP int  `default:"16" name:"max-unauth-per-ip" group:"counts" help:"The same from one IPv4 address or IPv6 /64."`
	MaxHTTP        int  `default:"1024" name:"max-http" group:"counts" help:"Connections that speak HTTP; above half of it new ones are dropped at random."`
	MaxHTTPPerIP   int  `default:"128" name:"max-http-per-ip" group:"counts" help:"The same from one IPv4 address or IPv6 /64; 20 browsers load the page by 120."`
	MaxSessions    int  `default:"20" group:"counts" help:"Sessions of one account."`
	MaxRooms       int  `default:"100" group:"counts" help:"Rooms that one account has joined."`
	MaxTotalRooms  int  `default:"10000" group:"counts" help:"Rooms in all."`
	MaxMembers     int  `default:"10000" group:"counts" help:"Accounts that have joined one room, but the lobby."`
	MaxInvites     int  `default:"100" group:"counts" help:"Invitations that one account has and has not followed."`
	MaxTopic       int  `default:"400" group:"counts" help:"Bytes of a room's topic."`
	OutboxBytes    size `default:"256KiB" group:"counts" help:"Bytes of events that wait for a slow client before its session is ended."`
	LogQueue       int  `default:"8192" group:"counts" help:"Writes that wait for the disk before more are told busy (at least 1)."`
	JournalBytes   size `default:"8MiB" group:"counts" help:"Size of the file in which messages become durable before the database has them; it is allocated at the start."`
	Readers        int  `default:"4" group:"counts" help:"Reads of history at once (at least 1)."`
}

// most is what bounds that make room for what may wait can be.
var most = map[string]int64{"BcryptWorkers": 1 << 10, "BcryptQueue": 1 << 20, "LogQueue": 1 << 20, "JournalBytes": 1 << 30, "Readers": 1 << 10, "PasswordMin": 1000}

// check refuses what no bound can be; 0 is no limit, and nothing is below it.
func (b bounds) check() error {
	v := reflect.ValueOf(b)
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.CanInt() && f.Int() < 0 {
			return fmt.Errorf("a bound is 0 (no limit) or above, not %v", f.Interface())
		}
		if limit, bounded := most[name]; bounded && f.Int() > limit {
			return fmt.Errorf("%v is too much: this bound is at most %d", f.Interface(), limit)
		}
	}
	if b.BcryptCost < auth.MinCost || b.BcryptCost > auth.MaxCost {
		return fmt.Errorf("--bcrypt-cost is %d to %d, not %d", auth.MinCost, auth.MaxCost, b.BcryptCost)
	}
	return nil
}

func (b bounds) sessions(guests bool) session.Options {
	return session.Options{
		Guests:       guests,
		MessageRate:  session.Rate{PerSecond: float64(b.MsgRate), Burst: b.MsgBurst},
		CommandRate:  session.Rate{PerSecond: float64(b.CommandRate), Burst: b.CommandBurst},
		ByteRate:     session.Rate{PerSecond: float64(b.ByteRate), Burst: int(b.ByteBurst)},
		Errors:       b.Errors,
		Refused:      b.Refused,
		LoginTimeout: b.LoginTimeout,
		IdleTimeout:  b.IdleTimeout,
		WriteTimeout: b.WriteTimeout,
		OutboxBytes:  int(b.OutboxBytes),
		MaxTopic:     b.MaxTopic,
	}
}

func (b bounds) rooms(fixed bool) chat.Options {
	return chat.Options{
		MaxSessions: b.MaxSessions, FixedRooms: fixed,
		Limits: chat.Limits{Rooms: b.MaxRooms, Total: b.MaxTotalRooms, Members: b.MaxMembers, Invites: b.MaxInvites},
		Crowd:  chat.DefaultCrowd, CrowdEvery: chat.DefaultCrowdEvery, Grace: chat.DefaultGrace,
		FlushEvery: b.FlushEvery, Append: session.Append,
	}
}

func (b bounds) entrance() server.Options {
	return server.Options{
		Caps: server.Caps{
			Conns: b.MaxConns, ConnsPerIP: b.MaxConnsPerIP, Unauth: b.MaxUnauth, UnauthPerIP: b.MaxUnauthPerIP, HTTP: b.MaxHTTP, HTTPPerIP: b.MaxHTTPPerIP,
		},
		HandshakeTimeout: b.HandshakeTimeout,
	}
}

// web are the bounds of what speaks HTTP: as a TLS handshake, and as who has not signed in.
func (b bounds) web(names func() []string) web.Options {
	return web.Options{Names: names, HeaderTimeout: b.HandshakeTimeout, Life: b.LoginTimeout, WriteTimeout: b.WriteTimeout}
}

func (b bounds) auth(log *slog.Logger) auth.Options {
	return auth.Options{
		Cost: b.BcryptCost, Workers: b.BcryptWorkers, Queue: b.BcryptQueue, PasswordMin: b.PasswordMin,
		LoginRate: b.LoginRate, LoginRateAddress: b.LoginRateAddress, Aside: new(aside).run, Log: log,
	}
}

func (b bounds) store(log *slog.Logger) store.Options {
	return store.Options{Queue: b.LogQueue, JournalBytes: int64(b.JournalBytes), Readers: b.Readers, Log: log}
}

// path is a file or directory. An empty one is refused: a shell's unset variable is not the current directory.
type path string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *path) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("the path is empty")
	}
	*p = path(text)
	return nil
}

// kept fails where there is no database in the directory, or none that this user may see (os.ErrPermission).
func (p path) kept() error {
	if _, err := os.ReadDir(string(p)); errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; run this as the server's user", err)
	}
	if !store.Exists(string(p)) {
		return fmt.Errorf("there is no database in %s: is it the server's --data?", p)
	}
	return nil
}

// size is a number of bytes as people write it: 65536, 64KiB, 1MiB.
type size int

// units are tried from the longest name on.
var units = []struct {
	name  string
	bytes int
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"K", 1 << 10}, {"M", 1 << 20}, {"B", 1}, {"", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *size) UnmarshalText(text []byte) error {
	number := strings.TrimSuffix(string(text), "/s")
	for _, u := range units {
		digits, found := strings.CutSuffix(number, u.name)
		if !found {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(digits))
		if err != nil || n < 0 || n > (1<<40)/u.bytes {
			break
		}
		*s = size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size; write 65536, 64KiB or 1MiB", text)
}

// perSecond is a rate: 10, 0.5 or 10/s.
type perSecond float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *perSecond) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "/s"), 64)
	if err != nil || !(f >= 0 && f <= 1e9) {
		return fmt.Errorf("%q is no rate; write 10 or 10/s", text)
	}
	*r = perSecond(f)
	return nil
}
