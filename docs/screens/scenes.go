package main

import (
	"fmt"
	"os"
	"regexp"
	"time"
)

// scene is one picture: what people do, and whose screen is drawn when they have done it.
type scene struct {
	name          string // of the file, without .svg
	width, height int    // of every terminal, in cells
	people        []string
	of            string   // whose screen is drawn
	client        []string // arguments of the client, before USER@HOST
	first         bool     // the client is started with no argument at all, as the first time
	about         string   // the picture in words, for who can't see it
	steps         []step
}

// step is one thing that somebody does, or waits for. It returns when it can be seen, so that the next one can't overtake it.
type step func(s *stage)

var scenes = []scene{
	{
		name: "fullscreen", width: 96, height: 22, people: []string{"alice", "bob", "carol"}, of: "alice",
		about: "The parley client in full screen: rooms and conversations with unread counts on the left, the messages of the lobby with a line above what is new, and below them who is here and what alice types.",
		steps: append(talk,
			keys("alice", "M-Down"),
			await("alice", "thanks – on my way"),
			keys("bob", "M-Up"),
			enter("bob", "and the tomatoes are thirsty"),
			matches("alice", "garden +1"),
			typed("alice", "thank you both"),
		),
	},
	{
		name: "offline", width: 96, height: 14, people: []string{"alice", "bob", "carol"}, of: "alice",
		about: "The same screen while the server is away: the status line says since when and when the next try is, and what alice said meanwhile waits.",
		steps: append(talk,
			keys("alice", "M-Down"),
			await("alice", "thanks – on my way"),
			func(s *stage) { s.server.Process.Kill() },
			await("alice", "offline since"),
			enter("alice", "then I shall bring the plants myself"),
			matches("alice", "next try in [3-7]s"),
		),
	},
	{
		name: "firstrun", width: 80, height: 24, first: true, of: "alice",
		about: "The first run: the form shows the pin of a server that nobody vouches for, and asks for the one that its operator tells.",
		steps: []step{
			func(s *stage) { s.open("alice") },
			await("alice", "Welcome to parley"),
			func(s *stage) { s.screens["alice"].Enter(s.addr) },
			await("alice", "Their pin"),
		},
	},
	{
		name: "linemode", width: 80, height: 10, people: []string{"alice", "bob"}, of: "alice", client: []string{"--plain"},
		about: "Line mode of the parley client: alice signs in, says good morning to bob, is answered, sets the topic, and asks who is here.",
		steps: []step{
			signIn("bob", "speak in lobby"),
			signIn("alice", "speak in lobby"),
			say("alice", "good morning! who has the key of the garden?"),
			say("bob", "it is under the third pot 🪴 – ありがとう for asking"),
			typed("alice", "/topic the garden opens at nine"),
			keys("alice", "Enter"),
			await("alice", "the topic of lobby is set"),
			typed("alice", "/who"),
			keys("alice", "Enter"),
			await("alice", "in lobby (2)"),
			typed("alice", "see you there"),
		},
	},
}

// talk is what is said before the pictures of the full screen.
var talk = []step{
	signIn("bob", "lobby>"),
	signIn("carol", "lobby>"),
	signIn("alice", "3 here"),
	enter("alice", "/join garden"),
	await("alice", "you speak in garden now"),
	enter("bob", "/join garden"),
	await("bob", "2 here"),
	enter("bob", "/topic who waters when"),
	await("alice", "who waters when"),
	enter("bob", "the roses are out"),
	await("alice", "the roses are out"),
	keys("bob", "M-Down"),
	await("bob", "3 here"),
	enter("bob", "/topic plants, keys and cake"),
	await("bob", "the topic of lobby is set"),
	enter("carol", "good morning! is anybody at the greenhouse?"),
	await("bob", "greenhouse"),
	enter("bob", "I am 🌱 – お茶 at ten?"),
	await("carol", "at ten?"),
	enter("carol", "with pleasure. alice, have you got the key? it should be with the watering can, or under the third pot from the left"),
	await("bob", "third pot"),
	enter("carol", "/msg alice and bring the cake, it is a secret"),
	await("alice", "@carol"),
	enter("bob", "thanks – on my way"),
	await("carol", "on my way"),
	await("alice", "@1 4"),
}

// signIn opens a client, gives the password, and waits until it shows text.
func signIn(name, text string) step {
	return func(s *stage) {
		x := s.open(name)
		x.Await("Password of " + name)
		x.Enter(password)
		x.Await(text)
	}
}

// say types a line, and waits until everybody shows it.
func say(name, text string) step {
	return func(s *stage) {
		s.screens[name].Enter(text)
		for _, x := range s.screens {
			x.Await(text)
		}
	}
}

// enter types a line.
func enter(name, text string) step { return func(s *stage) { s.screens[name].Enter(text) } }

// typed types text and no Enter, and waits until it is there.
func typed(name, text string) step {
	return func(s *stage) {
		s.screens[name].Type(text)
		s.screens[name].Await(text)
	}
}

// keys presses keys by tmux's names; await is for what becomes of it.
func keys(name string, names ...string) step {
	return func(s *stage) { s.screens[name].Keys(names...) }
}

// await waits until somebody's screen holds text.
func await(name, text string) step { return func(s *stage) { s.screens[name].Await(text) } }

// matches waits until somebody's screen holds a match.
func matches(name, pattern string) step {
	return func(s *stage) {
		s.screens[name].AwaitScreen(pattern+" is not shown", regexp.MustCompile(pattern).MatchString)
	}
}

// play plays the scene with the parley and the parleyd in a directory, and draws it: again and again until it is as wanted, since a screen may be
// looked at while it is being drawn, and clocks go on. nil: anything is.
func (sc *scene) play(programs string, wanted func(drawn []byte) bool) (drawn []byte, err error) {
	dir, err := os.MkdirTemp("", "parley-scene-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := newStage(sc, programs, dir)
	defer func() {
		s.close()
		switch failed := recover().(type) {
		case nil:
		case failure:
			err = failed
		default:
			panic(failed)
		}
	}()
	s.start()
	for _, step := range sc.steps {
		step(s)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		screen := s.look(sc.of)
		if err := fix(screen, s.addr); err != nil {
			return nil, err
		}
		drawn = screen.SVG()
		if wanted == nil || wanted(drawn) || time.Now().After(deadline) {
			break
		}
	}
	if len(drawn) > maxPicture {
		return nil, fmt.Errorf("the picture has %d bytes, more than %d", len(drawn), maxPicture)
	}
	return drawn, nil
}
