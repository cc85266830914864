package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// Lab requirement: a client that prompts for the name, sends HELLO on connecting, shows the server's replies clearly, sends many
// messages, and leaves with EXIT.
func TestLabClient(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	x := openTerminal(t, home(t), "--ca", server.CA, server.Addr)
	x.expect("Name: ")
	x.enter("Alice!")
	x.expect("begins with a letter or digit")
	x.expect("Name: ")
	x.enter("alice")
	x.expect("Password of alice@" + server.Addr)
	x.enter("something wrong")
	x.expect("name or password is wrong")
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("you are alice, and speak in lobby")
	bob.Await("JOIN|lobby|alice")
	for _, text := range []string{"one", "two", "//three"} {
		x.enter(text)
	}
	for _, text := range []string{"one", "two", "/three"} {
		bob.Await("|lobby|alice|" + text)
	}
	bob.Do("MSG|hello alice")
	x.expect("hello alice")
	x.enter("/nosuch")
	x.expect("there is no /nosuch")
	x.enter("/quit")
	x.end(0)
	bob.Await("LEAVE|lobby|alice") // at once: EXIT, not a lost connection
	if shown := x.shown(); strings.Contains(shown, parleytest.Password) || strings.Contains(shown, "something wrong") {
		t.Error("a password is shown")
	}
	for deadline := time.Now().Add(parleytest.Patience); !strings.Contains(server.Log(), `"user":"alice","event":"session.close","reason":"exit"`); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no EXIT in the server's log")
		}
	}
}

func TestCommands(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice", "--admin")
	server.User("bob")
	bob := server.SignIn("bob")
	x := openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("speak in lobby")

	x.enter("/join dev")
	x.expect("you speak in dev now; members: 1")
	bob.Do("JOIN|dev")
	x.expect("bob is here (dev)")
	x.enter("apples and pears")
	bob.Await("|dev|alice|apples and pears")
	bob.Do("SEND|dev||only pears")
	x.expect("only pears")
	x.enter("/who")
	x.expect("in dev (2): ")
	x.enter("/history")
	x.expect("apples and pears")
	x.expect("only pears")
	x.expect("messages: 2")
	x.enter("/find pears apples")
	x.expect("messages: 1")
	x.enter("/msg bob psst")
	bob.Await("|@alice|alice|psst")
	bob.Do("SEND|@alice||yes?")
	x.expect("[@bob]")
	x.expect("yes?")
	x.enter("/room @bob")
	x.expect("you speak with bob alone now")
	x.enter("quietly")
	bob.Await("|@alice|alice|quietly")
	x.enter("/rooms")
	x.expect("@bob   (you speak here)")
	x.expect("lobby")
	x.enter("/room nowhere")
	x.expect("you have not joined nowhere")
	x.enter("/leave dev")
	x.expect("you have left dev, and speak with bob alone now")
	x.enter("/leave lobby")
	x.expect("nobody leaves the lobby")
	x.enter("/history x")
	x.expect("N is a number from 1 to 500")
	x.enter("/join")
	x.expect("it is /join ROOM")
	x.enter("/passwd")
	x.expect("New password: ")
	x.enter("a new password for alice")
	x.expect("Once more: ")
	x.enter("another")
	x.expect("These were not the same.")
	x.expect("New password: ")
	x.enter("a rather new passphrase")
	x.expect("Once more: ")
	x.enter("a rather new passphrase")
	x.expect("your password is changed")
	x.enter("/eject bob too loud")
	x.expect("sessions of bob ended: 1")
	x.enter("/help")
	for _, name := range []string{"/join", "/leave", "/room", "/msg", "/who", "/rooms", "/history", "/find", "/passwd", "/eject", "/help", "/quit"} {
		x.expect(name + " ")
	}
	x.enter("/quit")
	x.end(0)
	if strings.Contains(x.shown(), "rather new") {
		t.Error("the new password is shown")
	}
}

