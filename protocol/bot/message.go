package bot

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"parley/internal/client"
)

// Message is what somebody else said.
type Message struct {
	ID   int64 // only grows, over all rooms
	Time time.Time
	Room string // @name in a conversation, as Say takes it
	User string // who said it; a guest's begins with ~
	Text string // a stranger's: no control characters, and else anything

	bot  *Bot
	said int // by the present handling
}

// Reply says text where the message was said: see [Message.Say].
func (m *Message) Reply(ctx context.Context, text string) error { return m.Say(ctx, m.Room, text) }

// Say says text to a room that the bot has joined, or to @name, and waits until it is kept, over lost connections. Where the message is
// handled a second time, after a kill, the first text of that handling goes out under the same key as the first of this one, and so on: what was said is
// not said again. Errors: a *protocol.Error is the server's refusal, or says what is wrong with text or target; else ctx or the bot ended.
func (m *Message) Say(ctx context.Context, target, text string) error {
	m.said++
	_, err := m.bot.Say(ctx, target, fmt.Sprintf("re-%d-%d", m.ID, m.said), text)
	return err
}

// Say says text of the bot's own accord to a room that it has joined, or to @name, and returns the message's id once it is kept. What the account has said to
// this target under this key within 24 hours is not said again, and answers the first id: name what you say by what it is about
// ("backup-2026-01-31"), and it can be said again after any crash. A key is 1 to 64 of A-Z a-z 0-9 _ -; those that begin with re- are [Message.Say]'s. "" is a
// key that is nobody else's: then it is said once as long as this process lives. It may be called from any goroutine. Errors: as those of [Message.Say].
func (b *Bot) Say(ctx context.Context, target, key, text string) (int64, error) {
	if key == "" {
		key = client.NewKey()
	}
	post, err := b.client.PostOnce(ctx, target, key, text)
	if err != nil {
		return 0, err
	}
	return post.Wait(ctx)
}

// maxPassword bounds a password's file: more than a line of the protocol holds.
const maxPassword = 4096

// PasswordFile is a Config.Password that reads the first line of a file, which nobody else may be able to read (mode 0600 or less).
func PasswordFile(path string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("bot: others can read %s: chmod 600 it", path)
		}
		content, err := io.ReadAll(io.LimitReader(f, maxPassword))
		line, _, _ := strings.Cut(string(content), "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" && err == nil {
			err = fmt.Errorf("bot: %s is empty: the password is its first line", path)
		}
		return line, err
	}
}
