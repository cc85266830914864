package store

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
)

// The search index keeps what are pages to it as rows of the table search_data, each as large as one of SQLite's pages. Rows that have
// lost most of their words stay alone on their pages, since SQLite joins pages where a row goes, not where one gets
// smaller. So, where that has come of many, these rows are taken out and put back as they are.

const (
	compactSmall = pageSize / 3 // of a row; and of what is in use on a page that is to be joined with others
	compactLeast = 64           // such pages are worth it
	compactPart  = 8            // and this part of all
	compactRows  = 64           // in one transaction
	compactFirst = 1 << 37      // ids of search_data from here on are pages; see eraseStatements.separators
)

// compact joins the pages of the search index that are nearly empty, where there are many.
func (s *Store) compact(ctx context.Context) error {
	var pages, sparse int
	err := s.reads.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE unused > ?) FROM dbstat WHERE name = 'search_data'`, pageSize-compactSmall).
		Scan(&pages, &sparse)
	if err != nil {
		return fmt.Errorf("look at the search index: %w", err)
	}
	if sparse < compactLeast || sparse < pages/compactPart {
		return nil
	}
	var small []int64
	var id int64
	err = each(ctx, s.reads, `SELECT id FROM search_data WHERE id >= ? AND length(block) < ? ORDER BY id`, []any{&id}, func() { small = append(small, id) },
		compactFirst, compactSmall)
	if err != nil {
		return fmt.Errorf("look at the search index: %w", err)
	}
	for len(small) > 0 && ctx.Err() == nil {
		n := min(len(small), compactRows)
		if err := s.writer.compactSome(small[:n]); err != nil {
			return err
		}
		small = small[n:]
		s.writer.checkpoint()
		runtime.Gosched()
	}
	return ctx.Err()
}

// compactSome takes rows of the search index out and puts them back, as far as they are there still.
func (w *writer) compactSome(ids []int64) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err() != nil {
		return w.Err()
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.blame(&w.scrubs, err)
		}
	}()
	if err := w.promise(normal); err != nil {
		return err
	}
	if _, err := w.stmt.begin.Exec(); err != nil {
		return err
	}
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`CREATE TEMP TABLE put_back AS SELECT d.id, d.block FROM json_each(?) n CROSS JOIN search_data d ON d.id = n.value`, []any{string(list)}},
		{`DELETE FROM search_data WHERE id IN (SELECT id FROM put_back)`, nil},
		{`INSERT INTO search_data (id, block) SELECT id, block FROM put_back ORDER BY id`, nil},
		{`DROP TABLE put_back`, nil},
	} {
		if _, err = w.conn.ExecContext(context.Background(), s.sql, s.args...); err != nil {
			break
		}
	}
	if err == nil {
		_, err = w.stmt.commit.Exec()
	}
	if err != nil {
		w.stmt.rollback.Exec()
	}
	return err
}
