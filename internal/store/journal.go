package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"parley/internal/chat"
)

// A journal is the file in which messages become durable before they are in the
// database: one write into room that was allocated before, one fdatasync, and no
// page, tree or index to touch. Whenever the database has everything that is in it, for
// good, it begins anew. It belongs to the sequencer goroutine.
//
// It is a header and then records, each with a check sum that goes on from the one
// before it. A journal that begins anew takes a new salt, from which the first sum
// goes on, so that nothing that an older one left behind is ever taken for a record.
type journal struct {
	file     *os.File
	syncer   *syncer
	identity int64  // of the database that it belongs to
	size     int64  // of the file
	end      int64  // where the next record goes; 0: the header is not written yet
	sum      uint32 // of the last record, or of the header
	synced   uint32 // the same, of what is on disk
	used     int64  // up to where the file may hold anything but zeros
	buf      []byte // what the next sync writes
}

// The header: magic, identity of the database, salt, and the check sum of these.
const (
	journalName   = "parley.journal"
	journalMagic  = "parleyj1"
	journalHeader = 8 + 8 + 8 + 4
	recordHeader  = 4 + 4 // length of what follows, check sum
	recordSpare   = recordHeader + 8*binary.MaxVarintLen64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errForeignJournal: the journal and the database do not go together.
var errForeignJournal = errors.New(journalName + " does not go with this parley.db: where that was put back from a copy, move " + journalName + " away first; else put both back")

// openJournal opens the journal at path, made where missing. It takes records after grow.
func openJournal(path string, identity int64) (*journal, error) {
	f, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{file: f, syncer: newSyncer(f), identity: identity, used: info.Size()}, nil
}

// grow makes room for size bytes. Where there is none on the disk, the file stays as it was.
func (j *journal) grow(size int64) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	// Zeroes are written, and room not only reserved: the first write into reserved
	// room has to tell the file system so, which makes its sync dearer.
	zeroes := make([]byte, 1<<20)
	for at := info.Size(); at < size && err == nil; at += int64(len(zeroes)) {
		_, err = j.file.WriteAt(zeroes[:min(int64(len(zeroes)), size-at)], at)
	}
	if err == nil && info.Size() < size {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.file.Truncate(info.Size()))
	}
	j.size = max(size, info.Size())
	return nil
}

// room is how many bytes of records fit still.
func (j *journal) room() int64 { return j.size - max(j.end, journalHeader) }

// need is how many bytes the record of e takes at the most.
func need(e *chat.Entry) int64 {
	return int64(recordSpare + len(e.Account) + len(e.Room) + len(e.Key) + len(e.KeyOwner) + len(e.Text))
}

// add puts a message into the buffer; sync makes it durable.
func (j *journal) add(e *chat.Entry) {
	if j.end == 0 && len(j.buf) == 0 {
		j.begin()
	}
	at := len(j.buf)
	j.buf = append(j.buf, make([]byte, recordHeader)...)
	j.buf = binary.AppendUvarint(j.buf, uint64(e.ID))
	j.buf = binary.AppendUvarint(j.buf, uint64(e.Time.UnixMilli()))
	for _, s := range []string{e.Account, e.Room, e.Key, e.KeyOwner, e.Text} {
		j.buf = appendString(j.buf, s)
	}
	record := j.buf[at:]
	binary.LittleEndian.PutUint32(record, uint32(len(record)-recordHeader))
	j.sum = recordSum(j.sum, record)
	binary.LittleEndian.PutUint32(record[4:], j.sum)
}

// recordSum is the check sum of a record, its own field left out, after one with this sum.
func recordSum(before uint32, record []byte) uint32 {
	return crc32.Update(crc32.Update(before, castagnoli, record[:4]), castagnoli, record[recordHeader:])
}

func (j *journal) begin() {
	j.buf = append(j.buf[:0], journalMagic...)
	j.buf = binary.LittleEndian.AppendUint64(j.buf, uint64(j.identity))
	salt := make([]byte, 8)
	rand.Read(salt)
	j.buf = append(j.buf, salt...)
	j.sum = crc32.Checksum(j.buf, castagnoli)
	j.buf = binary.LittleEndian.AppendUint32(j.buf, j.sum)
}

