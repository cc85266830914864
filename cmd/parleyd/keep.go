package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/internal/store"
)

// keeping are the flags that say how long messages are kept.
type keeping struct {
	Keep     keepTime   `default:"forever" placeholder:"TIME" group:"keeping" help:"How long messages are kept: 365d, 36h, forever. At least 1d."`
	KeepRoom []roomTime `placeholder:"ROOM=TIME" group:"keeping" help:"The same for one room; repeatable."`
}

// check refuses what a cluster cannot do.
func (k keeping) check(nats string) error {
	if nats != "" && (k.Keep != 0 || len(k.KeepRoom) > 0) {
		return fmt.Errorf("--keep and --keep-room: %w", store.ErrKeepCluster)
	}
	return nil
}

func (k keeping) store() store.Keep {
	keep := store.Keep{Age: time.Duration(k.Keep), Rooms: make(map[string]time.Duration)}
	for _, r := range k.KeepRoom {
		keep.Rooms[r.room] = time.Duration(r.keep)
	}
	return keep
}

// roomTime is a room and how long its messages are kept, as people write it: tea=30d.
type roomTime struct {
	room string
	keep keepTime
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *roomTime) UnmarshalText(text []byte) error {
	room, keep, ok := strings.Cut(string(text), "=")
	if !ok || room == "" {
		return fmt.Errorf("%q is no room and time: write ROOM=30d", text)
	}
	r.room = room
	return r.keep.UnmarshalText([]byte(keep))
}

// keepTime is a time as people write it: 365d, 36h, forever (0).
type keepTime time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *keepTime) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "forever" {
		*k = 0
		return nil
	}
	for unit, d := range map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour} {
		number, ok := strings.CutSuffix(s, unit)
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n <= 0 || n > 100*366*24 {
			continue
		}
		if *k = keepTime(time.Duration(n) * d); time.Duration(*k) < store.KeepLeast || time.Duration(*k) > 100*366*24*time.Hour {
			return fmt.Errorf("%q is not from 1d to 36600d: for a day, what is said again with its key is answered with the id that it has", s)
		}
		return nil
	}
	return fmt.Errorf("%q is no time to keep messages: write 365d, 36h or forever", s)
}
