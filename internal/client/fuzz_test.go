package client_test

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// scripted is a connection whose other end has said all of this, whatever is written.
type scripted struct {
	net.Conn
	said *bytes.Reader
}

func (c scripted) Read(p []byte) (int, error)       { return c.said.Read(p) }
func (c scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (c scripted) SetReadDeadline(time.Time) error  { return nil }
func (c scripted) SetWriteDeadline(time.Time) error { return nil }
func (c scripted) Close() error                     { return nil }

// FuzzServer is everything that a server can say: no panic, an answer to every request, and an end.
func FuzzServer(f *testing.F) {
	f.Add([]byte("OK|uuid|pt1.a|lobby\nOK|\nOK|lobby:3:3:0|+\nOK|ops:4:0:2\nOK|\nOK|1\n"))
	f.Add([]byte("OK|uuid|pt1.a|lobby\nOK|\nOK|lobby:9:9:0\nOK|\n" + msg("7", "lobby", "bob", "x") + "\nOK|1\nBYE|shutdown|x\n"))
	f.Add([]byte("OK|uuid||\nERROR|weak-password|x\nOK|\nMSG|1\n"))
	f.Add([]byte("ERROR|throttled|1 second\nNOTE|\x1b\nHERE|a|9\nJOIN|a|b\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := client.NewSession(scripted{said: bytes.NewReader(said)}, client.Options{OnEvent: func(e protocol.Event) { e.Append(nil) }})
		answers := 0
		asked := 0
		for _, line := range [][]string{{"PING", ""}, {"HISTORY", "a"}, {"SEND", "a", "", "b"}, {"FIND", "a", "b"}} {
			if s.Start(t.Context(), func(client.Reply) { answers++ }, line[0], line[1:]...) == nil {
				asked++
			}
		}
		<-s.Done()
		s.Close()
		if answers != asked || s.Err() == nil {
			t.Fatalf("%d answers to %d requests, then %v", answers, asked, s.Err())
		}

		dials := 0
		c, err := client.Connect(t.Context(), client.Config{
			User: "alice", Guest: true, FirstTries: 1, OnUpdate: func(client.Update) {},
			Dial: func(context.Context) (net.Conn, error) {
				if dials++; dials > 1 {
					return nil, &net.DNSError{IsNotFound: true}
				}
				return scripted{said: bytes.NewReader(said)}, nil
			},
			GiveUp: time.Nanosecond,
		})
		if err == nil {
			c.Post(t.Context(), "lobby", "x")
			c.Close()
		}
	})
}
