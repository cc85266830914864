package main

import (
	"fmt"
	"os"
)

// scene is one picture: what people do, and whose screen is drawn when they have done it.
type scene struct {
	name          string // of the file, without .svg
	width, height int    // of every terminal, in cells
	people        []string
	of            string   // whose screen is drawn
	client        []string // arguments of the client, before USER@HOST
	about         string   // the picture in words, for who can't see it
	steps         []step
}

// step is one thing that somebody does, or waits for. It returns when it can be seen, so that the next one can't overtake it.
type step func(s *stage)

var scenes = []scene{
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

// play plays the scene with the parley and the parleyd in a directory, and draws it.
func (sc *scene) play(programs string) (picture []byte, err error) {
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
	shot := s.look(sc.of)
	if err := shot.fix(s.addr); err != nil {
		return nil, err
	}
	picture = shot.svg()
	if len(picture) > maxPicture {
		return nil, fmt.Errorf("the picture has %d bytes, more than %d", len(picture), maxPicture)
	}
	return picture, nil
}
