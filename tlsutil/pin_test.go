package tlsutil_test

import (
	"crypto/sha256"
	"encoding/base64"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/tlsutil"
)

func TestParsePin(t *testing.T) {
	zeros := "sha256/" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, bad := range []string{
		"", "sha256/", strings.TrimPrefix(zeros, "sha256/"), strings.ToUpper(zeros), "sha1/" + zeros[7:], "sha256//" + zeros[7:],
		strings.TrimRight(zeros, "="), zeros + "=", zeros + "\n", " " + zeros, zeros[:20] + "\n" + zeros[21:],
		"sha256/" + strings.Repeat("A", 42) + "B=", // bits that no byte holds
		"sha256/" + strings.Repeat("_", 43) + "=",  // the URL alphabet
		"sha256/" + base64.StdEncoding.EncodeToString(make([]byte, 31)), "sha256/" + base64.StdEncoding.EncodeToString(make([]byte, 33)),
		strings.Repeat("a", 1<<20),
	} {
		_, err := tlsutil.ParsePin(bad)
		if err == nil {
			t.Errorf("%q is taken for a pin", bad)
		} else if len(err.Error()) > 500 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
	sum, err := tlsutil.ParsePin(zeros)
	if err != nil || sum != [32]byte{} {
		t.Errorf("got %x, %v", sum, err)
	}
}

func FuzzParsePin(f *testing.F) {
	f.Add("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Add("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=")
	f.Add("sha256/\n")
	f.Fuzz(func(t *testing.T, pin string) {
		sum, err := tlsutil.ParsePin(pin)
		if err != nil {
			if sum != [sha256.Size]byte{} {
				t.Error("a hash came with the error")
			}
			return
		}
		if again := "sha256/" + base64.StdEncoding.EncodeToString(sum[:]); again != pin {
			t.Errorf("%q and %q are the same pin", pin, again)
		}
	})
}

// TestVerificationIsNeverOff reads every Go file of the project, tests included, for the field that turns verification off. Only pin.go may set it,
// once; TestTrust shows what it puts in its place. Tokens are read, not text: this file and others may speak of the field.
func TestVerificationIsNeverOff(t *testing.T) {
	const field = "InsecureSkipVerify"
	uses := map[string]int{}
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // somebody's temporary file
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		uses[filepath.ToSlash(path)] += count(src, field)
		return nil
	})
	check(t, err)
	if _, err := os.Stat("../go.mod"); err != nil || files < 10 {
		t.Fatalf("this is not the whole project: %d files, %v", files, err)
	}
	for path, n := range uses {
		if want := map[string]int{"../tlsutil/pin.go": 1}[path]; n != want {
			t.Errorf("%s uses %s %d times, want %d", path, field, n, want)
		}
	}
}

func count(src []byte, name string) int {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), src, nil, 0)
	n := 0
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return n
		}
		if tok == token.IDENT && lit == name {
			n++
		}
	}
}
