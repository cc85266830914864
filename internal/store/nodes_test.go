package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/internal/chat"
	"parley/internal/parleytest"
)

// told is what a node's tail was told but of messages that were taken back: they may be so before a node comes to them.
func (n *witness) told() (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.news {
		_, gone := n.w.gone[max(e.Message, e.ID)]
		if e.Kind == chat.Said && gone || e.Kind == chat.Gone {
			continue
		}
		e.Limits = chat.Limits{}
		list = append(list, fmt.Sprintf("%+v", e))
	}
	return list
}

// wantSame closes all nodes, and wants their tables to be the same.
func (w *world) wantSame() {
	w.t.Helper()
	first := w.nodes[0]
	var want []string
	for i, n := range w.nodes {
		if err := n.Close(); err != nil {
			w.t.Fatal(err)
		}
		got := tables(w.t, n.dir)
		if i == 0 {
			want = got
		}
		wantLines(w.t, fmt.Sprintf("tables of %s and %s", first.dir, n.dir), got, want)
	}
}

func wantLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		line := func(list []string) string { return strings.Join(list[min(i, len(list)):min(i+1, len(list))], "") }
		if line(got) != line(want) {
			t.Fatalf("%s: line %d\n%s\n%s", what, i, line(got), line(want))
		}
	}
}

// tables are the rows of a closed database, without what is a node's own: texts that were taken back have lost
// their length where they came late, and rooms may have other numbers.
func tables(t testing.TB, dir string) (lines []string) {
	t.Helper()
	db := raw(t.(*testing.T), dir)
	defer db.Close()
	const name = `(SELECT name FROM rooms r WHERE r.id = t.room)`
	for _, q := range []string{
		`SELECT 'log', last_id, last_time, stream FROM log`,
		`SELECT 'account', name, hash, admin, disabled, invited, removed, made, version FROM accounts ORDER BY name`,
		`SELECT 'token', id, hex(hash), account, family, session, room, expires, opened, confirmed, version FROM tokens ORDER BY id`,
		`SELECT 'room', name, conversation, maker, locked, topic, said FROM rooms ORDER BY name`,
		`SELECT 'member', account, ` + name + ` FROM members t ORDER BY 2, 3`,
		`SELECT 'invite', account, ` + name + ` FROM invites t ORDER BY 2, 3`,
		`SELECT 'position', account, ` + name + `, seen, read FROM positions t ORDER BY 2, 3`,
		`SELECT 'gone', id, account, ` + name + ` FROM gone t ORDER BY 2`,
		`SELECT 'mute', account, until FROM mutes ORDER BY 2`,
		`SELECT 'key', id, time, owner, key, ` + name + ` FROM keys t WHERE time > (SELECT last_time - 86400000 FROM log) ORDER BY id`,
		`SELECT 'message', id, time, account, CASE WHEN instr(text, char(0)) THEN '' ELSE text END, ` + name + ` FROM messages t ORDER BY id`,
	} {
		rows, err := db.QueryContext(context.Background(), q)
		if err != nil {
			t.Fatal(q, err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%v", row))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

// TestNodesAgree has three nodes do all kinds of things at once: all come to the same tables, and tell
// the same in the same order.
func TestNodesAgree(t *testing.T) {
	t.Parallel()
	each := soak(400, 4000)
	if parleytest.Race {
		each = 100
	}
	for seed := range uint64(soak(2, 30)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, 3)
			w.people()
			w.run(each, seed)
			w.settle()
			for _, n := range w.nodes[1:] {
				wantLines(t, "what the tail was told", n.told(), w.nodes[0].told())
			}
			t.Logf("%d said, %d taken back, %d told", len(w.said), len(w.gone), len(w.nodes[0].news))
			w.wantSame()
		})
	}
}
