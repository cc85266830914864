package bot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/protocol/bot"
)

func secret(context.Context) (string, error) { return "a long enough passphrase", nil }

// moment is how long a good bot tries to reach nobody, and patience what a bad one has to say so.
const (
	moment   = 50 * time.Millisecond
	patience = 2 * time.Minute
)

// connect tries for so long; nobody listens there, so that its error is ctx's where cfg is good.
func connect(t *testing.T, cfg bot.Config, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	b, err := bot.Connect(ctx, cfg)
	if err == nil {
		b.Close()
		t.Fatal("connected to nobody")
	}
	return err
}

func TestConfig(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	good := bot.Config{Server: "127.0.0.1:1", Name: "echo", Password: secret, Rooms: []string{"lobby"}, Dir: t.TempDir(), Pin: ""}
	if err := connect(t, good, moment); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that is not there is not tried on: %v", err)
	}
	for says, change := range map[string]func(*bot.Config){
		"needed":    func(c *bot.Config) { c.Rooms = nil },
		"Dir":       func(c *bot.Config) { c.Dir = "" },
		"Password":  func(c *bot.Config) { c.Password = nil },
		`room "Up"`: func(c *bot.Config) { c.Rooms = []string{"Up"} },
		"port":      func(c *bot.Config) { c.Server = "localhost" },
		"ca.pem":    func(c *bot.Config) { c.CA = ca },
		"pin":       func(c *bot.Config) { c.Pin = "none" },
		"no password": func(c *bot.Config) {
			c.Password = func(context.Context) (string, error) { return "", errors.New("no password") }
		},
	} {
		bad := good
		bad.Dir = t.TempDir()
		change(&bad)
		if err := connect(t, bad, patience); !strings.Contains(err.Error(), says) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// TestDir: what is kept belongs to one bot, and is not guessed at where it is broken.
func TestDir(t *testing.T) {
	cfg := bot.Config{Server: "127.0.0.1:1", Name: "echo", Password: secret, Rooms: []string{"lobby"}, Dir: t.TempDir()}
	file := filepath.Join(cfg.Dir, "position.json")
	for content, says := range map[string]string{
		`{"server":"127.0.0.1:1","name":"other","rooms":{}}`:   "directory of its own",
		`{"server":"elsewhere:7443","name":"echo","rooms":{}}`: "directory of its own",
		`{"server":"127.0.0.1:1","name":"echo"}` + "\x00":      "remove it",
		``: "remove it",
		`{"server":"127.0.0.1:1","name":"echo","rooms":{"lobby":9}}` + "\n\n": "deadline",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		within := patience
		if says == "deadline" {
			within = moment
		}
		if err := connect(t, cfg, within); !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != content {
			t.Errorf("%q became %q", content, kept)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	// While one uses it, another does not.
	inside, done := make(chan struct{}), make(chan struct{})
	first := cfg
	first.Password = func(context.Context) (string, error) { close(inside); <-done; return "", errors.New("enough") }
	ended := make(chan error, 1)
	go func() { _, err := bot.Connect(t.Context(), first); ended <- err }()
	<-inside
	if err := connect(t, cfg, patience); !errors.Is(err, bot.ErrInUse) {
		t.Errorf("two at once: %v", err)
	}
	close(done)
	<-ended
	if err := connect(t, cfg, moment); errors.Is(err, bot.ErrInUse) {
		t.Error("it stays locked")
	}
}

func TestPasswordFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password.txt")
	for _, tt := range []struct {
		content string
		mode    os.FileMode
		want    string
		says    string
	}{
		{"a long one\nand more", 0o600, "a long one", ""}, {"a long one\r\n", 0o400, "a long one", ""}, {" spaces ", 0o600, " spaces ", ""},
		{"a long one\n", 0o640, "", "chmod 600"}, {"a long one\n", 0o604, "", "chmod 600"}, {"\nsecond", 0o600, "", "empty"}, {"", 0o600, "", "empty"},
	} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		got, err := bot.PasswordFile(path)(t.Context())
		if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q with mode %o: %q, %v", tt.content, tt.mode, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "long one") {
			t.Error("the password is in the error")
		}
	}
}
