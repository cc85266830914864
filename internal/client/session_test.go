package client_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/client"
	"parley/protocol"
)

func TestRepliesComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		var got []string
		go func() {
			for _, line := range []string{"PING|1", "PING|2", "SEND|lobby|k|a|b", "PING|4"} {
				p.expect(line)
			}
			p.send("OK|1", "NOTE|hear", "ERROR|busy|2 seconds to wait: x", "OK|17", "OK|4")
		}()
		for _, fields := range [][]string{{"PING", "1"}, {"PING", "2"}, {"SEND", "lobby", "k", "a|b"}} {
			s.Start(t.Context(), func(r client.Reply) {
				if r.Err != nil {
					got = append(got, r.Err.Error())
				} else {
					got = append(got, r.Data)
				}
			}, fields[0], fields[1:]...)
		}
		if r, err := s.Do(t.Context(), "PING", "4"); err != nil || r.Data != "4" {
			t.Fatal(r, err)
		}
		if strings.Join(got, ",") != "1,busy: 2 seconds to wait: x,17" {
			t.Errorf("replies %q", got)
		}
	})
}

// What a hostile or broken server may do costs the connection, tells why, and answers everything that waits.
func TestMisbehavior(t *testing.T) {
	long := strings.Repeat("x", protocol.MaxLine)
	for name, sent := range map[string]string{
		"a reply to nothing":    "OK|1\nOK|0\nOK|3\n",
		"a line without end":    strings.Repeat("x", 1<<20),
		"a line too long":       "NOTE|" + long + "\n",
		"no separator":          "HELLO\n",
		"an empty line":         "\n",
		"no UTF-8":              "NOTE|\xff\n",
		"a negative id":         "MSG|-1|2026-01-02T03:04:05.678Z|a|b|c\n",
		"an id out of range":    "MSG|9223372036854775808|2026-01-02T03:04:05.678Z|a|b|c\n",
		"a broken time":         "MSG|1|yesterday|a|b|c\n",
		"an event short":        "JOIN|lobby\n",
		"ERROR without text":    "ERROR|busy\n",
		"count beyond the held": "OK|\n" + msg("1", "a", "b", "c") + "\nOK|2\n",
		"a count that is none":  "OK|\nOK|many\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := pair(t, client.Options{})
				defer s.Close()
				errs := make(chan error, 2)
				go func() {
					p.expect("PING|")
					p.expect("HISTORY|a")
					io.WriteString(p.conn, sent)
				}()
				s.Start(t.Context(), func(r client.Reply) { errs <- r.Err }, "PING", "")
				s.Start(t.Context(), func(r client.Reply) { errs <- r.Err }, "HISTORY", "a")
				<-s.Done()
				var bad *client.MisbehaviorError
				if !errors.As(s.Err(), &bad) {
					t.Fatalf("the session ends with %v", s.Err())
				}
				if _, err := s.Do(t.Context(), "PING", ""); err != s.Err() {
					t.Errorf("a request afterwards gets %v", err)
				}
			})
		})
	}
}

func TestUnknownEventsAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []protocol.Event
		s, p := pair(t, client.Options{OnEvent: func(e protocol.Event) { got = append(got, e) }})
		defer s.Close()
		go func() {
			p.expect("PING|")
			p.send("FUTURE|a|b", "NOTE|yes", "OK|")
		}()
		if _, err := s.Do(t.Context(), "PING", ""); err != nil || len(got) != 1 || got[0].Text != "yes" {
			t.Fatal(got, err)
		}
	})
}

