package control

import (
	"net"
	"os/user"
	"strconv"
	"time"
)

// audit is what the log says of an operation: who asked, for what, for whom, and what became of it. A broadcast's text is in it, since
// everybody was told; nothing secret is.
func audit(by string, r Request, out Response) []any {
	attrs := []any{"by", by, "op", r.Op}
	for _, a := range []struct{ key, value string }{
		{"name", r.Name}, {"address", r.Address}, {"whose", r.Session}, {"room", r.Room}, {"text", r.Text}, {"error", out.Error},
	} {
		if a.value != "" {
			attrs = append(attrs, a.key, a.value)
		}
	}
	if !r.Until.IsZero() {
		attrs = append(attrs, "until", r.Until.UTC().Format(time.RFC3339))
	}
	if out.Count > 0 {
		attrs = append(attrs, "count", out.Count)
	}
	return attrs
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
