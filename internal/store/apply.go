package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"parley/internal/chat"
)

// apply changes the tables in one transaction: first by messages of the backlog,
// which then leave it, then by a batch, whose items' results it sets. When it fails, nothing
// has changed. It runs under w.mu; with a batch, on the sequencer.
func (w *writer) apply(list []chat.Entry, batch []item, level durability) error {
	err := w.transact(level, func(t *tx) error {
		for some := range slices.Chunk(list, applyMost) {
			if err := t.putBlocks(some); err != nil {
				return err
			}
		}
		if err := w.applyBatch(batch); err != nil {
			return err
		}
		if t.id == w.applied {
			return errNothing
		}
		return nil
	})
	switch {
	case errors.Is(err, errNothing):
		return nil
	case err == nil:
		w.backlog.drop(len(list))
	}
	return err
}

// errNothing: a transaction kept nothing, so that there is nothing to wait for.
var errNothing = errors.New("nothing was kept")

// transact runs change in a transaction, which begins at the entry w.applied and ends at the one where change has left it.
// When it fails, nothing has changed. It runs under w.mu.
func (w *writer) transact(level durability, change func(*tx) error) (err error) {
	defer func() {
		if _, entry := err.(unfit); err != nil && !errors.Is(err, errNothing) && !entry {
			w.blame(&w.commits, err)
			w.lagging.Store(true)
		} else {
			w.lagging.Store(false)
		}
	}()
	if err = w.promise(level); err != nil {
		return err
	}
	t := &w.tx
	if _, err = w.stmt.begin.Exec(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// SQLite may have rolled back by itself; then this one fails, rightly.
			w.stmt.rollback.Exec()
			clear(t.rooms) // some may have been made in this transaction
		}
	}()
	t.keys, t.tokens = 0, 0
	clear(t.said)
	t.counted = 0
	t.id, t.ms, t.now = w.applied, 0, w.opts.Now().UnixMilli()
	if err = change(t); err != nil {
		return err
	}
	if err = t.endCounts(); err != nil {
		return err
	}
	if err = t.purge(); err != nil {
		return err
	}
	if _, err = w.stmt.writeCounter.Exec(t.id, t.ms, t.counted); err != nil {
		return err
	}
	if _, err = w.stmt.commit.Exec(); err != nil {
		return err
	}
	t.keepCounts()
	w.applied = t.id
	w.commits.worked()
	return nil
}

func (w *writer) applyBatch(batch []item) (err error) {
	t := &w.tx
	if len(batch) > 0 {
		t.id, t.ms, t.time = w.seq.id, w.seq.ms, w.seq.time
	}
	for i := range batch {
		t.id++
		if batch[i].result, err = batch[i].op.apply(t); err != nil {
			return err
		}
		if !batch[i].result.kept() {
			t.id--
		}
	}
	return nil
}

// promise sets what the connection's next commits promise. SQLite acts on this
// pragma while it prepares it, so a statement that is prepared once would not do.
func (w *writer) promise(level durability) error {
	if level == w.level {
		return nil
	}
	_, err := w.conn.ExecContext(context.Background(), "PRAGMA synchronous = "+string(level))
	if err == nil {
		w.level = level
	}
	return err
}

// settle makes all commits so far durable, whatever they promised, by committing the counter anew. It is
// changed and put back, since SQLite writes nothing where nothing is new.
func (w *writer) settle() error {
	err := w.promise(full)
	for _, ms := range []int64{w.seq.ms + 1, w.seq.ms} {
		if err == nil {
			_, err = w.stmt.writeCounter.Exec(w.applied, ms, 0)
		}
	}
	if err != nil {
		w.blame(&w.commits, err)
	}
	return err
}

// putBlocks keeps messages as blocks, and their keys.
func (t *tx) putBlocks(list []chat.Entry) error {
	for i := range list {
		e := &list[i]
		t.id, t.ms = e.ID, e.Time.UnixMilli()
		t.count(e)
		if e.Key == "" {
			continue
		}
		r, err := t.makeRoom(e.Room)
		if err != nil {
			return err
		}
		if _, err := t.takeKey(e, r); err != nil {
			return err
		}
	}
	for _, b := range blocks(list) {
		r, err := t.makeRoom(b.room)
		if err != nil {
			return err
		}
		if _, err := t.insertMessage.Exec(b.first.ID, b.first.Time.UnixMilli(), r.id, b.first.Account, b.first.Text, b.more); err != nil {
			return err
		}
		if _, err := t.indexMessage.Exec(b.first.ID, r.word, b.text()); err != nil {
			return err
		}
		runtime.Gosched() // nobody is waiting for this
	}
	return nil
}

// applySome brings the first part of the backlog into the database.
func (w *writer) applySome(level durability) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.backlog.view()
	if len(list) == 0 {
		return nil
	}
	return w.apply(list[:min(len(list), applyMost)], nil, level)
}

// applyAll brings all that is in the backlog now into the database.
func (w *writer) applyAll(level durability) error {
	for last := w.backlog.last(); ; {
		w.mu.Lock()
		done := w.applied >= last
		w.mu.Unlock()
		if done {
			return nil
		}
		if err := w.applySome(level); err != nil {
			return err
		}
	}
}

// applier brings the backlog into the database, and the database's own log into
// it, while nobody waits for it. It runs until done is closed.
func (w *writer) applier(done <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.backlog.some:
		case <-done:
			return
		}
		timer.Reset(applyAfter)
		select {
		case <-w.backlog.many:
		case <-timer.C:
		case <-done:
			return
		}
		if w.Err() != nil {
			return
		}
		// What fails is logged, and tried again with the next message or after a while.
		for n := len(w.backlog.view()); n > 0 && w.applySome(normal) == nil; n -= applyMost {
			runtime.Gosched()
		}
		if len(w.backlog.view()) > 0 {
			tell(w.backlog.some)
		}
		w.checkpoint()
	}
}
