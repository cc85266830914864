package main

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// TestRekey: a client may ask for new keys at any time (the K of openssl
// s_client, RFC 8446, 4.6.3), also long after the server has last written.
func TestRekey(t *testing.T) {
	t.Parallel()
	openssl := parleytest.Need(t, "openssl")
	s := parleytest.Start(t, "--write-timeout", "1s", "--handshake-timeout", "5m", "--login-timeout", "5m")
	s.User("alice")
	cmd := exec.Command(openssl, "s_client", "-connect", s.Addr, "-CAfile", s.CA, "-verify_return_error")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, both := io.Pipe() // what s_client says of itself is on standard error
	cmd.Stdout, cmd.Stderr = both, both
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enough := time.AfterFunc(parleytest.Patience, func() { cmd.Process.Kill() })
	defer enough.Stop()
	defer out.Close()
	lines := bufio.NewScanner(out)
	await := func(prefix string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return
			}
		}
		t.Fatalf("%s did not come", prefix)
	}
	io.WriteString(in, "HELLO|alice|"+parleytest.Password+"\n")
	await("OK|")
	time.Sleep(1200 * time.Millisecond) // longer than the write timeout: a deadline left behind is past
	io.WriteString(in, "K\n")
	await("KEYUPDATE")
	io.WriteString(in, "PING|with new keys\n")
	await("OK|with new keys")
	io.WriteString(in, "EXIT|\n")
	await("OK|bye")
	go io.Copy(io.Discard, out) // Wait waits until all is read
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
