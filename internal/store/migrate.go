package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"parley/auth"
	"parley/internal/chat"
	"parley/internal/stream"
)

// A single server's database is brought into a stream in this order: which database it is; the rows of the small tables, as they
// are; its messages, each an entry of its own, so that it can be taken back; the accounts; and that this was all. Everything but
// the messages may come twice, so that whoever is interrupted begins again; with the messages it goes on behind the last.

// ErrMigrating: a single server's database is being brought into the stream, and is not there whole.
var ErrMigrating = errors.New("a database is being brought into the stream: wait until parleyd migrate is done, or run it again where it was interrupted")

// broughtTable is a table whose rows are brought as they are.
type broughtTable struct {
	name    string
	columns string // a blob is followed by !
	order   string
}

var broughtTables = []broughtTable{
	{"rooms", "id name conversation maker locked topic said", "id"},
	{"members", "account room", "account, room"},
	{"invites", "account room", "account, room"},
	{"positions", "account room seen read", "account, room"},
	{"mutes", "account until", "account"},
	{"gone", "room id account", "room, id"},
	{"keys", "id time owner room key", "id"},
	{"tokens", "id hash! account family session room expires opened confirmed version", "id"},
}

// Of how many rows of a table an entry is, and of how many bytes: as JSON they may take more, but a row alone has a place.
const (
	broughtRows  = 100
	broughtBytes = 8 << 10
)

// export is the query for the rows as JSON arrays.
func (b broughtTable) export() string {
	var list []string
	for _, c := range strings.Fields(b.columns) {
		if name, blob := strings.CutSuffix(c, "!"); blob {
			c = "hex(" + name + ")"
		}
		list = append(list, c)
	}
	return fmt.Sprintf(`SELECT json_array(%s) FROM %s ORDER BY %s`, strings.Join(list, ", "), b.name, b.order)
}

// take is the statement that puts such rows in.
func (b broughtTable) take() string {
	var names, values []string
	for i, c := range strings.Fields(b.columns) {
		name, blob := strings.CutSuffix(c, "!")
		v := fmt.Sprintf("json_extract(value, '$[%d]')", i)
		if blob {
			v = "unhex(" + v + ")"
		}
		names, values = append(names, name), append(values, v)
	}
	return fmt.Sprintf(`INSERT OR REPLACE INTO %s (%s) SELECT %s FROM json_each(?)`, b.name, strings.Join(names, ", "), strings.Join(values, ", "))
}

// brought are rows of a table.
type brought struct {
	Table string          `json:"table"`
	Rows  json.RawMessage `json:"rows"`
}

func (b *brought) form() (form, any) { return form{subject: "rows"}, b }

// place: rows are no entries of their own, and come before any that is.
func (b *brought) place(*tx) {}

func (b *brought) apply(t *tx) (result, error) {
	for _, table := range broughtTables {
		if table.name == b.Table {
			clear(t.rooms)
			_, err := t.exec(table.take(), string(b.Rows))
			return result{what: quiet}, err
		}
	}
	return result{}, fmt.Errorf("%w: rows of a table %q", errUnknown, b.Table)
}

// exec runs what is needed too rarely to be prepared.
func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	return t.conn.ExecContext(context.Background(), query, args...)
}

// broughtMessage is a message that a single server had, with its id and time.
type broughtMessage struct{ chat.Entry }

func (b *broughtMessage) form() (form, any) {
	r := recordOf(b.Entry)
	r.ID, r.Time = b.ID, b.Time.UnixMilli()
	return form{subject: "brought", id: fmt.Sprintf("brought.%d", b.ID)}, r
}

func (b *broughtMessage) place(t *tx) {
	t.id, t.ms = max(t.id, b.ID), max(t.ms, b.Time.UnixMilli())
}

func (b *broughtMessage) apply(t *tx) (result, error) {
	r, err := t.makeRoom(b.Room)
	if err != nil {
		return result{}, err
	}
	if n, err := run(t.insertBrought, b.ID, t.seq); err != nil {
		return result{}, err
	} else if n == 0 { // it has come before
		_, err = t.eraseEntry.Exec(t.seq)
		return result{what: quiet}, err
	}
	text, words, room := b.Text, b.Text, r.word
	if text == "" {
		text, words, room = "\x00", "", "" // taken back
	}
	if _, err := t.insertMessage.Exec(b.ID, b.Time.UnixMilli(), r.id, b.Account, text, nil); err != nil {
		return result{}, err
	}
	if _, err := t.indexMessage.Exec(b.ID, room, words); err != nil {
		return result{}, err
	}
	// The rooms' rows have counted it.
	return result{what: quiet}, t.countUpTo(t.id)
}

// source says which database is being brought, and up to which entry and time it goes.
type source struct {
	Identity int64 `json:"identity"`
	ID       int64 `json:"id"`
	Time     int64 `json:"time"`
}

// moving begins, moved ends what is brought.
type (
	moving struct{ source }
	moved  struct{ source }
)

