// Package web is the browser's way in: it serves the embedded page, and at /ws the same lines as the line
// port, in WebSocket text messages. A connection comes from the entrance with its handshake done, and counts there: with those that speak HTTP, and from /ws on as any other.
//
//   - server.go: Server, the HTTP side of a connection, its bounds and its end
//   - page.go: the embedded files, and what every response says to browsers
//   - names.go: who the server is: Host and Origin
//   - upgrade.go: /ws, from HTTP to a session
//   - conn.go: a WebSocket as a connection of lines
//   - socket.go: the bytes under a WebSocket, counted and gathered
//
// After the upgrade nothing of HTTP is left but the connection: its goroutine has ended, its buffers are garbage, and a session
// of internal/session runs on a fresh goroutine, which knows of no difference to the line port.
package web