// An invited person is asked for a password of their own, twice, and is in.
func TestInvited(t *testing.T) {
	server := parleytest.Start(t)
	server.User("carol", "--invite")
	x := openTerminal(t, home(t), "--ca", server.CA, "carol@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("choose one of your own")
	x.expect("New password: ")
	x.enter("short")
	x.expect("Once more: ")
	x.enter("short")
	x.expect("that password is too weak")
	x.expect("New password: ")
	x.enter("my very own passphrase")
	x.expect("Once more: ")
	x.enter("my very own passphrase")
	x.expect("you are carol, and speak in lobby")
	x.enter("/eject carol for fun")
	x.expect("only admins can")
	x.enter("\x04")
	x.end(0)
	if strings.Contains(x.shown(), "PASSWD") {
		t.Error("the server's words for programs are shown")
	}
	server.Dial().Hello("carol", "my very own passphrase")
}

// A paste of many lines keeps within the server's rate by itself, and in order.
func TestPaste(t *testing.T) {
	server := parleytest.Start(t, "--log-level", "debug")
	server.User("alice")
	server.User("bob")
	bob := server.SignIn("bob")
	x := openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("speak in lobby")
	const lines = 75
	x.enter("\x1b[200~" + strings.Repeat("pasted\r", lines-1) + "the last" + "\x1b[201~")
	for range lines - 1 {
		bob.Await("|lobby|alice|pasted")
	}
	bob.Await("|lobby|alice|the last")
	// Its clock and the server's may be a message apart.
	if n := strings.Count(server.Log(), `"event":"line.limited"`); n > 2 {
		t.Errorf("the server had to slow it down %d times", n)
	}
}

// The server is killed under two people: each is told so, and nobody misses anything.
func TestServerKilledUnderTheTerminal(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	server.User("bob")
	x := openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("speak in lobby")
	server.Kill()
	x.expect("connection lost; trying again")
	x.enter("typed while it was down")
	server.Launch()
	bob := server.SignIn("bob")
	bob.Do("MSG|said while alice was away")
	x.expect("back")
	bob.Await("|lobby|alice|typed while it was down")
	x.enter("/history")
	x.expect("messages: 2")
	if n := strings.Count(x.shown(), "said while alice was away"); n < 1 || n > 2 { // missed or live; and in /history
		t.Errorf("shown %d times", n)
	}
	x.enter("/quit")
	x.end(0)
}

// A stored session is for one process at a time; another needs the password once, and keeps one of its own. Leaving by Ctrl-D keeps it, /quit ends it.
func TestStoredSession(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	env := home(t)
	account := "alice@" + server.Addr
	send := func(text string) int {
		cmd := exec.Command(parleytest.Build(t, "parley"), "--ca", server.CA, "send", account, "lobby", text)
		cmd.Env = env
		cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	signIn := func() *terminal {
		x := openTerminal(t, env, "--ca", server.CA, account)
		x.expect("Password of")
		x.enter(parleytest.Password)
		x.expect("speak in lobby")
		return x
	}
	stored := filepath.Join(env[slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, "HOME=") && s != "HOME="+os.Getenv("HOME") })][5:],
		".local", "state", "parley", account)

	x := signIn()
	if info, err := os.Stat(stored); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if dir, err := os.Stat(filepath.Dir(stored)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Fatal(dir, err)
	}
	if code := send("while the terminal has it"); code != 2 {
		t.Errorf("a second process ends with %d", code)
	}
	second := openTerminal(t, env, "--ca", server.CA, account)
	second.expect("another parley uses the stored session")
	second.expect("Password of")
	second.enter(parleytest.Password)
	second.expect("speak in lobby")
	second.enter("\x04")
	second.end(0)
	if code := send("while the terminal has it, with a session of its own"); code != 0 {
		t.Errorf("a second process ends with %d", code)
	}
	x.enter("\x04")
	x.end(0)

	// Many at once: one or more of them find it free, and none breaks it for the next.
	codes := make(chan int)
	for range 6 {
		go func() { codes <- send("at once") }()
	}
	for range 6 {
		if code := <-codes; code != 0 && code != 2 {
			t.Errorf("one of many ends with %d", code)
		}
	}
	if code := send("after all"); code != 0 {
		t.Fatalf("the stored session is lost: %d", code)
	}

	// A process that is killed leaves it to the next.
	x = openTerminal(t, env, "--ca", server.CA, account)
	x.expect("speak in lobby")
	x.enter("/passwd")
	x.expect("/quit, start again with your password, then /passwd")
	x.cmd.Process.Kill()
	x.end(-1)
	if code := send("after the kill"); code != 0 {
		t.Fatalf("the stored session is lost: %d", code)
	}

	x = openTerminal(t, env, "--ca", server.CA, account)
	x.expect("speak in lobby")
	x.enter("/quit")
	x.end(0)
	if _, err := os.Stat(stored); !os.IsNotExist(err) {
		t.Errorf("after /quit: %v", err)
	}
	if err := os.Remove(stored + "#2"); err != nil {
		t.Error(err)
	}
	if code := send("signed out"); code != 2 {
		t.Errorf("after /quit: %d", code)
	}
}

