package main

import (
	"fmt"
	"slices"
	"strings"
)

// check compares all that can be seen with the model.
func (w *world) check() {
	w.t.Helper()
	for _, a := range w.sessions {
		w.checkEvents(a)
		for line, want := range map[string]string{"LIST|": w.m.list(a.who), "LIST|*": w.m.joinable(a.who)} {
			if got := a.Do(line); got != want {
				w.t.Errorf("%s: %s:\n%s, want\n%s", a.who, line, got, want)
			}
		}
		target := w.target(a.who)
		name := w.m.own(a.who, target)
		if r := w.m.in(a.who, name); r != nil {
			w.checkHistory(a, target, w.m.history(a.who, name))
			if r.pair[0] == "" {
				if got := a.Do("TOPIC|" + name); got != "OK|"+r.topic {
					w.t.Errorf("%s: the topic of %s is %q, want %q", a.who, name, got, r.topic)
				}
			}
		}
	}
}

func (w *world) checkHistory(a *actor, target string, want []string) {
	w.t.Helper()
	a.Events = nil
	reply := a.Do("HISTORY|" + target)
	if got := timeless(a.Events); !slices.Equal(got, want) || reply != fmt.Sprintf("OK|%d", len(want)) {
		w.t.Errorf("%s: HISTORY|%s:\n%q, want\n%q", a.who, target, got, want)
	}
	a.Events = nil
}

// checkEvents compares what a session heard: what is said, read, taken back, and topics.
func (w *world) checkEvents(a *actor) {
	w.t.Helper()
	a.Do("PING|check")
	got := timeless(a.Events)
	if !slices.Equal(got, a.want) {
		w.t.Errorf("%s heard\n%q, want\n%q", a.who, got, a.want)
	}
	a.Events, a.want = nil, nil
}

// timeless are the events of the kinds that the model tells of, without their times.
func timeless(events []string) (list []string) {
	for _, e := range events {
		f := strings.SplitN(e, "|", 4)
		switch f[0] {
		case "MSG":
			list = append(list, f[0]+"|"+f[1]+"|"+f[3])
		case "SEEN", "GONE", "TOPIC":
			list = append(list, e)
		}
	}
	return list
}
