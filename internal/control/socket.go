package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// ErrNoServer: no server answers in the directory.
var ErrNoServer = errors.New("control: no server runs on this directory")

// socketName is the socket's name in the data directory; it is the owner's alone.
const socketName = "control.sock"

// Bounds of one operation over the socket.
const (
	maxRequest    = 64 << 10
	requestWithin = 5 * time.Second // a command says what it wants at once
	maxWait       = 30 * time.Second
	maxAtOnce     = 8
)

// Server answers operators on the socket of a data directory.
type Server struct {
	dir      string
	listener net.Listener
	house    House
	log      *slog.Logger
	running  sync.WaitGroup
	slots    chan struct{}
	open     context.Context // until Close
	shut     context.CancelFunc
}

// Listen makes the socket in dir and answers on it until Close. The caller holds the
// directory's lock, so a socket that is there already is a dead server's.
func Listen(dir string, h House, log *slog.Logger) (*Server, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// Made with no access for others from the start: chmod would come too late.
	mask := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(mask)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	s := &Server{dir: dir, listener: l, house: h, log: log, slots: make(chan struct{}, maxAtOnce)}
	s.open, s.shut = context.WithCancel(context.Background())
	s.running.Add(1)
	go s.accept()
	return s, nil
}

// Close stops answering, waits for the operations under way and removes the socket. Who has not said yet what it wants is not waited for.
func (s *Server) Close() {
	s.shut()
	s.listener.Close()
	os.Remove(filepath.Join(s.dir, socketName))
	s.running.Wait()
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("control socket", "event", "control.failed", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		select {
		case s.slots <- struct{}{}:
		case <-s.open.Done():
			conn.Close()
			return
		}
		s.running.Add(1)
		go func() {
			defer func() { <-s.slots; s.running.Done() }()
			s.answer(conn)
		}()
	}
}

func (s *Server) answer(conn net.Conn) {
	defer conn.Close()
	request, err := s.read(conn)
	if err != nil {
		if s.open.Err() == nil {
			s.log.Warn("control socket: bad request", "event", "control.strange")
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxWait)
	defer cancel()
	response, err := Do(ctx, s.house, request)
	if err != nil {
		response.Error = err.Error()
	}
	s.log.With(audit(peer(conn), request, response)...).Info("operator", "event", "control.done")
	conn.SetWriteDeadline(time.Now().Add(requestWithin))
	if err := json.NewEncoder(conn).Encode(response); err != nil {
		s.log.Warn("control socket: the answer could not be written", "event", "control.unanswered", "error", err)
	}
}

// read returns what a command asks for; it gives up when the server is closed.
func (s *Server) read(conn net.Conn) (r Request, err error) {
	conn.SetReadDeadline(time.Now().Add(requestWithin))
	defer context.AfterFunc(s.open, func() { conn.SetReadDeadline(time.Now()) })()
	err = json.NewDecoder(io.LimitReader(conn, maxRequest)).Decode(&r)
	return r, err
}

// Ask has the server that runs on dir carry out r. Errors: ErrNoServer; what
// the operation said went wrong.
func Ask(ctx context.Context, dir string, r Request) (Response, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return Response{}, ErrNoServer
	}
	defer done()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return Response{}, ErrNoServer
	}
	if err != nil {
		return Response{}, fmt.Errorf("the server's control socket: %w", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(maxWait))
	var response Response
	if err = json.NewEncoder(conn).Encode(r); err == nil {
		err = json.NewDecoder(conn).Decode(&response)
	}
	if err != nil {
		return Response{}, fmt.Errorf("the server did not answer on its control socket: %w", err)
	}
	if response.Error != "" {
		return Response{}, errors.New(response.Error)
	}
	return response, nil
}

// socketPath names the socket by a path that fits a socket's address (108
// bytes on Linux), however deep dir is. done lets go of what the path needs.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName), func() { d.Close() }, nil
}
