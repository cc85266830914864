package main_test

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// sitDown is a person at a terminal, signed in by password.
func sitDown(t *testing.T, server *parleytest.Server, name string) *terminal {
	t.Helper()
	x := openTerminal(t, home(t), "--ca", server.CA, name+"@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("you are " + name + ", and speak in lobby")
	return x
}

// do types a line and waits for what must come of it.
func (x *terminal) do(line string, shown ...string) {
	x.t.Helper()
	x.enter(line)
	for _, text := range shown {
		x.expect(text)
	}
}

// id is of the message that this connection says.
func id(c *parleytest.Conn, line string) string {
	c.T.Helper()
	id, ok := strings.CutPrefix(c.Do(line), "OK|")
	if !ok {
		c.T.Fatalf("%s: %s", line, id)
	}
	return id
}

// A locked room from its making to its end, between two people at their terminals, a third who stays out, and a server that is killed.
func TestLockedRoom(t *testing.T) {
	server := parleytest.Start(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		server.User(name)
	}
	alice, bob, carol := sitDown(t, server, "alice"), sitDown(t, server, "bob"), sitDown(t, server, "carol")
	alice.do("/join garden locked", "you speak in garden now; members: 1")
	alice.do("/topic", "the topic of garden is: none; /topic TEXT sets it")
	alice.do("/topic roses | and tulips", "the topic of garden is set")
	bob.do("/join garden", "you can't join garden: you need an invitation")
	bob.do("/rooms", "lobby   (you speak here)")
	alice.do("/invite bob", "bob may join garden")
	bob.expect("* alice invites you to the room garden")
	server.Kill()
	alice.expect("connection lost")
	bob.expect("connection lost")
	server.Launch()
	for _, x := range []*terminal{alice, bob, carol} {
		x.expect("back; ")
	}
	bob.do("/rooms", "lobby   (you speak here)", "you could /join:", "garden   members: 1")
	bob.do("/join garden", "you speak in garden now; members: 2", "the topic is: roses | and tulips")
	alice.expect("bob is here (garden)")
	bob.do("/lock", "that is not allowed (only who made the room, or an admin, may do this)")
	bob.do("/topic tulips", "is set")
	alice.expect("* bob has set the topic: tulips (garden)")
	bob.do("/topic -", "the topic of garden is cleared")
	alice.expect("* bob has cleared the topic (garden)")
	alice.do("/invite nobody", "there is nobody of that name; /who lists who is here")
	alice.do("/expel @bob garden", "bob is out of garden")
	bob.expect("* you are not in garden any more")
	bob.expect("alice has taken you out of the room garden")
	bob.do("am I still here?", `not said to garden: "am I still here?": you have not joined that room, or it does not exist; /rooms lists`)
	bob.do("/history", "you have not joined that room")
	alice.do("/open", "garden is open: everybody can join it")
	carol.do("/rooms all", "garden   members: 1")
	carol.do("/join garden", "members: 2")
	alice.do("/lock garden", "garden is locked: who has not joined needs an /invite")
	carol.expect("alice has locked the room garden")
	carol.do("/join garden locked", "you speak in garden now; members: 2")
	alice.do("/join hall", "you speak in hall now; members: 1")
	carol.do("/join hall locked", "that is not allowed (there is such a room, and it is open")
	for line, says := range map[string]string{
		"/invite": "it is /invite USER [ROOM]", "/expel a b c": "it is /expel USER [ROOM]", "/join a b": "it is /join ROOM [locked]", "/rooms x": "it is /rooms [all]",
		"/lock Garden": "begins with a letter or digit", "/open @bob": "that goes for rooms", "/topic " + strings.Repeat("x", 1500): "that is too long",
	} {
		carol.do(line, says)
	}
	carol.do("/room @alice", "with alice alone")
	carol.do("/topic", "that goes for rooms, and @alice is a conversation")
}

// What was said by mistake is taken back: by who said it, at once and later, and by an admin.
func TestTakingBack(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice", "--admin")
	server.User("bob")
	alice, bob := sitDown(t, server, "alice"), sitDown(t, server, "bob")
	bob.do("/delete", "of the last 100 messages here none is yours")
	io.WriteString(bob.master, "well meant\rswordfish\r/delete\r") // typed ahead of the server
	bob.expect("is taken back")
	alice.expect("swordfish")
	alice.expect("of bob was taken back (lobby)")
	alice.do("/history", "well meant", "a message of bob was taken back", "messages: 2")
	if log := alice.shown(); strings.Contains(log[strings.LastIndex(log, "/history"):], "swordfish") {
		t.Error("it is in the history")
	}
	server.Kill()
	alice.expect("connection lost")
	bob.expect("connection lost")
	server.Launch()
	alice.expect("back; ")
	bob.expect("back; ")
	bob.do("/delete", "is taken back already") // typed twice, it does not cost what was well meant
	witness := server.SignIn("alice")
	own, others := id(witness, "MSG|mine"), id(server.SignIn("bob"), "MSG|his")
	bob.expect("mine")
	bob.do("/delete #"+own, "message #"+own+" can't be taken back: only your own can, within a day")
	bob.do("/delete x", "ID is a message's number")
	alice.do("/delete "+others, "message #"+others+" is taken back")
	witness.Await("GONE|" + others + "|lobby|bob")
	alice.do("/find mine", "#"+own+" ")
	alice.do("/delete", "message #"+own+", said at ") // by another session of hers
}

func TestMuting(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice", "--admin")
	server.User("bob")
	alice, bob := sitDown(t, server, "alice"), sitDown(t, server, "bob")
	bob.do("/mute alice 5", "only admins can")
	alice.do("/mute bob", "it is /mute USER MINUTES")
	alice.do("/mute bob soon", "MINUTES is a number from 0")
	alice.do("/mute @bob 5", "bob does not speak for 5 minutes")
	bob.expect("you are muted until ")
	bob.do("may I?", `not said to lobby: "may I?": that is not allowed (you are muted until `)
	bob.do("/msg alice may I?", `not said to @alice: "may I?": that is not allowed (you are muted until `)
	bob.do("/topic x", "that is not allowed (you are muted until ")
	bob.do("/history", "messages: 0")
	alice.do("/mute bob 0", "bob may speak again")
	bob.expect("you are not muted any more")
	bob.enter("thanks")
	alice.expect("thanks")
}

// unread is what LIST says of a room.
func unread(c *parleytest.Conn, room string) (seen, count string) {
	c.T.Helper()
	for _, field := range strings.Split(strings.TrimPrefix(c.Do("LIST|"), "OK|"), "|") {
		if parts := strings.Split(field, ":"); parts[0] == room && len(parts) == 4 {
			return parts[2], parts[3]
		}
	}
	c.T.Fatalf("%s is not in LIST", room)
	return "", ""
}

// awaitSeen waits until the account's position is there.
func awaitSeen(c *parleytest.Conn, room, id string) {
	c.T.Helper()
	for deadline := time.Now().Add(parleytest.Patience); ; time.Sleep(10 * time.Millisecond) {
		seen, count := unread(c, room)
		if seen == id && count == "0" {
			return
		}
		if time.Now().After(deadline) {
			c.T.Fatalf("%s is read up to %s, not %s, and %s are unread", room, seen, id, count)
		}
	}
}

// awaitRead waits until nothing is unread.
func awaitRead(c *parleytest.Conn, room string) {
	c.T.Helper()
	for deadline := time.Now().Add(parleytest.Patience); ; time.Sleep(10 * time.Millisecond) {
		_, count := unread(c, room)
		if count == "0" {
			return
		}
		if time.Now().After(deadline) {
			c.T.Fatalf("in %s %s are unread", room, count)
		}
	}
}

// What is unread is told at the start, few messages themselves and of many the number; what was shown is read, by all sessions and
// over restarts of both sides; and programs read nothing.
func TestUnread(t *testing.T) {
	server := parleytest.Start(t, "--command-rate", "0", "--msg-rate", "0")
	server.User("alice")
	server.User("bob")
	bob, phone := server.SignIn("bob"), server.SignIn("alice")
	bob.Do("JOIN|dev")
	phone.Do("JOIN|dev")
	for n := range 25 {
		id(bob, fmt.Sprintf("SEND|dev||dev %d", n))
	}
	last := ""
	for n := range 3 {
		last = id(bob, fmt.Sprintf("SEND|lobby||lobby %d", n))
		phone.Do("SEND|lobby||said elsewhere")
	}
	id(bob, "SEND|@alice||psst")

	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(parleytest.Build(t, "parley"), append([]string{"--ca", server.CA}, args...)...)
		cmd.Env = append(home(t), "PARLEY_PASSWORD="+parleytest.Password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("tail", "alice@"+server.Addr, "lobby", "--after", "0", "--count", "3")
	run("send", "alice@"+server.Addr, "lobby", "by a script")
	run("chat", "alice@"+server.Addr)
	if seen, count := unread(phone, "lobby"); seen != "0" || count != "3" {
		t.Errorf("programs have read up to %s, and left %s", seen, count)
	}

	x := sitDown(t, server, "alice")
	x.expect("dev: 25 unread; /room dev, then /history 25 shows the newest")
	x.expect("[@bob]")
	x.expect("psst")
	for n := range 3 {
		x.expect(fmt.Sprintf("lobby %d", n))
	}
	awaitSeen(phone, "lobby", last)
	phone.Await("SEEN|lobby|" + last)
	x.do("/rooms", "@bob\x1b", "dev   25 unread", "lobby   (you speak here)")
	live := id(bob, "SEND|lobby||live")
	x.expect("live")
	id(bob, "SEND|dev||and live in dev")
	x.expect("and live in dev")
	if shown := x.shown(); strings.Contains(shown, "said elsewhere") || strings.Contains(shown, "dev 1") || strings.Count(shown, "lobby 1") != 1 {
		t.Error("shown at the start is other than what is unread")
	}
	x.do("/rooms", "@bob\x1b", "dev   26 unread", "lobby   (you speak here)") // and the server was told of what was shown
	awaitSeen(phone, "lobby", live)
	phone.Do("SEEN|dev|" + live) // a look from elsewhere, not to the end
	looked := id(bob, "SEND|dev||after that")
	x.expect("after that")
	awaitSeen(phone, "dev", looked)
	id(bob, "SEND|dev||and on")
	x.expect("and on")
	x.do("/quit")
	x.end(0)
	awaitRead(phone, "dev")

	for range 21 {
		last = id(bob, "SEND|dev||while away")
	}
	server.Kill()
	server.Launch()
	x = sitDown(t, server, "alice")
	x.expect("dev: 21 unread")
	x.do("/room dev", "you speak in dev now")
	x.do("/history 5", "while away", "messages: 5")
	phone = server.SignIn("alice")
	awaitSeen(phone, "dev", last)
	server.Kill()
	x.expect("connection lost")
	server.Launch()
	bob, phone = server.SignIn("bob"), server.SignIn("alice")
	id(bob, "SEND|dev||while lost")
	x.expect("while lost")
	own := ""
	x.enter("/msg bob answer")
	own, _, _ = strings.Cut(strings.TrimPrefix(bob.Await("|answer"), "MSG|"), "|")
	awaitSeen(phone, "@bob", own)
	x.enter("\x04") // ends, and keeps the session
	x.end(0)
	for _, room := range []string{"dev", "lobby", "@bob"} {
		awaitRead(phone, room)
	}
}
