package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

// A server that can't keep messages for a while gets the same one again, with its key and less and less often, and it is told once.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, told, p := online(t, client.Config{}, "lobby:0")
		defer c.Close()
		post, _ := c.Post(t.Context(), "lobby", "one")
		sent := p.expect("SEND|lobby|*")
		start, tries := time.Now(), 0
		for ; time.Since(start) < time.Minute; tries++ {
			p.send("ERROR|busy|1 second to wait: nothing can be written now")
			p.expect("SEND|lobby|" + sent)
		}
		if tries < 8 || tries > 20 {
			t.Errorf("%d tries in a minute", tries)
		}
		p.send("OK|1")
		if id, err := post.Wait(t.Context()); id != 1 || err != nil {
			t.Error(id, err)
		}
		told.expect(t, "held", "held no more")
		told.expectNothing(t)
	})
}

// A sign-in that is refused as busy keeps its token, tries elsewhere, and a denial right after it, of a token that may be spent, is none.
func TestBusySignInKeepsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, told, token, avoided := newListener(t), newUpdates(), "pt1.A", 0
		go func() {
			for _, answer := range []string{"ERROR|busy|1 second to wait: x", "ERROR|throttled|1 second to wait: x", "ERROR|denied|x"} {
				p := l.accept()
				p.expect("HELLO|alice|pt1.A")
				p.send(answer)
				p.expectEnd()
			}
			p := l.accept()
			p.hello("pt1.A", "pt1.B")
			p.list("lobby:0")
		}()
		c, err := client.Connect(t.Context(), client.Config{
			Dial: l.dial, User: "alice", Token: token, OnUpdate: told.take, FirstTries: 2,
			Avoid:     func(net.Addr) { avoided++ },
			SaveToken: func(next string) error { token = next; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		told.expect(t, "waiting", "waiting", "waiting", "online")
		if token != "pt1.B" || avoided != 1 {
			t.Errorf("the token is %q, and %d addresses are avoided", token, avoided)
		}
		c.Close()
	})
}

// A server that is busy for longer than anybody waits has not refused the account.
func TestBusyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListener(t)
		go badServer(l, map[string]string{"HELLO": "ERROR|busy|1 second to wait: x\n"})
		defer close(l.conns)
		_, err := client.Connect(t.Context(), client.Config{
			Dial: l.dial, User: "alice", GiveUp: time.Minute, OnUpdate: func(client.Update) {},
			Password: func(context.Context, error) (string, error) { return password, nil },
		})
		refused := (*protocol.Error)(nil)
		if !isLost(err) || isSignIn(err) || !errors.As(err, &refused) || !strings.Contains(err.Error(), "busy") {
			t.Error(err)
		}
	})
}
