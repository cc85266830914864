package bot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"parley/internal/client"
)

// state is where the bot is: the newest message it has dealt with in each room and conversation, as a file that only one process has open.
// It belongs to Connect, and then to the goroutine of Run.
type state struct {
	path string
	lock *os.File
	kept kept
}

// kept is what the file holds.
type kept struct {
	Server string           `json:"server"`
	Name   string           `json:"name"`
	Direct bool             `json:"direct"` // conversations that are not in Rooms have begun since, and are dealt with whole
	Rooms  map[string]int64 `json:"rooms"`
}

// ErrInUse: another process runs with the same Config.Dir.
var ErrInUse = errors.New("bot: another process uses the same directory")

// openState locks and reads what dir holds of this account at this server; dir is made (mode 0700) where it is missing. Ids of another server's mean
// nothing here, so they are refused rather than mixed.
func openState(dir, server, name string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &state{path: filepath.Join(dir, "position.json")}
	var err error
	if s.lock, err = client.LockFile(s.path); err != nil {
		if errors.Is(err, client.ErrLocked) {
			err = ErrInUse
		}
		return nil, err
	}
	s.kept = kept{Server: server, Name: name, Rooms: make(map[string]int64)}
	if err := s.read(server, name); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *state) read(server, name string) error {
	content, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, &s.kept); err != nil || s.kept.Rooms == nil {
		return fmt.Errorf("bot: %s does not tell where the bot was: %w", s.path, errors.Join(err, errors.New("remove it, and the bot begins with what is said from then on")))
	}
	if s.kept.Server != server || s.kept.Name != name {
		return fmt.Errorf("bot: %s is of %s at %s: give each bot a directory of its own", s.path, s.kept.Name, s.kept.Server)
	}
	return nil
}

func (s *state) save() error {
	content, err := json.Marshal(s.kept)
	if err != nil {
		return err
	}
	return client.ReplaceFile(s.path, append(content, '\n'))
}

func (s *state) close() { s.lock.Close() }
