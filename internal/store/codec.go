package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/auth"
	"parley/internal/chat"
)

// An op as the stream has it is a JSON object under a subject, whose first word says which op it is. What a program
// does not know in it, it must not pass over: another one that does would come to other tables.

// A form is an op on its way to the stream.
type form struct {
	subject string
	id      string // the stream keeps one entry of this id, for some time
	expect  *uint64
	data    []byte
}

// entryForms are the subjects of the entries that Append takes.
var entryForms = map[chat.Kind]string{
	chat.Said: "said", chat.Joined: "joined", chat.Left: "left",
	chat.Locked: "locked", chat.Opened: "opened", chat.Invited: "invited", chat.Expelled: "expelled", chat.TopicSet: "topic",
	chat.Muted: "muted", chat.Seen: "seen", chat.Gone: "gone",
}

// opForms read the ops of each subject.
var opForms = func() map[string]func([]byte) (op, error) {
	forms := map[string]func([]byte) (op, error){
		"account": readOp[accountRecord],
		"token":   readOp[tokenRecord],
		"spend":   readOp[spendRecord],
		"confirm": func(b []byte) (op, error) { return read[confirm](b) },
		"end":     func(b []byte) (op, error) { return read[endToken](b) },
		"family":  func(b []byte) (op, error) { return read[endFamily](b) },

		// What a single server had; see migrate.go.
		"moving":  func(b []byte) (op, error) { return read[moving](b) },
		"rows":    func(b []byte) (op, error) { return read[brought](b) },
		"brought": readOp[entryRecord],
		"moved":   func(b []byte) (op, error) { return read[moved](b) },
	}
	for kind, name := range entryForms {
		forms[name] = func(b []byte) (op, error) {
			r, err := read[entryRecord](b)
			if err != nil {
				return nil, err
			}
			return r.as(kind), nil
		}
	}
	return forms
}()

// read reads one JSON object and nothing else.
func read[T any](data []byte) (*T, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	v := new(T)
	if err := d.Decode(v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one object")
	}
	return v, nil
}

func readOp[T interface{ op() op }](data []byte) (op, error) {
	r, err := read[T](data)
	if err != nil {
		return nil, err
	}
	return (*r).op(), nil
}

// decode reads an entry of the stream.
func decode(subject string, data []byte) (op, error) {
	name, _, _ := strings.Cut(subject, ".")
	read := opForms[name]
	if read == nil {
		return nil, fmt.Errorf("%w: it has entries of the kind %q", errUnknown, name)
	}
	o, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%w: an entry of the kind %q: %w", errUnknown, name, err)
	}
	return o, nil
}

// errUnknown: somebody else, or a later version, has written to the stream.
var errUnknown = fmt.Errorf("the stream was %w", ErrNewer)

// encode writes an op for the stream.
func encode(o op) (form, error) {
	w, ok := o.(interface{ form() (form, any) })
	if !ok {
		return form{}, fmt.Errorf("store: %T has no form for the stream", o)
	}
	f, record := w.form()
	var err error
	f.data, err = json.Marshal(record)
	return f, err
}

// entryRecord is a chat.Entry. Times are milliseconds, as in the tables.
type entryRecord struct {
	Account string       `json:"account,omitempty"`
	Session string       `json:"session,omitempty"`
	Room    string       `json:"room,omitempty"`
	Key     string       `json:"key,omitempty"`
	Owner   string       `json:"owner,omitempty"`
	Text    string       `json:"text,omitempty"`
	User    string       `json:"user,omitempty"`
	Message int64        `json:"message,omitempty"`
	Until   int64        `json:"until,omitempty"`
	Lock    bool         `json:"lock,omitempty"`
	Recheck bool         `json:"recheck,omitempty"`
	Limits  *chat.Limits `json:"limits,omitempty"`

	// Of a message that was brought along, and, of one that is taken back, when it was said.
	ID   int64 `json:"id,omitempty"`
	Time int64 `json:"time,omitempty"`
}

func recordOf(e chat.Entry) entryRecord {
	r := entryRecord{
		Account: e.Account, Session: e.Session, Room: e.Room, Key: e.Key, Owner: e.KeyOwner, Text: e.Text,
		User: e.User, Message: e.Message, Lock: e.Lock, Recheck: e.Recheck,
	}
	if r.Owner == r.Account || r.Key == "" {
		r.Owner = ""
	}
	if !e.Until.IsZero() {
		r.Until = e.Until.UnixMilli()
	}
	if e.Limits != (chat.Limits{}) {
		r.Limits = &e.Limits
	}
	return r
}

func (r entryRecord) op() op { return r.as(chat.Said) }