func (m *moving) form() (form, any)         { return form{subject: "moving", expect: new(uint64)}, m }
func (m *moving) place(*tx)                 {}
func (m *moving) apply(*tx) (result, error) { return result{what: quiet}, nil }
func (m *moved) form() (form, any)          { return form{subject: "moved", expect: new(uint64)}, m }
func (m *moved) place(t *tx)                { t.id, t.ms = max(t.id, m.ID), max(t.ms, m.Time) }
func (m *moved) apply(t *tx) (result, error) {
	return result{what: quiet}, t.countUpTo(t.id)
}

// settled fails with ErrMigrating while something is being brought.
func settled(ctx context.Context, s *stream.Stream) error {
	_, err := s.Last(ctx, "moving")
	if errors.Is(err, stream.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err = s.Last(ctx, "moved"); errors.Is(err, stream.ErrNotFound) {
		return ErrMigrating
	}
	return err
}

// Migrate brings the database of a single server, which must not have been started, into a stream that is new or where it was begun before. When it
// returns, everything is there, and the database is one that no server takes any more. progress is told now and then how many of the
// messages are there.
func (s *Store) Migrate(ctx context.Context, to *stream.Stream, progress func(done, of int)) error {
	m := &migration{w: s.writer, to: to, progress: progress}
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// LastID is the id of the last entry that the database has.
func (s *Store) LastID() int64 {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	return max(s.writer.applied, s.writer.backlog.last())
}

type migration struct {
	w        *writer
	to       *stream.Stream
	progress func(done, of int)
	from     source
}

func (m *migration) run(ctx context.Context) error {
	w := m.w
	if err := w.applyAll(full); err != nil {
		return err
	}
	if err := w.closeCounts(); err != nil {
		return err
	}
	m.from = source{w.identity, w.applied, w.seq.ms}
	done, err := m.begin(ctx)
	if done || err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{m.tables, m.messages, m.accounts, m.end} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin looks whether the stream is free, or ours.
func (m *migration) begin(ctx context.Context) (done bool, err error) {
	e, err := m.to.Last(ctx, "moving")
	switch {
	case errors.Is(err, stream.ErrNotFound):
		first, last, err := m.to.Ends(ctx)
		switch {
		case err != nil:
		case last >= first:
			err = errors.New("the stream is in use: it has entries already (an account that was made there is one); choose another with --nats-stream, or delete it (nats stream rm)")
		case first <= uint64(m.from.ID):
			err = fmt.Errorf("the stream begins at %d, and the database has entries up to %d: delete the stream, and have it made anew", first, m.from.ID)
		default:
			if _, err = push(ctx, m.to, &moving{m.from}); errors.Is(err, stream.ErrConflict) {
				return m.begin(ctx) // another was first
			}
		}
		return false, err
	case err != nil:
		return false, err
	}
	r, err := read[source](e.Data)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errUnknown, err)
	}
	if *r != m.from {
		return false, errors.New("another database, or another state of this one, is being brought into the stream: " +
			"delete the stream, and begin again")
	}
	_, err = m.to.Last(ctx, "moved")
	if errors.Is(err, stream.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = m.mark(ctx)
	}
	return err == nil, err
}

func (m *migration) tables(ctx context.Context) error {
	for _, table := range broughtTables {
		var rows []string
		size := 0
		put := func() error {
			if len(rows) == 0 {
				return nil
			}
			_, err := push(ctx, m.to, &brought{Table: table.name, Rows: json.RawMessage("[" + strings.Join(rows, ",") + "]")})
			rows, size = rows[:0], 0
			return err
		}
		var row string
		var failed error
		err := each(ctx, m.w.conn, table.export(), []any{&row}, func() {
			if failed == nil && (len(rows) == broughtRows || size+len(row) > broughtBytes) {
				failed = put()
			}
			rows, size = append(rows, row), size+len(row)
		})
		if err = errors.Join(err, failed); err == nil {
			err = put()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *migration) accounts(ctx context.Context) error {
	var list []auth.Account
	var a auth.Account
	var made int64
	err := each(ctx, m.w.conn, selectAccount+`ORDER BY name`,
		[]any{&a.Name, &a.Hash, &a.Admin, &a.Disabled, &a.Invited, &a.Removed, &made, &a.Version}, func() {
			a.Made, a.Version = milliseconds(made), 0
			a.Hash = []byte(string(a.Hash))
			list = append(list, a)
		})
	for i := range list {
		if err == nil {
			_, err = push(ctx, m.to, &change{auth.Change{Account: list[i]}})
		}
		if errors.Is(err, stream.ErrConflict) {
			err = nil // it is there
		}
	}
	return err
}

func (m *migration) end(ctx context.Context) error {
	if _, err := push(ctx, m.to, &moved{m.from}); err != nil && !errors.Is(err, stream.ErrConflict) {
		return err
	}
	return m.mark(ctx)
}

// mark keeps the database from being served: what is said from now on is in the stream.
func (m *migration) mark(ctx context.Context) error {
	_, err := m.w.conn.ExecContext(ctx, `UPDATE log SET stream = ?, seq = -1`, m.to.Identity())
	return err
}
