package web

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"parley/internal/session"
	"parley/protocol"
)

// What one WebSocket has.
const (
	maxMessage = 2 * protocol.MaxSkip // bytes of a message; a line without an end is a flood before that
	readAhead  = 512                  // bytes read ahead of a frame
	frameHead  = 128                  // bytes that hold a control frame, and of another the head: its content is written past them
)

// upgrade makes the connection a WebSocket, and gives it to a session on a goroutine of its own.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, c *caller, names []string) *refusal {
	if from := r.Header.Values("Origin"); len(from) != 1 || !isOrigin(names, from[0], c.visit.Plain()) {
		s.log.Info("refused", "event", "web.refused", "from", c.from, "front", "web", "origin", r.Header.Get("Origin"))
		return &refusal{http.StatusForbidden, "Only this server's own page may connect."}
	}
	if !c.visit.Upgrade(c.from) {
		return &refusal{http.StatusServiceUnavailable, "There are too many connections from where you are; try again later."}
	}
	lines := &conn{socket: &socket{Visitor: c.visit}}
	if err := lines.accept(hijacker{w, lines.socket}, r); err != nil {
		return nil // it answered
	}
	go s.sessions.Serve(s.ctx, lines, session.Peer{From: c.visit.From(), Front: "web", SignedIn: c.visit.SignedIn})
	return nil
}

// accept answers a request for a WebSocket, whose connection w takes over. An error has been answered as well.
func (c *conn) accept(w http.ResponseWriter, r *http.Request) (err error) {
	c.ws, err = websocket.Accept(w, r, &websocket.AcceptOptions{
		OriginPatterns:  []string{"*"}, // it was checked
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived:  func(context.Context, []byte) bool { return !c.closing }, // a pong that cannot be sent would end the wait for the close frame
	})
	if err == nil {
		c.ws.SetReadLimit(maxMessage)
	}
	return err
}

// hijacker gives the WebSocket our socket and small buffers in place of net/http's.
type hijacker struct {
	http.ResponseWriter
	socket *socket
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	_, ahead, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := ahead.Reader.Peek(ahead.Reader.Buffered())
	if err != nil {
		return nil, nil, err
	}
	h.socket.early = append([]byte(nil), early...)
	h.socket.Loose()
	return h.socket, bufio.NewReadWriter(bufio.NewReaderSize(h.socket, readAhead), bufio.NewWriterSize(h.socket, frameHead)), nil
}
