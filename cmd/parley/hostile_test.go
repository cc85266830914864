package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"parley/internal/parleytest"
	"parley/tlsutil"
)

// evil is what a hostile server puts into every field that is shown: a clipboard write, a title, C1, a backspace, a turn of direction.
const evil = "\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\x1b[2J\u009b31m\u0090q\b\x7f\u202e\u2066\u2028"

// hostile is a server that a client trusts and should not: after HELLO it answers each line by what say returns.
func hostile(t *testing.T, say func(line string) string) (addr, ca string) {
	t.Helper()
	made, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(made.Cert, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, pair, say), made.CA
}

// serve answers each line as say has it, in a connection that begins with this certificate.
func serve(t *testing.T, pair tls.Certificate, say func(line string) string) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, NextProtos: []string{tlsutil.ALPN}})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { answer(conn, say) })
		}
	})
	return l.Addr().String()
}

func answer(conn net.Conn, say func(string) string) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		reply := say(strings.TrimSuffix(line, "\n"))
		if _, err := io.WriteString(conn, reply); err != nil || reply == "" {
			return
		}
	}
}

// obedient answers as a server does, with evil wherever it is for people.
func obedient(line string) string {
	command, rest, _ := strings.Cut(line, "|")
	switch command {
	case "HELLO":
		return "NOTE|" + evil + "\nOK|uuid|pt1.x|lobby\n"
	case "PING":
		return "OK|" + rest + "\n"
	case "LIST":
		if rest == "*" {
			return "OK|" + evil + "open:3\n"
		}
		return "OK|" + evil + "room:3:0:21|" + evil + "few:4:0:1|lobby:0:0:0\n"
	case "TOPIC":
		return "OK|" + evil + "topic\n"
	case "JOIN":
		return "OK|" + rest + "|1|0\n"
	case "WHO":
		return "OK|" + evil + "who|zed\n"
	case "HISTORY":
		return message + "GONE|5|" + evil + "few|" + evil + "author\nFUTURE|" + evil + "\nOK|3\n"
	case "EXIT":
		return "OK|bye\n"
	case "SEND":
		return "JOIN|" + evil + "|" + evil + "joined\nLEAVE|" + evil + "|" + evil + "\nHERE|" + evil + "|201\nNOTE|" + evil + "noted\n" + message +
			"TOPIC|" + evil + "|" + evil + "|" + evil + "set\nTOPIC|" + evil + "|" + evil + "|\nGONE|7|" + evil + "|" + evil + "gone\n" +
			"SEEN|" + evil + "|9\nFUTURE|" + evil + "\nLEAVE|" + evil + "|alice\nJOIN|" + evil + "|alice\nERROR|" + evil + "|" + evil + "refused\n"
	}
	return "ERROR|forbidden|" + evil + "explained\n"
}

const message = "MSG|4|2026-01-02T03:04:05.678Z|" + evil + "few|" + evil + "user|" + evil + "text\n"

// harmless fails the test where something that was shown could steer a terminal. colours allows the program's own sequences.
func harmless(t *testing.T, shown string, colours bool) {
	t.Helper()
	if !strings.Contains(shown, `\u{1b}]52;c;`) {
		t.Errorf("nothing of it is shown at all: %q", shown)
	}
	if colours {
		for _, own := range []string{"\x1b[?2004h", "\x1b[?2004l", "\r"} {
			shown = strings.ReplaceAll(shown, own, "")
		}
		shown = ownSequences(shown)
	}
	for i, r := range shown {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == unicode.ReplacementChar) {
			t.Fatalf("%U is shown: %q", r, shown[max(0, i-40):min(len(shown), i+40)])
		}
	}
}

// ownSequences removes colours and the moves of line editing: CSI, digits and ;, and one of m A C D K.
func ownSequences(s string) string {
	parts := strings.Split(s, "\x1b[")
	for i, part := range parts[1:] {
		end := strings.TrimLeft(part, "0123456789;")
		if end != "" && strings.Contains("mACDK", end[:1]) {
			parts[i+1] = end[1:]
		} else {
			parts[i+1] = "\x1b[" + part
		}
	}
	return strings.Join(parts, "")
}