// errNotWritten: there was no room to write, though it was allocated: file systems that copy on
// write need it anew. Nothing was synced, so nothing counts.
var errNotWritten = errors.New("there is no room on the disk to write to it")

// notWritten tells a want of room, while writing, from errors after which nobody knows what is there.
func notWritten(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", errNotWritten, err)
	}
	return err
}

// sync writes what was added and returns when it is durable. After errNotWritten what was added is
// forgotten; after another error nobody knows what is there.
func (j *journal) sync() (err error) {
	if len(j.buf) == 0 {
		return nil
	}
	defer func() {
		if err == nil {
			j.synced = j.sum
		} else {
			j.sum, j.buf = j.synced, j.buf[:0]
		}
	}()
	j.used = max(j.used, j.end+int64(len(j.buf)))
	if err := j.syncer.write(j.buf, j.end); err != nil {
		return fmt.Errorf("write to %s: %w", j.file.Name(), err)
	}
	j.end += int64(len(j.buf))
	j.buf = j.buf[:0]
	return nil
}

// restart lets the next record be the first: the database has all others, and keeps them.
func (j *journal) restart() { j.end, j.sum, j.synced, j.buf = 0, 0, 0, j.buf[:0] }

// remove deletes the journal: the database has it all.
func (j *journal) remove() error {
	return errors.Join(os.Remove(j.file.Name()), j.close())
}

func (j *journal) close() error {
	j.syncer.close()
	return j.file.Close()
}

// read returns the messages above after, and goes on behind the last record. They must begin with the one that
// follows it: else the database is not the one that the journal was written beside.
func (j *journal) read(after int64) (list []chat.Entry, err error) {
	all, err := io.ReadAll(io.NewSectionReader(j.file, 0, 1<<40))
	if err != nil || len(all) < journalHeader || !bytes.HasPrefix(all, []byte(journalMagic)) {
		return nil, err
	}
	sum := crc32.Checksum(all[:journalHeader-4], castagnoli)
	if binary.LittleEndian.Uint32(all[journalHeader-4:]) != sum {
		return nil, nil
	}
	j.end, j.size = journalHeader, int64(len(all))
	for rest := all[journalHeader:]; ; j.sum, j.synced = sum, sum {
		e, size := readRecord(rest, &sum)
		if size == 0 {
			break
		}
		j.end += int64(size)
		rest = rest[size:]
		switch {
		case int64(binary.LittleEndian.Uint64(all[8:])) != j.identity:
			return nil, errForeignJournal
		case e.ID <= after:
		case e.ID != after+1:
			return nil, fmt.Errorf("%w (the database ends with entry %d, the journal goes on with %d)", errForeignJournal, after, e.ID)
		default:
			list = append(list, e)
			after++
		}
	}
	return list, nil
}

// readRecord reads the first record of b, whose sum goes on from *sum; its size is 0 where there is none.
func readRecord(b []byte, sum *uint32) (e chat.Entry, size int) {
	if len(b) < recordHeader {
		return e, 0
	}
	size = recordHeader + int(binary.LittleEndian.Uint32(b))
	if size == recordHeader || size > len(b) {
		return e, 0
	}
	b = b[:size]
	next := recordSum(*sum, b)
	if binary.LittleEndian.Uint32(b[4:]) != next {
		return e, 0
	}
	*sum = next
	r := fields{rest: string(b[recordHeader:])}
	e = chat.Entry{Kind: chat.Said, ID: int64(r.uvarint()), Time: milliseconds(int64(r.uvarint()))}
	for _, s := range []*string{&e.Account, &e.Room, &e.Key, &e.KeyOwner, &e.Text} {
		*s = r.string()
	}
	if r.bad {
		return e, 0
	}
	return e, size
}

// hasJournal says whether the process before this one has left its journal.
func hasJournal(path string) bool {
	_, err := os.Lstat(filepath.Join(filepath.Dir(path), journalName))
	return err == nil
}
