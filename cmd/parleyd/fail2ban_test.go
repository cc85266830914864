package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// victim is who forged lines would have banned. It never connects.
const victim = "198.51.100.66"

// denied is the line of the log that a forger wants.
const denied = `{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"refused","session":"00000000-0000-4000-8000-000000000000","from":"` +
	victim + `","name":"x","event":"signin.denied","command":"HELLO","code":"denied"}`

// matched asks fail2ban-regex whom the filter would have banned for a log, and how often each.
func matched(t *testing.T, log, mode string) map[string]int {
	t.Helper()
	filter := filepath.Join("..", "..", "docs", "ops", "fail2ban", "filter.d", "parleyd.conf")
	cmd := exec.Command(parleytest.Need(t, "fail2ban-regex"), "--usedns=no", "--out", "<ip>", log, filter+"[mode="+mode+"]")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if bytes.Contains(out, []byte("systemd library not found")) {
		parleytest.Missing(t, "python3-systemd is not installed")
	}
	if err != nil && len(out) == 0 && stderr.Len() > 0 { // it fails where nothing matches, too
		t.Fatalf("fail2ban-regex: %v\n%s", err, stderr.String())
	}
	hits := make(map[string]int)
	for address := range strings.FieldsSeq(string(out)) {
		hits[address]++
	}
	return hits
}

// fileOf keeps a log as the file that fail2ban would read.
func fileOf(t *testing.T, log string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parleyd.log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const journalRemote = "/lib/systemd/systemd-journal-remote"

// journalOf keeps a log in a journal, as journald would for parleyd.service, and names it as fail2ban-regex wants.
func journalOf(t *testing.T, log string) string {
	t.Helper()
	var entries strings.Builder
	for line := range strings.Lines(log) {
		fmt.Fprintf(&entries, "__REALTIME_TIMESTAMP=%d\n_BOOT_ID=%032d\n_HOSTNAME=chat\n_SYSTEMD_UNIT=parleyd.service\nSYSLOG_IDENTIFIER=parleyd\n_PID=42\nMESSAGE=%s\n\n",
			1767225600000000+entries.Len(), 1, strings.TrimSuffix(line, "\n"))
	}
	path := filepath.Join(t.TempDir(), "parleyd.journal")
	cmd := exec.Command(parleytest.Need(t, journalRemote), "--output", path, "-")
	cmd.Stdin = strings.NewReader(entries.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("systemd-journal-remote: %v\n%s", err, out)
	}
	return "systemd-journal[journalfiles=" + path + "]"
}

// holdBans compares whom the filter finds, by its mode, with whom it should find, in the log as a file and as a journal.
func holdBans(t *testing.T, log string, want map[string]map[string]int) {
	t.Helper()
	for kind, kept := range map[string]func(*testing.T, string) string{"file": fileOf, "journal": journalOf} {
		t.Run(kind, func(t *testing.T) {
			path := kept(t, log)
			for mode, hits := range want {
				if got := matched(t, path, mode); !maps.Equal(got, hits) {
					t.Errorf("%s: %v\nwant %v", mode, got, hits)
				}
			}
		})
	}
}

// TestFail2ban: the filter finds those who guess and those who flood by their addresses, IPv4 and IPv6, behind a proxy as well, and nobody else.
func TestFail2ban(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "fail2ban-regex")
	flags := []string{"--web-listen", "http://127.0.0.1:0", "--host", "chat.example.org", "--max-unauth-per-ip", "8", "--max-http-per-ip", "2",
		"--login-rate", "2", "--errors", "4", "--guests"}
	const six = "::1"
	if l, err := net.Listen("tcp", "["+six+"]:0"); err == nil {
		l.Close()
		flags = append(flags, "--listen", "["+six+"]:0")
	}
	s := parleytest.Start(t, untimed(flags...)...)
	s.User("alice")
	guess := func(from, name string) string {
		c := s.DialFrom(from)
		defer c.Close()
		return c.Code("HELLO|" + name + "|a wrong password")
	}
	signin, flood := map[string]int{"127.0.0.2": 1}, make(map[string]int)
	guess("127.0.0.2", "alice")
	for got := "denied"; got != "throttled"; { // the first waits are of a second or two
		got = guess("127.0.0.3", "nobody")
		if signin["127.0.0.3"]++; got != "denied" && got != "throttled" || signin["127.0.0.3"] > 10 {
			t.Fatalf("guess %d: %s", signin["127.0.0.3"], got)
		}
	}
	if m := regexp.MustCompile(`"addr":"(\[::1\]:\d+)"`).FindStringSubmatch(s.Log()); m != nil {
		four := s.Addr
		s.Addr = m[1]
		guess(six, "alice")
		s.Addr = four
		signin[six] = 1
	}
	// What a peer says itself stands before what the proxy adds, and counts for nothing.
	for address, said := range map[string]string{"203.0.113.9": "203.0.113.9", "203.0.113.10": victim + ", 203.0.113.10", "2001:db8::9": "2001:db8::9"} {
		conn, err := net.Dial("tcp", front(t, s, "web"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		upgraded(t, conn, wsRequest("chat.example.org", "https://chat.example.org", "X-Forwarded-For: "+said)).do("HELLO|alice|a wrong password")
		signin[address] = 1
	}

	for range 8 {
		defer s.DialFrom("127.0.0.5").Close()
	}
	if _, err := s.TryDialFrom("127.0.0.5"); err == nil {
		t.Fatal("a ninth stranger was let in")
	}
	flood["127.0.0.5"] = 1
	long := s.DialFrom("127.0.0.6")
	long.TLS.Write([]byte(strings.Repeat("x", 100<<10))) // it may be put out before it has said all
	long.Rest()
	wrong := s.DialFrom("127.0.0.7").Hello("alice", parleytest.Password)
	wrong.Send(strings.Repeat("NONE|\n", 5))
	wrong.Rest()
	flood["127.0.0.6"], flood["127.0.0.7"] = 1, 1

	alice := s.DialFrom("127.0.0.8").Hello("alice", parleytest.Password)
	alice.Do("MSG|hello")
	alice.Do("NONE|")
	alice.Do("EXIT|")
	guest := s.DialFrom("127.0.0.8")
	guest.Do("HELLO|visitor")
	guest.Do("JOIN|" + strings.Repeat("x", 99))
	guest.Do("EXIT|")
	if code := s.DialFrom("127.0.0.8").Code("NONE|"); code != "hello-first" {
		t.Fatal(code)
	}
	shy := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 8)}}
	if conn, err := tls.DialWithDialer(shy, "tcp", s.Addr, &tls.Config{ServerName: "localhost"}); err == nil { // it trusts other CAs
		conn.Close()
		t.Fatal("a certificate of nobody's is trusted")
	}
	s.Stop()
	if log := s.Log(); strings.Count(log, `"event":"session.open"`) != strings.Count(log, `"event":"session.close"`) || !strings.Contains(log, `"event":"handshake.failed","from":"127.0.0.8"`) {
		t.Errorf("the log is not whole")
	}
	holdBans(t, s.Log(), map[string]map[string]int{"signin": signin, "flood": flood})
	if strings.Contains(s.Log(), victim) {
		t.Error("a stranger's X-Forwarded-For is in the log")
	}
}