// The count of a HISTORY's reply alone tells which messages before it are the answer.
func TestHistoryIsToldFromLiveMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live []string
		s, p := pair(t, client.Options{OnEvent: func(e protocol.Event) { live = append(live, e.Text) }})
		defer s.Close()
		go func() {
			p.expect("HISTORY|a|before|9223372036854775807|2")
			p.send(msg("7", "b", "u", "live 7"), "JOIN|b|u", msg("8", "a", "u", "live 8"))
			p.send(msg("5", "a", "u", "5"), msg("6", "a", "u", "6"), "OK|2")
			p.send(msg("9", "a", "u", "live 9"))
			p.expect("FIND|a|x y")
			p.send(msg("10", "a", "u", "live 10"), "ERROR|internal|sorry")
		}()
		found, err := s.Newest(t.Context(), "a", 2)
		if err != nil || len(found) != 2 || found[0].ID != 5 || found[1].ID != 6 {
			t.Fatal(found, err)
		}
		if _, err := s.Find(t.Context(), "a", "x y"); !isCode(err, protocol.Internal) {
			t.Fatal(err)
		}
		if got := strings.Join(live, ","); got != "live 7,,live 8,live 9,live 10" {
			t.Errorf("live: %q", got)
		}
	})
}

// No more events are held back than an answer can have: a server that sends and sends, and never the reply, fills nothing.
func TestHeldEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := 0
		s, p := pair(t, client.Options{OnEvent: func(protocol.Event) { live++ }})
		defer s.Close()
		go func() {
			p.expect("HISTORY|a")
			for range 3 * protocol.MaxLimit {
				p.send(msg("7", "a", "u", "x"))
			}
			p.send("OK|500")
		}()
		r, err := s.Do(t.Context(), "HISTORY", "a")
		if err != nil || len(r.Events) != protocol.MaxLimit || live != 2*protocol.MaxLimit {
			t.Fatal(len(r.Events), live, err)
		}
	})
}

func TestSilentServerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		start := time.Now()
		p.expect("PING|")
		within(t, start, time.Minute, time.Minute)
		p.send("OK|")
		start = time.Now()
		time.Sleep(50 * time.Second)
		p.send("NOTE|who only listens is idle to the server")
		p.expect("PING|")
		within(t, start, time.Minute, time.Minute)
		<-s.Done()
		within(t, start, 75*time.Second, 75*time.Second)
		if !errors.Is(s.Err(), client.ErrSilent) {
			t.Error(s.Err())
		}
	})
}

// Events are no answer: a request's time runs out however much else the server sends.
func TestReplyThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		start := time.Now()
		ended := make(chan struct{})
		defer func() { <-ended }()
		go func() {
			defer close(ended)
			p.expect("WHO|lobby")
			for i := 0; ; i++ {
				time.Sleep(time.Second)
				if _, err := io.WriteString(p.conn, "NOTE|still here\n"); err != nil {
					return
				}
			}
		}()
		defer s.Close()
		_, err := s.Who(t.Context(), "lobby")
		within(t, start, 15*time.Second, 15*time.Second)
		if !errors.Is(err, client.ErrSilent) {
			t.Error(err)
		}
	})
}

// Time that is spent here, not in waiting for the server, does not count against it.
func TestSlowReaderDoesNotBlameTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{OnEvent: func(protocol.Event) { time.Sleep(10 * time.Minute) }})
		defer s.Close()
		go func() {
			p.expect("PING|x")
			p.send("NOTE|this takes long to read", "OK|x")
		}()
		if _, err := s.Do(t.Context(), "PING", "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestServerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := pair(t, client.Options{})
		defer s.Close()
		start := time.Now()
		if _, err := s.Do(t.Context(), "PING", ""); err == nil {
			t.Error("answered by nobody")
		}
		within(t, start, 10*time.Second, 10*time.Second)
	})
}

func TestPipelineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{Pipeline: 2})
		defer s.Close()
		go io.Copy(io.Discard, p.r)
		none := func(client.Reply) {}
		for range 2 {
			if err := s.Start(t.Context(), none, "PING", ""); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Start(ctx, none, "PING", ""); err != context.DeadlineExceeded {
			t.Fatalf("a third request in flight: %v", err)
		}
		p.send("OK|")
		if err := s.Start(t.Context(), none, "PING", ""); err != nil {
			t.Error(err)
		}
	})
}

func TestLinesThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		if _, err := s.Do(t.Context(), "PING", strings.Repeat("x", protocol.MaxLine)); !isCode(err, protocol.TooLong) {
			t.Error(err)
		}
		if _, err := s.Send(t.Context(), "lobby", "", "a\nEXIT|"); !isCode(err, protocol.BadText) {
			t.Error(err)
		}
		go func() { p.expect("PING|ok"); p.send("OK|ok") }()
		if _, err := s.Do(t.Context(), "PING", "ok"); err != nil {
			t.Error(err)
		}
	})
}

func TestByeIsTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		p.send("BYE|shutdown|back in a minute")
		p.conn.Close()
		<-s.Done()
		var bye *client.ByeError
		if !errors.As(s.Err(), &bye) || bye.Code != protocol.ByeShutdown || bye.Text != "back in a minute" {
			t.Error(s.Err())
		}
	})
}

func TestListsComeInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		go func() {
			p.expect("WHO|lobby")
			p.send("OK|alice|bob|+")
			p.expect("WHO|lobby|bob")
			p.send("OK|zoe")
			p.expect("LIST|")
			p.send("OK|@bob:3:1:2|+")
			p.expect("LIST|@bob")
			p.send("OK|lobby:12:12:0")
			p.expect("LIST|")
			p.send("OK|")
			p.expect("LIST|")
			p.send("OK|earlier:7|later:9:8:1:of-later") // of servers before and after this one
			for _, field := range []string{"lobby", "lobby:x", "lobby:12:12", "lobby:12:12:-1", "lobby:12::0"} {
				p.expect("LIST|")
				p.send("OK|" + field)
			}
			p.expect("LIST|*")
			p.send("OK|garden:3|+")
			p.expect("LIST|*|garden")
			p.send("OK|hall:0")
			p.expect("LIST|*")
			p.send("OK|hall")
		}()
		users, err := s.Who(t.Context(), "lobby")
		if err != nil || strings.Join(users, ",") != "alice,bob,zoe" {
			t.Error(users, err)
		}
		rooms, err := s.List(t.Context())
		if err != nil || len(rooms) != 2 || rooms[0] != (client.Room{Name: "@bob", LastID: 3, Seen: 1, Unread: 2}) || rooms[1] != (client.Room{Name: "lobby", LastID: 12, Seen: 12}) {
			t.Error(rooms, err)
		}
		if rooms, err = s.List(t.Context()); err != nil || len(rooms) != 0 {
			t.Error(rooms, err)
		}
		var bad *client.MisbehaviorError
		if rooms, err = s.List(t.Context()); err != nil || len(rooms) != 2 || rooms[0] != (client.Room{Name: "earlier", LastID: 7, Seen: 7}) || rooms[1] != (client.Room{Name: "later", LastID: 9, Seen: 8, Unread: 1}) {
			t.Error(rooms, err)
		}
		for range 5 {
			if _, err = s.List(t.Context()); !errors.As(err, &bad) {
				t.Error(err)
			}
		}
		joinable, err := s.Joinable(t.Context())
		if err != nil || len(joinable) != 2 || joinable[0] != (client.Joinable{Name: "garden", Members: 3}) || joinable[1] != (client.Joinable{Name: "hall"}) {
			t.Error(joinable, err)
		}
		if _, err = s.Joinable(t.Context()); !errors.As(err, &bad) {
			t.Error(err)
		}
	})
}

func TestListWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := pair(t, client.Options{})
		defer s.Close()
		page := "OK|" + strings.Repeat("a|", 2000) + "+"
		go func() {
			for {
				if _, err := p.r.ReadString('\n'); err != nil {
					return
				}
				if _, err := io.WriteString(p.conn, page+"\n"); err != nil {
					return
				}
			}
		}()
		var bad *client.MisbehaviorError
		if _, err := s.Who(t.Context(), "lobby"); !errors.As(err, &bad) {
			t.Error(err)
		}
	})
}
