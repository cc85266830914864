package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/parleytest"
	"parley/internal/tmux"
)

// sitAt opens the full screen in a terminal of a size, and signs in.
func sitAt(t *testing.T, server *parleytest.Server, name string, width, height int) *tmux.Terminal {
	t.Helper()
	x := parleytest.OpenTmux(t, width, height, onFullScreen(t), parleytest.Build(t, "parley"), "--ca", server.CA, name+"@"+server.Addr)
	x.Await("Password of " + name)
	x.Enter(parleytest.Password)
	x.Await("● TLS 1.3")
	return x
}

// sayAll has somebody say texts in a room, and returns when all are acknowledged.
func sayAll(c *parleytest.Conn, room string, texts ...string) {
	for _, text := range texts {
		c.Send("SEND|" + room + "||" + text)
	}
	for range texts {
		c.Reply()
	}
}

// Two people talk, in a room and alone, over a server that is killed under them.
func TestFullScreenOverAKill(t *testing.T) {
	server := parleytest.Start(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		server.User(name)
	}
	alice, bob := sitAt(t, server, "alice", 100, 24), sitAt(t, server, "bob", 100, 24)
	alice.Enter("/join garden")
	alice.Await("you speak in garden now")
	bob.Enter("/join garden")
	bob.Await("2 here: alice bob")
	alice.Enter("good morning")
	bob.Await("alice │ good morning")
	bob.Enter("/msg alice psst")
	alice.Await("@bob                 1")
	alice.Keys("M-Down", "M-Down")
	alice.Await("bob │ psst")
	alice.Keys("C-p", "C-p")
	alice.Await("garden>")

	server.Kill()
	alice.Await("○ offline since")
	alice.Await("next try in")
	alice.Enter("typed while it was away")
	alice.Await("…            alice │ typed while it was away")
	alice.Enter("/who")
	alice.Await("there is no connection at the moment")
	bob.Await("○ offline since")
	server.Launch()
	carol := server.SignIn("carol")
	carol.Do("JOIN|garden")
	sayAll(carol, "garden", "alice, this was missed", "and this")
	alice.AwaitScreen("what was missed is not there", func(screen string) bool {
		return strings.Contains(screen, "● TLS 1.3") && strings.Contains(screen, "carol │ and this") && !strings.Contains(screen, "… ")
	})
	bob.Await("alice │ typed while it was away")
	if n := strings.Count(bob.Screen(), "typed while it was away"); n != 1 {
		t.Errorf("it is shown %d times", n)
	}
	alice.Keys("C-c")
	alice.Await("Ctrl-C again ends")
	alice.Keys("C-c")
	if code := alice.End(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	bob.Enter("/quit")
	if code := bob.End(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

// Older messages are fetched as one scrolls, up to the first, and what is looked at stays where it is while others speak.
func TestScrollingThroughAThousand(t *testing.T) {
	server := parleytest.Start(t, "--msg-rate", "0")
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	for i := range 10 {
		var texts []string
		for j := range 100 {
			texts = append(texts, fmt.Sprintf("number %d.", i*100+j))
		}
		sayAll(bob, "lobby", texts...)
	}
	alice := sitAt(t, server, "alice", 100, 24)
	alice.Await("number 999.")
	alice.Keys("PPage", "PPage")
	alice.AwaitScreen("it has not scrolled", func(screen string) bool {
		return strings.Contains(screen, "number 941.") && strings.Contains(screen, "number 961.") && strings.Contains(screen, "Esc: to the newest")
	})
	before := alice.Screen()
	sayAll(bob, "lobby", "a newer one")
	alice.Type("x") // and it is drawn
	alice.Await("lobby> x")
	if after := alice.Screen(); messages(after) != messages(before) {
		t.Errorf("the messages have moved from\n%s\nto\n%s", before, after)
	}
	alice.AwaitScreen("it does not come to the first", func(screen string) bool {
		alice.Keys("PPage") // again and again: at the top of what is there yet, one goes no further
		return strings.Contains(screen, "this is where lobby begins")
	})
	alice.Await("number 0.")
	alice.Keys("C-f")
	alice.Await("find in lobby:")
	alice.Enter("number 500")
	alice.Await("Enter goes there")
	alice.Keys("Enter")
	alice.Await("number 505.")
	alice.Keys("Escape")
	alice.Await("a newer one")
	// The wheel, as a terminal reports it: up is button 64.
	alice.Type("\x1b[<64;50;5M\x1b[<64;50;5M")
	alice.Await("Esc: to the newest")
}

// messages is what stands to the right of the rooms.
func messages(screen string) string {
	var b strings.Builder
	for row := range strings.SplitSeq(screen, "\n") {
		if _, right, found := strings.Cut(row, " │"); found && !strings.Contains(row, "TLS") {
			b.WriteString(right + "\n")
		}
	}
	return b.String()
}

// Whatever script people write in, and whatever the size of the terminal, everything stands in its column.
func TestWritingSystems(t *testing.T) {
	server := parleytest.Start(t, "--msg-rate", "0")
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	sayAll(bob, "lobby", "你好，世界！这是一条很长的消息，它会在屏幕边缘换行，然后继续，直到它结束为止，谁也不知道在哪里。", "مرحبا بالعالم", "שלום עולם",
		"👩‍👩‍👧 👍🏽 🇩🇪 é e\u0301 \u200d", strings.Repeat("\u00ad", 153)+"FAKE STATUS LINE", strings.Repeat("\u00ad", 600), "हिन्दी ภาษาไทย", "plain text", strings.Repeat("Z\u0351\u036f", 30))
	alice := sitAt(t, server, "alice", 100, 24)
	alice.Await("plain text")
	alice.AwaitScreen("│ is not in column 24 or 44 everywhere", func(screen string) bool { return inColumns(screen, "│", 24, 44) })
	alice.Resize(40, 10)
	alice.Await("lobby>")
	alice.AwaitScreen("it does not fit 40×10", func(screen string) bool {
		return len(strings.Split(strings.TrimRight(screen, "\n"), "\n")) <= 10 && strings.Contains(screen, "bob: plain text") && strings.Contains(screen, "\n ● TLS 1.3")
	})
	alice.Resize(120, 30)
	alice.AwaitScreen("it does not grow again", func(screen string) bool { return strings.Contains(screen, "bob │ plain text") })
	alice.AwaitScreen("│ is not in column 24 or 44 everywhere", func(screen string) bool { return inColumns(screen, "│", 24, 44) })
	alice.Paste("一二三")
	alice.Await("lobby> 一二三")
	alice.Keys("Left", "BSpace")
	alice.Await("lobby> 一三")
	alice.AwaitScreen("the cursor is not behind the first sign", func(string) bool {
		column, _, _ := alice.Cursor()
		return column == len("lobby> ")+2
	})
}

// inColumns says whether a sign is in the first of the columns in each row of messages, and in the second where there is one more.
func inColumns(screen, sign string, columns ...int) bool {
	for _, row := range strings.Split(screen, "\n") {
		if !strings.Contains(row, sign) || strings.Contains(row, "TLS") {
			continue
		}
		at := 0
		for _, part := range strings.Split(row, sign)[:min(len(columns), strings.Count(row, sign))] {
			at += len([]rune(part)) // what stands left of the signs is narrow
			if !slices.Contains(columns, at) {
				return false
			}
			at++
		}
	}
	return true
}

// One account in two clients: what is read in one is read in the other, and what is said in one is seen in both.
func TestTwoClientsOfOneAccount(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	bob.Do("JOIN|garden")
	desk, sofa := sitAt(t, server, "alice", 100, 24), sitAt(t, server, "alice", 80, 20)
	desk.Enter("/join garden")
	desk.Await("you speak in garden now")
	sofa.Await("garden")
	desk.Await("2 here")
	desk.Keys("M-Down")
	desk.Await("lobby>")
	sayAll(bob, "garden", "one", "two, alice")
	desk.Await("garden            @1 2")
	sofa.Await("garden        @1 2")
	sofa.Keys("M-Up")
	sofa.Await("bob: two, alice")
	desk.AwaitScreen("it is unread still", func(screen string) bool { return !strings.Contains(screen, "@1 2") })
	sofa.Enter("said from the sofa")
	desk.Keys("M-Up")
	desk.Await("alice │ said from the sofa")
	sofa.Enter("/leave")
	desk.AwaitScreen("it is in a room that it has left", func(screen string) bool { return !strings.Contains(screen, " garden ") })
}

// In a room where more is said than anybody can read, what one types comes out whole, and is said.
func TestTypingInABusyRoom(t *testing.T) {
	server := parleytest.Start(t, "--msg-rate", "0")
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	alice := sitAt(t, server, "alice", 100, 24)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				bob.Do(fmt.Sprintf("SEND|lobby||busy %d", i)) // as fast as it goes, which is faster than 200 a second
			}
		}
	}()
	alice.Await("busy 100")
	const text = "the quick brown fox jumps over the lazy dog"
	for _, r := range text {
		alice.Type(string(r))
	}
	alice.Await("lobby> " + text)
	alice.Keys("Enter")
	close(stop)
	<-stopped
	alice.Await("alice │ " + text)
	bob.Await("|lobby|alice|" + text)
}