// TestFail2banForgery: nothing that a peer says makes a line of the log that has another address banned, nor does somebody who takes all there is.
func TestFail2banForgery(t *testing.T) {
	t.Parallel()
	parleytest.Need(t, "fail2ban-regex")
	s := parleytest.Start(t, unlimited("--max-unauth-per-ip", "0")...)
	s.User("bob")
	s.User("chief", "--admin")
	_, inner, _ := strings.Cut(denied, `"msg":`)
	sendForgeries(t, s, []string{"forged " + denied, `forged","msg":` + inner, `forged","from":"` + victim + `","name":"x","event":"signin.denied","x":"`, victim})
	conn, err := dialBrowser(s, s.Addr, "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	upgraded(t, conn, wsRequest(s.Addr, "https://"+s.Addr, "X-Forwarded-For: "+victim)).do("HELLO|bob|wrong")
	for _, head := range []string{victim, "forged" + denied, `forged","from":"` + victim} {
		asked(t, s, wsRequest("localhost", head, "X-Forwarded-For: "+victim))
	}
	s.Stop()
	if n := strings.Count(s.Log(), victim); n < 20 {
		t.Fatalf("only %d forgeries reached the log", n)
	}

	full := parleytest.Start(t, untimed("--max-conns", "1")...)
	defer full.DialFrom("127.0.0.2").Close()
	if _, err := full.TryDialFrom("127.0.0.3"); err == nil {
		t.Fatal("a second connection was let in")
	}
	logged(t, full, `"conn.refused","from":"127.0.0.3","bound":"max-conns"`)
	own := strings.Count(s.Log(), `"event":"signin.denied"`) + strings.Count(s.Log(), `"event":"signin.throttled"`)
	holdBans(t, s.Log()+full.Log(), map[string]map[string]int{"signin": {"127.0.0.1": own}, "flood": {}})
}