func TestEscapesDoNotReachTheTerminal(t *testing.T) {
	addr, ca := hostile(t, obedient)
	x := openTerminal(t, home(t), "--ca", ca, "alice@"+addr)
	x.expect("Password of")
	x.enter("whatever it is")
	x.expect("you are alice")
	x.expect("room: 21 unread")
	x.expect("text") // the one unread message
	x.enter("hello")
	x.expect("refused")
	x.enter("/join a")
	x.expect("the topic is: ")
	x.enter("/topic")
	x.expect("the topic of a is: ")
	for _, command := range []string{"/leave a", "/find a", "/invite bob", "/expel bob", "/lock", "/open"} {
		x.enter(command)
		x.expect("explained")
	}
	x.enter("/who")
	x.expect("zed")
	x.enter("/rooms")
	x.expect("room   21 unread")
	x.expect("open   members: 3")
	x.enter("/history")
	x.expect("author was taken back")
	x.expect("messages: 2")
	x.enter("/quit")
	x.end(0)
	harmless(t, x.shown(), true)
}

func TestEscapesDoNotReachPipes(t *testing.T) {
	addr, ca := hostile(t, func(line string) string {
		if strings.HasPrefix(line, "LIST|") {
			return "OK|lobby:5:0:0\n"
		}
		return strings.NewReplacer("|"+evil+"few|"+evil+"user", "|lobby|"+evil+"user", "|"+evil+"few|"+evil+"author", "|lobby|"+evil+"author").Replace(obedient(line))
	})
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(parleytest.Build(t, "parley"), append([]string{"--ca", ca}, args...)...)
		cmd.Env = append(home(t), "PARLEY_PASSWORD=whatever it is")
		cmd.Stdin = strings.NewReader(stdin)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	harmless(t, run("hello\n", "alice@"+addr), false)
	harmless(t, run("", "send", "alice@"+addr, "lobby", "hello"), false)
	harmless(t, run("", "tail", "alice@"+addr, "lobby", "--after", "0", "--count", "1"), false)

	out := run("", "tail", "alice@"+addr, "lobby", "--after", "0", "--count", "1", "--json")
	i := strings.Index(out, "{\"id\"")
	line, _, _ := strings.Cut(out[i:], "\n")
	for _, r := range line {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' {
			t.Errorf("%U in %q", r, line)
		}
	}
	var object struct{ User, Text string }
	if err := json.Unmarshal([]byte(line), &object); err != nil || object.Text != evil+"text" || object.User != evil+"user" {
		t.Errorf("%q: %v", line, err)
	}
}

