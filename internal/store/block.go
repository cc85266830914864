package store

import (
	"encoding/binary"
	"strings"
	"time"

	"parley/internal/chat"
)

// A row of the table messages is a block: one message, and in its column more those
// that came after it in the same room and were brought into the database along with it.
// A room where little is said has a row a message; where much is said, a row
// costs as much but holds many. A block never changes but where a message is taken back, and blocks of a room do not overlap.
const (
	blockMessages = 64
	blockBytes    = 16 << 10 // of text, beyond which nothing more is added

	// How many ids a block spans at the most: the backlog has no gaps, and so many messages of it are made blocks at
	// once. Earlier versions did so with the whole backlog.
	blockSpan = applyMost
	wideSpan  = backlogMax
)

// A block on its way into the database.
type block struct {
	room  string
	first *chat.Entry
	last  int64
	more  []byte
	words *words // nil where there is one message alone
	count int
	bytes int
}

// blocks makes blocks of messages, in the order of their first ones.
func blocks(list []chat.Entry) (all []*block) {
	open := make(map[string]*block)
	for i := range list {
		e := &list[i]
		b := open[e.Room]
		if b == nil || b.count >= blockMessages || b.bytes >= blockBytes {
			b = &block{room: e.Room, first: e, last: e.ID, count: 1, bytes: len(e.Text)}
			open[e.Room] = b
			all = append(all, b)
			continue
		}
		b.add(e)
	}
	return all
}

func (b *block) add(e *chat.Entry) {
	if b.words == nil {
		b.words = newWords()
		b.words.add(b.first.Text)
	}
	b.words.add(e.Text)
	b.more = binary.AppendUvarint(b.more, uint64(e.ID-b.first.ID))
	b.more = binary.AppendUvarint(b.more, uint64(e.Time.UnixMilli()-b.first.Time.UnixMilli()))
	b.more = appendString(b.more, e.Account)
	b.more = appendString(b.more, e.Text)
	b.last = e.ID
	b.count++
	b.bytes += len(e.Text)
}

// text is what the search index is given of the block: its words, each once. Those of
// one message alone stay as they are.
func (b *block) text() string {
	if b.words == nil {
		return b.first.Text
	}
	return strings.Join(b.words.list, " ")
}

// words are the words of some texts, as Find's words are separated: by white space.
type words struct {
	list []string
	seen map[string]struct{}
}

func newWords() *words { return &words{seen: make(map[string]struct{})} }

func (w *words) add(text string) {
	for word := range strings.FieldsSeq(text) {
		if _, in := w.seen[word]; !in {
			w.seen[word] = struct{}{}
			w.list = append(w.list, word)
		}
	}
}

// unblock appends the messages of a row to list, oldest first.
func unblock(list []chat.Message, first chat.Message, more []byte) []chat.Message {
	first.Text = unlessErased(first.Text)
	list = append(list, first)
	for r := (fields{rest: string(more)}); len(r.rest) > 0; {
		m := chat.Message{Room: first.Room, ID: first.ID + int64(r.uvarint())}
		m.Time = first.Time.Add(time.Duration(r.uvarint()) * time.Millisecond)
		m.User, m.Text = r.string(), unlessErased(r.string())
		if r.bad {
			break
		}
		list = append(list, m)
	}
	return list
}

// unlessErased is a text as it is kept, "" where the message was taken back (see gone).
func unlessErased(text string) string {
	if strings.HasPrefix(text, "\x00") {
		return ""
	}
	return text
}

// lastOf is the id of the last message of a row.
func lastOf(first int64, more []byte) int64 {
	list := unblock(nil, chat.Message{ID: first}, more)
	return list[len(list)-1].ID
}

// fields reads what appendString and binary.AppendUvarint have written. What it returns shares rest's memory.
type fields struct {
	rest string
	bad  bool
}

func (f *fields) uvarint() (v uint64) {
	for i := 0; i < len(f.rest) && i < binary.MaxVarintLen64; i++ {
		c := f.rest[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			f.rest = f.rest[i+1:]
			return v
		}
	}
	f.rest, f.bad = "", true
	return 0
}

func (f *fields) string() string {
	n := f.uvarint()
	if n > uint64(len(f.rest)) {
		f.rest, f.bad = "", true
		return ""
	}
	s := f.rest[:n]
	f.rest = f.rest[n:]
	return s
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func milliseconds(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// message is e as it is read back.
func message(e *chat.Entry) chat.Message {
	return chat.Message{ID: e.ID, Time: e.Time, Room: e.Room, User: e.Account, Text: e.Text}
}
