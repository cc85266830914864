package store

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
)

// An op is one write: plain data that could as well come from elsewhere, and
// what it does to the tables. What it does depends on the tables, its data, the
// entry's id and time, and Options.Tokens alone, never on the clock.
//
// An op that is refused has changed nothing: it looks before it writes. An
// error of apply is the database's, and fails the whole batch.
type op interface {
	apply(t *tx) (result, error)
}

// A result is what became of an op. err is set where it was refused.
type result struct {
	what  outcome
	entry chat.Entry
	err   error
}

type outcome uint8

const (
	refused  outcome = iota
	repeated         // kept nothing: entry is the first one with the key
	quiet            // kept, but no room cares
	shown            // kept, and the tail sees it
)

func (r result) kept() bool { return r.what >= quiet }

func refuse(err error) result { return result{what: refused, err: err} }

// A tx is the transaction that a batch is applied in, and the entry that the
// op being applied becomes if it is kept.
type tx struct {
	*statements
	conn *sql.Conn
	id   int64
	time time.Time
	ms   int64 // time as it is stored
	now  int64 // what the machine's clock shows: earlier than ms where it went back

	seq          int64           // of the entry in the stream; 0 where there is none
	start        int64           // from here on ids are sequences of the stream
	tokensKept   int             // Options.Tokens
	keys, tokens int             // rows added by this transaction
	rooms        map[string]room // that were used lately; emptied when a transaction fails
	said         counts          // messages of this transaction that the counters have not yet; see counts.go
	unsaid       counts          // the same of earlier transactions
	counted      int64           // entry up to which this transaction brought the counters; 0: it did not
	countedAt    int64           // the same of the last one that did
}

// entry returns e as this op's entry.
func (t *tx) entry(e chat.Entry) chat.Entry {
	e.ID, e.Time = t.id, t.time
	return e
}

// version is what an account's state is known by: its entry, and in a cluster the last of its subject.
func (t *tx) version() int64 { return max(t.id, t.seq) }

// run executes a statement and returns how many rows it changed.
func run(s *sql.Stmt, args ...any) (int64, error) {
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// found scans a row if there is one.
func found(row *sql.Row, into ...any) (bool, error) {
	err := row.Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// A room is where something is said: a room proper or a conversation.
type room struct {
	id   int64
	word string // stands for the room in the search index
}

// roomsKept bounds tx.rooms.
const roomsKept = 1 << 14

func newRoom(id int64) room { return room{id: id, word: "r" + strconv.FormatInt(id, 10)} }

func conversation(name string) bool { return strings.HasPrefix(name, "@") }

// findRoom returns the room with this name, if it is there.
func (t *tx) findRoom(name string) (room, bool, error) {
	if r, ok := t.rooms[name]; ok {
		return r, true, nil
	}
	var id int64
	ok, err := found(t.roomID.QueryRow(name), &id)
	if !ok {
		return room{}, false, err
	}
	return t.remember(name, id), true, nil
}

func (t *tx) remember(name string, id int64) room {
	if t.rooms == nil || len(t.rooms) >= roomsKept {
		t.rooms = make(map[string]room)
	}
	r := newRoom(id)
	t.rooms[name] = r
	return r
}

// makeRoom returns the room with this name, made where missing; a new
// conversation gets its two members.
func (t *tx) makeRoom(name string) (room, error) { return t.makeRoomBy(name, "", false) }

// makeRoomBy is makeRoom for a room that has a maker, and may be locked from the start.
func (t *tx) makeRoomBy(name, maker string, locked bool) (room, error) {
	r, ok, err := t.findRoom(name)
	if ok || err != nil {
		return r, err
	}
	var id int64
	if err := t.insertRoom.QueryRow(name, conversation(name), maker, locked).Scan(&id); err != nil {
		return room{}, err
	}
	r = t.remember(name, id)
	if conversation(name) {
		for account := range strings.SplitSeq(name[1:], "@") {
			if _, err := run(t.insertMember, account, id); err != nil {
				return room{}, err
			}
		}
	}
	return r, nil
}

// purgeSpare is how many rows beyond twice those added a transaction may purge.
const purgeSpare = 16

// purge removes expired keys and tokens: up to two for each that this
// transaction added, so that what is kept shrinks wherever much has expired
// and no transaction becomes long. Nothing else depends on when it happens.
//
// Keys expire by the log's time, tokens by the clock as well, as auth does it: with the
// log ahead of the clock, each new token would be gone before its first use. Nor may
// who reads a stream's entries late have lost a token that was spent in time, since the next one hangs on it.
func (t *tx) purge() error {
	if t.keys > 0 {
		if _, err := run(t.purgeKeys, t.ms-keyLife.Milliseconds(), 2*t.keys+purgeSpare); err != nil {
			return err
		}
	}
	if t.tokens > 0 {
		if _, err := run(t.purgeTokens, min(t.now, t.ms)-tokenGrace.Milliseconds(), 2*t.tokens+purgeSpare); err != nil {
			return err
		}
	}
	return nil
}
