package parleytest

import (
	"encoding/binary"
	"net"
)

// wire follows the TLS records that come in, without reading into them: for
// crypto/tls a connection that was cut off between two records ended as well as one
// that was closed by close_notify.
type wire struct {
	net.Conn
	header []byte // of the present record, as far as it came
	left   int    // bytes of the present record to come
	last   int    // length of the last record
}

const recordHeader = 5 // type, version, length (RFC 8446, 5.1)

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if w.left == 0 {
			take := min(recordHeader-len(w.header), len(rest))
			w.header = append(w.header, rest[:take]...)
			rest = rest[take:]
			if len(w.header) == recordHeader {
				w.left = int(binary.BigEndian.Uint16(w.header[3:]))
				w.last = w.left
				w.header = w.header[:0]
			}
			continue
		}
		take := min(w.left, len(rest))
		w.left -= take
		rest = rest[take:]
	}
	return n, err
}

// alerted says whether the last record was an alert: in TLS 1.3 two bytes, the
// type and a tag of 16. Every line of the protocol is longer.
func (w *wire) alerted() bool { return w.left == 0 && len(w.header) == 0 && w.last == 2+1+16 }
