package control

import (
	"net"
	"os/user"
	"slices"
	"strconv"
	"time"
)

// audit is what the log says of an operation: who asked, for what, for whom, and what became of it. A broadcast's text is in it, since
// everybody was told; nothing secret is.
func audit(by string, r Request, out Response) []any {
	until := ""
	if !r.Until.IsZero() {
		until = r.Until.UTC().Format(time.RFC3339)
	}
	attrs := []any{
		"by", by, "op", r.Op, "name", r.Name, "address", r.Address, "whose", r.Session, "room", r.Room, "text", r.Text, "until", until,
		"count", out.Count, "error", out.Error,
	}
	given := attrs[:0]
	for pair := range slices.Chunk(attrs, 2) {
		if pair[1] != "" && pair[1] != 0 {
			given = append(given, pair...)
		}
	}
	return given
}

// peer is the user at the other end of the socket, by the kernel's word: the name where the machine knows it, else the number.
func peer(conn net.Conn) string {
	uid, err := peerID(conn)
	if err != nil {
		return "unknown"
	}
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