// A terminal that can't move its cursor gets lines and nothing else; one whose person wants no colours gets line mode without them.
func TestDumbTerminal(t *testing.T) {
	for _, kind := range []string{"TERM=dumb", "TERM=", "NO_COLOR=1"} {
		t.Run(kind, func(t *testing.T) { talkPlainly(t, kind) })
	}
}

func talkPlainly(t *testing.T, kind string) {
	server := parleytest.Start(t, "--guests")
	server.User("bob")
	bob := server.SignIn("bob")
	x := openTerminal(t, append(onFullScreen(t), kind), "--ca", server.CA, "--guest", "visitor@"+server.Addr)
	x.expect("* you are ~visitor, and speak in lobby")
	x.expect("lobby> ")
	bob.Do("MSG|hello visitor")
	x.expect(" bob: hello visitor")
	x.enter("hello bob")
	bob.Await("|lobby|~visitor|hello bob")
	x.enter("/who")
	x.expect("bob, ~visitor")
	x.enter("/msg bob psst")
	x.expect("guests cannot talk to one person alone")
	x.enter("/passwd")
	x.expect("guests have no password")
	x.enter("/quit")
	x.end(0)
	if shown := x.shown(); kind == "NO_COLOR=1" && regexp.MustCompile("\x1b\\[[0-9;]*m|\x1b\\[\\?1049h").MatchString(shown) || kind != "NO_COLOR=1" && strings.Contains(shown, "\x1b") {
		t.Error("an escape sequence is shown")
	}
}

// Ctrl-C ends at every stage, and the terminal is left as it was.
func TestInterrupted(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	x := openTerminal(t, home(t), "--ca", server.CA, server.Addr)
	x.expect("Name: ")
	x.enter("\x03")
	x.end(1)
	x = openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter("\x03")
	x.expect("interrupted")
	x.end(1)
	x = openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("speak in lobby")
	x.enter("\x03")
	x.end(0)
	x = openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	x.expect("speak in lobby")
	x.cmd.Process.Signal(os.Interrupt)
	x.end(0)
	if !strings.HasSuffix(x.shown(), "> \x1b[?2004l\r\n") {
		t.Error("the terminal still brackets pastes, or is left within a line")
	}
}

// Who failed too often waits, and what is typed meanwhile is neither shown nor said.
func TestThrottled(t *testing.T) {
	for range 5 {
		if throttled(t) {
			return
		}
	}
	t.Fatal("nobody ever waits")
}

// throttled is false where this machine stood still until the wait was over.
func throttled(t *testing.T) bool {
	server := parleytest.Start(t, "--login-rate", "1")
	server.User("alice")
	for range 2 { // so that it is more than a second
		for strings.Contains(server.Dial().Do("HELLO|alice|something wrong"), "|throttled|") {
			time.Sleep(100 * time.Millisecond)
		}
	}
	x := openTerminal(t, home(t), "--ca", server.CA, "alice@"+server.Addr)
	x.expect("Password of")
	x.enter(parleytest.Password)
	if x.expectOne("too many failed sign-ins; trying again in ", "speak in lobby") == 1 {
		return false
	}
	x.enter("an impatient guess")
	if strings.Contains(x.shown(), "speak in lobby") {
		return false
	}
	x.expect("speak in lobby")
	x.enter("/history")
	x.expect("messages: 0")
	x.enter("/quit")
	x.end(0)
	for _, text := range []string{"impatient", "no connection yet"} {
		if strings.Contains(x.shown(), text) {
			t.Errorf("%q is shown", text)
		}
	}
	return true
}
