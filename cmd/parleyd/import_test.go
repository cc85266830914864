package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/control"
	"parley/internal/parleytest"
)

// passwordHash is parleytest.Password by bcrypt, as htpasswd -B writes it.
const passwordHash = "$2y$04$jG41dKpNc4JDnG3/RMdpWunerDJyoFJA/UnZz.myOAtZWvO/GRxP6"

// TestUserImport: the same with a server and without one.
func TestUserImport(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	var want []string
	for _, prefix := range []string{"with-", "without-"} {
		if prefix == "without-" && s.Stop() != 0 {
			t.Fatal("it did not stop")
		}
		var lines strings.Builder
		for n := range control.MaxHashes + 3 { // more than one request
			fmt.Fprintf(&lines, "%s%d:%s\n", prefix, n, passwordHash)
		}
		want = append(want, prefix+"0", fmt.Sprint(prefix, control.MaxHashes+2), prefix+"crlf", prefix+"last")
		lines.WriteString("\n# a comment: " + passwordHash + "\n" + prefix + "crlf:" + passwordHash + "\r\n" + prefix + "last:" + passwordHash)
		file := filepath.Join(t.TempDir(), "htpasswd")
		if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		out := s.Run("", "user", "import", file, "--data", s.Data, "--bcrypt-cost", "4")
		if !strings.Contains(out, fmt.Sprintf("imported %d\n", control.MaxHashes+5)) {
			t.Errorf("it said %q", out)
		}
		bad := []string{"Upper:" + passwordHash, prefix + "0:" + passwordHash, prefix + "none", prefix + "md5:$apr1$x$y", prefix + "plain:" + parleytest.Password,
			prefix + "long:" + strings.Repeat(passwordHash, 10000), ":" + passwordHash, prefix + "dear:$2y$31" + passwordHash[6:]}
		_, out = fails(t, strings.Join(bad, "\n")+"\n"+prefix+"after:"+passwordHash+"\n", "user", "import", "-", "--data", s.Data, "--bcrypt-cost", "4")
		want = append(want, prefix+"after")
		for _, says := range []string{"line 1: ", "line 2: ", "line 3: not NAME:HASH", "line 4: ", "line 5: ", "line 6: longer", "line 7: ", "line 8: ", "imported 1\n", "8 lines were refused"} {
			if !strings.Contains(out, says) {
				t.Errorf("%q does not say %q", out, says)
			}
		}
		if strings.Contains(out, parleytest.Password) || strings.Contains(out, passwordHash[7:]) {
			t.Errorf("a password or a hash is in what it said: %q", out)
		}
	}
	if _, out := fails(t, "", "user", "import", filepath.Join(t.TempDir(), "none"), "--data", s.Data); !strings.Contains(out, "no such file") {
		t.Errorf("a file that is not there: %q", out)
	}
	s.Run("late:"+passwordHash, "user", "import", "--data", s.Data, "--bcrypt-cost", "4")
	want = append(want, "late")
	s.Launch()
	for _, name := range want {
		s.SignIn(name)
	}
	if strings.Contains(s.Log(), passwordHash[7:]) {
		t.Error("a hash is in the log")
	}
}
