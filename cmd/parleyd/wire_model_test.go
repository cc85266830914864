package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestPositionsModel: whatever several accounts do in several sessions each, and however often the server ends meanwhile, the lists with
// their read positions and unread counts, the histories and the events of other sessions are those of the model. PARLEY_SEED=n repeats a run.
func TestPositionsModel(t *testing.T) {
	t.Parallel()
	steps := 400
	if os.Getenv("PARLEY_SOAK") != "" {
		steps = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("PARLEY_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("PARLEY_SEED=%d", seed)
	w := newWorld(t, seed)
	for step := range steps {
		w.step()
		if step%5 == 0 {
			w.check()
		}
		if step%(steps/4) == steps/8 {
			w.restart()
			w.check()
		}
		if t.Failed() {
			t.Fatalf("step %d; the last lines:\n%s", step, strings.Join(w.said[max(0, len(w.said)-25):], "\n"))
		}
	}
	w.check()
	t.Logf("%d lines, %d of them OK", len(w.said), w.oks)
}

// world is a server, who is there, and what must be.
type world struct {
	t        *testing.T
	rand     *rand.Rand
	s        *parleytest.Server
	m        *model
	names    []string
	sessions []*actor
	said     []string // lines and replies, for people
	oks      int
	tokens   map[string][]string // of sessions that were lost
}

// actor is a session.
type actor struct {
	*parleytest.Conn
	who  string
	want []string // events that it must have got since the last check
}

func newWorld(t *testing.T, seed uint64) *world {
	names := []string{"ada", "bob", "cyd", "dan"}
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 0)), names: names, m: newModel(names[0], names...), tokens: map[string][]string{}}
	w.s = parleytest.Start(t, unlimited()...)
	w.s.User(names[0], "--admin")
	addUsers(w.s, names[1:]...)
	for _, name := range append(names, names...) {
		w.come(name)
	}
	return w
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

var modelRooms = []string{"lobby", "tea", "den", "zoo"}

func (w *world) target(who string) string {
	if w.rand.IntN(4) == 0 {
		return "@" + pick(w.rand, w.names)
	}
	return pick(w.rand, modelRooms)
}

// come signs somebody in, by a token where one is left.
func (w *world) come(who string) {
	credential := parleytest.Password
	if left := w.tokens[who]; len(left) > 0 && w.rand.IntN(2) == 0 {
		credential, w.tokens[who] = left[0], left[1:]
	}
	a := &actor{Conn: w.s.Dial().Hello(who, credential), who: who}
	a.Do("PING|confirm")
	w.sessions = append(w.sessions, a)
}

// do says a line; want is the code that must refuse it, or "" and it must be OK.
func (w *world) do(a *actor, line, want string) string {
	w.t.Helper()
	reply := a.Do(line)
	w.said = append(w.said, a.who+" C: "+line, a.who+" S: "+reply)
	ok := strings.HasPrefix(reply, "OK|")
	if ok {
		w.oks++
	}
	if ok != (want == "") || !ok && parleytest.Code(reply) != want {
		w.t.Errorf("%s: %s: %q, want %q", a.who, line, reply, want)
	}
	return strings.TrimPrefix(reply, "OK|")
}

// tell notes an event for the sessions of all who are in a room, but one.
func (w *world) tell(room *modelRoom, name string, except *actor, line func(shown string) string) {
	for _, a := range w.sessions {
		if a != except && room.members[a.who] {
			a.want = append(a.want, line(room.shown(a.who, name)))
		}
	}
}

// moves are what a session may do, as often as they are listed.
var moves = []func(*world, *actor){
	(*world).speak, (*world).speak, (*world).speak, (*world).speak, (*world).speak, (*world).speak,
	(*world).see, (*world).see, (*world).see, (*world).see, (*world).see, (*world).see,
	(*world).join, (*world).join, (*world).join, (*world).join, (*world).join, (*world).leave, (*world).lock, (*world).invite, (*world).invite, (*world).expel, (*world).mute, (*world).setTopic,
	(*world).takeBack, (*world).takeBack, (*world).goOrCome,
}

func (w *world) step() { pick(w.rand, moves)(w, pick(w.rand, w.sessions)) }

func (w *world) speak(a *actor) {
	target := w.target(a.who)
	name := w.m.own(a.who, target)
	text := fmt.Sprint("text ", len(w.said))
	refused := w.m.mayspeak(a.who, name)
	reply := w.do(a, "SEND|"+target+"||"+text, refused)
	if refused != "" {
		return
	}
	n, _ := strconv.ParseInt(reply, 10, 64)
	w.m.say(a.who, name, n, text)
	w.tell(w.m.rooms[name], name, a, func(room string) string { return messageLine(modelMessage{n, a.who, text}, room) })
}

// see moves a position: forward, back, beyond the end, to what is no message of the room.
func (w *world) see(a *actor) {
	target := w.target(a.who)
	name := w.m.own(a.who, target)
	refused := ""
	if !strings.HasPrefix(name, "@") && w.m.in(a.who, name) == nil {
		refused = "not-member"
	}
	var n int64
	if r := w.m.rooms[name]; r != nil && len(r.said) > 0 {
		n = pick(w.rand, []int64{0, r.last(), r.last() + 1000, pick(w.rand, r.said).id, pick(w.rand, r.said).id, pick(w.rand, r.said).id + 1, w.rand.Int64N(r.last()) + 1})
	}
	reply := w.do(a, fmt.Sprintf("SEEN|%s|%d", target, n), refused)
	if refused != "" {
		return
	}
	at, moved := w.m.see(a.who, name, n)
	if want := fmt.Sprintf("%s|%d", target, at); reply != want {
		w.t.Errorf("%s: %q, want %q", a.who, reply, want)
	}
	for _, other := range w.sessions {
		if moved && other != a && other.who == a.who {
			other.want = append(other.want, fmt.Sprintf("SEEN|%s|%d", target, at))
		}
	}
}