// The reason of a BYE, and a refusal of HELLO, come from a server too.
func TestEscapesInTheLastWord(t *testing.T) {
	for name, last := range map[string]string{
		"ejected": "BYE|ejected|" + evil + "\n",
		"denied":  "ERROR|" + evil + "|" + evil + "\n",
	} {
		addr, ca := hostile(t, func(line string) string {
			if strings.HasPrefix(line, "HELLO|") && name == "denied" {
				return last
			} else if strings.HasPrefix(line, "LIST|") {
				return last + "OK|\nOK|again\n"
			}
			return obedient(line)
		})
		cmd := exec.Command(parleytest.Build(t, "parley"), "--ca", ca, "send", "alice@"+addr, "lobby", "hello")
		cmd.Env = append(home(t), "PARLEY_PASSWORD=whatever it is")
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 4 {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
		harmless(t, string(out), false)
	}
}

// A server that is not trusted gets no byte of HELLO; one that speaks another protocol is given up.
func TestRogueServer(t *testing.T) {
	made, err := tlsutil.MakeCerts(tlsutil.Options{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 100)
	addr, _ := hostile(t, func(line string) string { got <- line; return "OK|\n" })
	for name, args := range map[string][]string{
		"another CA":  {"--ca", made.CA},
		"another pin": {"--pin", made.Pin},
		"the system":  nil,
	} {
		cmd := exec.Command(parleytest.Build(t, "parley"), append(args, "send", "alice@"+addr, "lobby", "hello")...)
		cmd.Env = append(home(t), "PARLEY_PASSWORD=whatever it is")
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(out), "not trusted") {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
	}
	if len(got) > 0 {
		t.Errorf("the rogue server was told %q", <-got)
	}
}

// A token file that others can read, or that holds anything else, is not used; a token that the server does not know is, once.
func TestUselessTokenFile(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	dir := t.TempDir()
	account := "alice@" + server.Addr
	stored := filepath.Join(dir, "parley", account)
	os.Mkdir(filepath.Dir(stored), 0o700)
	for _, test := range []struct {
		token string
		mode  os.FileMode
		code  int
		says  string
		kept  bool
	}{
		{server.SignIn("alice").Token(), 0o644, 2, "others may have read it", true},
		{"pt1.unknown", 0o600, 4, "the session has ended at the server", false},
		{"", 0o600, 2, "PARLEY_PASSWORD", true},
		{"pt1.A\npt1.B", 0o600, 2, stored + " does not hold a resume token", true},
		{"hunter2", 0o600, 2, stored + " does not hold a resume token", true},
		{"pt1.\x1b[2J", 0o600, 2, stored + " does not hold a resume token", true},
		{"pt1." + strings.Repeat("A", 5000), 0o600, 2, stored + " does not hold a resume token", true},
	} {
		os.Remove(stored)
		os.WriteFile(stored, []byte(test.token+"\n"), test.mode)
		cmd := exec.Command(parleytest.Build(t, "parley"), "--ca", server.CA, "send", account, "lobby", "hi")
		cmd.Env = append(home(t), "XDG_STATE_HOME="+dir)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("%q: exit code %d\n%s", test.token, code, out)
		}
		if _, err := os.Stat(stored); (err == nil) != test.kept {
			t.Errorf("%q: afterwards %v", test.token, err)
		}
	}
}

// A server that signs everybody in and then never answers a message as it should is given up, with what is wrong.
func TestMessageWithoutAnAnswer(t *testing.T) {
	for answer, says := range map[string]string{
		"OK|banana\n":         "other than its id",
		"OK|-5\n":             "other than its id",
		"OK|0\n":              "other than its id",
		"OK|\n":               "other than its id",
		"ERROR|denied|\xff\n": "breaks the protocol",
		"NOTE|not now\n":      "the server is silent",
	} {
		for name, args := range map[string]func(account string) []string{
			"send":  func(account string) []string { return []string{"send", account, "lobby", "hello"} },
			"piped": func(account string) []string { return []string{account} },
		} {
			t.Run(name+" "+strings.TrimSpace(answer), func(t *testing.T) {
				t.Parallel()
				addr, ca := hostile(t, func(line string) string {
					switch command, _, _ := strings.Cut(line, "|"); command {
					case "SEND":
						return answer
					case "LIST":
						return "OK|lobby:0:0:0\n"
					case "HELLO":
						return "OK|uuid|pt1.x|lobby\n"
					}
					return "OK|\n"
				})
				program := parleytest.Build(t, "parley")
				// Where this machine stands still for longer than that, there may be another reason to give up.
				for giveUp := time.Second; ; giveUp *= 3 {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
					defer cancel()
					cmd := exec.CommandContext(ctx, program, append([]string{"--ca", ca, "--give-up", giveUp.String()}, args("alice@"+addr)...)...)
					cmd.Env = append(home(t), "PARLEY_PASSWORD=whatever it is")
					cmd.Stdin = strings.NewReader("hello\n")
					out, _ := cmd.CombinedOutput()
					code := cmd.ProcessState.ExitCode()
					if code == 5 && strings.Contains(string(out), says) {
						return
					}
					if giveUp > 10*time.Second {
						t.Fatalf("exit code %d\n%s", code, out)
					}
					t.Logf("exit code %d after %v\n%s", code, giveUp, out)
				}
			})
		}
	}
}