func (r entryRecord) as(kind chat.Kind) op {
	e := chat.Entry{
		Kind: kind, Account: r.Account, Session: r.Session, Room: r.Room, Key: r.Key, KeyOwner: r.Owner, Text: r.Text,
		User: r.User, Message: r.Message, Lock: r.Lock, Recheck: r.Recheck,
	}
	if e.KeyOwner == "" && e.Key != "" {
		e.KeyOwner = e.Account
	}
	if r.Until != 0 {
		e.Until = milliseconds(r.Until)
	}
	if r.Limits != nil {
		e.Limits = *r.Limits
	}
	if r.ID != 0 {
		e.ID, e.Time = r.ID, milliseconds(r.Time)
		return &broughtMessage{e}
	}
	if kind == chat.Gone && r.Time != 0 {
		return &gone{e, milliseconds(r.Time)}
	}
	return appended[kind](e)
}

// accountRecord is an auth.Change. It is the last of its subject, and so tells the account as it is.
type accountRecord struct {
	Name     string `json:"name"`
	Hash     string `json:"hash,omitempty"`
	Admin    bool   `json:"admin,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	Invited  bool   `json:"invited,omitempty"`
	Removed  bool   `json:"removed,omitempty"`
	Made     int64  `json:"made"`
	Version  int64  `json:"version"`

	End    bool   `json:"end,omitempty"`
	Except string `json:"except,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (r accountRecord) op() op { return &change{r.change()} }

func (r accountRecord) change() auth.Change {
	return auth.Change{
		Account: auth.Account{
			Name: r.Name, Hash: []byte(r.Hash), Admin: r.Admin, Disabled: r.Disabled, Invited: r.Invited, Removed: r.Removed,
			Made: milliseconds(r.Made), Version: r.Version,
		},
		End: r.End, Except: r.Except, Reason: r.Reason,
	}
}

func (c *change) form() (form, any) {
	a := c.Account
	expect := uint64(a.Version)
	return form{subject: accountSubject(a.Name), expect: &expect}, accountRecord{
		Name: a.Name, Hash: string(a.Hash), Admin: a.Admin, Disabled: a.Disabled, Invited: a.Invited, Removed: a.Removed,
		Made: a.Made.UnixMilli(), Version: a.Version, End: c.End, Except: c.Except, Reason: c.Reason,
	}
}

// accountSubject: a dot would part the subject's words, and no name has =.
func accountSubject(name string) string { return "account." + strings.ReplaceAll(name, ".", "=") }

// tokenRecord is an auth.Token that was not used yet.
type tokenRecord struct {
	Hash    []byte `json:"hash"`
	Account string `json:"account"`
	Family  string `json:"family"`
	Session string `json:"session"`
	Room    string `json:"room"`
	Expires int64  `json:"expires"`
}

func tokenRecordOf(t auth.Token) tokenRecord {
	return tokenRecord{t.Hash[:], t.Account, t.Family, t.Session, t.Room, t.Expires.UnixMilli()}
}

func (r tokenRecord) token() (t auth.Token) {
	t = auth.Token{Account: r.Account, Family: r.Family, Session: r.Session, Room: r.Room, Expires: milliseconds(r.Expires)}
	copy(t.Hash[:], r.Hash)
	return t
}

func (r tokenRecord) op() op { return &issue{r.token()} }

func (i *issue) form() (form, any) { return form{subject: "token"}, tokenRecordOf(i.Token) }

type spendRecord struct {
	Hash    []byte      `json:"hash"`
	Version int64       `json:"version"`
	Next    tokenRecord `json:"next"`
}

func (r spendRecord) op() op {
	s := &spend{Spent: auth.Token{Version: r.Version}, Next: r.Next.token()}
	copy(s.Spent.Hash[:], r.Hash)
	return s
}

func (s *spend) form() (form, any) {
	return form{subject: "spend"}, spendRecord{s.Spent.Hash[:], s.Spent.Version, tokenRecordOf(s.Next)}
}

func (c *confirm) form() (form, any)   { return form{subject: "confirm"}, c }
func (e *endToken) form() (form, any)  { return form{subject: "end"}, e }
func (f *endFamily) form() (form, any) { return form{subject: "family"}, f }

// entryForm is form for what Append takes. said is when a message was that is taken back.
func entryForm(e chat.Entry, said time.Time) (form, error) {
	r := recordOf(e)
	if !said.IsZero() {
		r.Time = said.UnixMilli()
	}
	f := form{subject: entryForms[e.Kind]}
	if e.Kind == chat.Said && e.Key != "" {
		f.id = keyID(&e)
	}
	var err error
	f.data, err = json.Marshal(r)
	return f, err
}

// keyID is the stream's id of a message with a key: the same for all that repeat it.
func keyID(e *chat.Entry) string {
	h := sha256.New()
	for _, part := range []string{e.KeyOwner, e.Room, e.Key} {
		fmt.Fprintf(h, "%d.%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