func (w *world) join(a *actor) {
	name := pick(w.rand, modelRooms)
	refused := w.m.mayjoin(a.who, name)
	w.do(a, "JOIN|"+name, refused)
	if refused == "" {
		w.m.join(a.who, name)
	}
}

func (w *world) leave(a *actor) {
	name := pick(w.rand, modelRooms)
	r := w.m.rooms[name]
	refused := ""
	switch {
	case name == "lobby":
		refused = "forbidden"
	case r == nil || !r.members[a.who] && !r.invited[a.who]:
		refused = "not-member"
	}
	w.do(a, "LEAVE|"+name, refused)
	if refused == "" {
		delete(r.members, a.who)
		delete(r.invited, a.who)
	}
}

func (w *world) lock(a *actor) {
	name, lock := pick(w.rand, modelRooms), w.rand.IntN(3) == 0
	refused := w.m.rules(a.who, name)
	w.do(a, map[bool]string{true: "LOCK|", false: "OPEN|"}[lock]+name, refused)
	if refused == "" {
		w.m.rooms[name].locked = lock
	}
}

func (w *world) invite(a *actor) {
	name, whom := pick(w.rand, modelRooms), pick(w.rand, w.names)
	r := w.m.in(a.who, name)
	refused := ""
	if r == nil {
		refused = "not-member"
	}
	w.do(a, "INVITE|"+name+"|"+whom, refused)
	if r != nil && !r.members[whom] {
		r.invited[whom] = true
	}
}

func (w *world) expel(a *actor) {
	name, whom := pick(w.rand, modelRooms), pick(w.rand, w.names)
	refused := w.m.rules(a.who, name)
	w.do(a, "EXPEL|"+name+"|"+whom, refused)
	if refused == "" {
		w.m.expel(whom, name)
	}
}

func (w *world) mute(a *actor) {
	whom, minutes := pick(w.rand, w.names), pick(w.rand, []int{0, 0, 0, 60})
	refused := "forbidden"
	if a.who == w.m.admin {
		refused = ""
		w.m.accounts[whom].muted = minutes > 0
	}
	w.do(a, fmt.Sprintf("MUTE|%s|%d", whom, minutes), refused)
}

func (w *world) setTopic(a *actor) {
	name, text := pick(w.rand, modelRooms), pick(w.rand, []string{"", "a topic | of some kind"})
	refused := w.m.mayspeak(a.who, name)
	w.do(a, "TOPIC|"+name+"|"+text, refused)
	if refused == "" {
		r := w.m.rooms[name]
		r.topic = text
		w.tell(r, name, a, func(room string) string { return "TOPIC|" + room + "|" + a.who + "|" + text })
	}
}

func (w *world) takeBack(a *actor) {
	r := w.m.rooms[pick(w.rand, modelRooms)]
	if w.rand.IntN(3) == 0 {
		r = w.m.rooms[w.m.own(a.who, "@"+pick(w.rand, w.names))]
	}
	if r == nil || len(r.said) == 0 {
		return
	}
	n := pick(w.rand, r.said).id
	name, x := w.m.find(n)
	refused := ""
	if x.user != a.who && a.who != w.m.admin {
		refused = "forbidden"
	}
	w.do(a, fmt.Sprintf("DELETE|%d", n), refused)
	if refused == "" && x.text != "" {
		x.text = ""
		w.tell(r, name, a, func(room string) string { return messageLine(*x, room) })
	}
}

// goOrCome ends the session, or begins another one of somebody's. Everybody keeps one.
func (w *world) goOrCome(a *actor) {
	mine := 0
	for _, other := range w.sessions {
		if other.who == a.who {
			mine++
		}
	}
	if mine < 3 && w.rand.IntN(2) == 0 || mine == 1 {
		w.come(a.who)
		return
	}
	w.checkEvents(a)
	w.sessions = slices.DeleteFunc(w.sessions, func(other *actor) bool { return other == a })
	if w.rand.IntN(2) == 0 {
		a.Do("EXIT|")
		return
	}
	a.Close()
	logged(w.t, w.s, `"disconnected"`, a.Session())
	w.tokens[a.who] = append(w.tokens[a.who], a.Token())
}

// restart ends the server while lines are on their way, some of which nobody can know the fate of: they are safe to repeat.
func (w *world) restart() {
	a := pick(w.rand, w.sessions)
	r := w.m.rooms["lobby"]
	key := fmt.Sprint("key", len(w.said))
	a.Send("SEND|lobby|"+key+"|at the end", fmt.Sprintf("SEEN|lobby|%d", r.last()))
	pick(w.rand, restarts).end(w.s)
	w.s.Launch()
	for _, old := range w.sessions {
		old.Close()
		w.tokens[old.who] = append(w.tokens[old.who], old.Token())
	}
	old := w.sessions
	w.sessions = nil
	for _, a := range old {
		w.come(a.who)
	}
	again := &actor{Conn: w.s.SignIn(a.who), who: a.who}
	refused := w.m.mayspeak(a.who, "lobby")
	last := r.last()
	reply := w.do(again, "SEND|lobby|"+key+"|at the end", refused)
	if refused == "" {
		n, _ := strconv.ParseInt(reply, 10, 64)
		w.m.say(a.who, "lobby", n, "at the end")
	}
	w.do(again, fmt.Sprintf("SEEN|lobby|%d", last), "")
	w.m.see(a.who, "lobby", last)
	again.Do("EXIT|")
	for _, a := range w.sessions { // some heard of it, some came when it had been said
		drop(a.Conn)
	}
}
