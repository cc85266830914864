package cluster

import (
	"context"
	"errors"
)

// question is one that waits for answers.
type question struct {
	left   map[string]struct{} // nodes that have not answered
	count  int
	enough bool // the first that counts ends it
	done   chan struct{}
}

var errNotAll = errors.New("cluster: not all nodes answered")

// live says whether the session is under way on another node.
func (n *Node) live(ctx context.Context, session string) bool {
	count, _ := n.ask(ctx, &message{Kind: ask, Session: session}, true)
	return count > 0
}

// endGuest ends the guest's sessions on the other nodes, and says how many there were. Its error: not all answered.
func (n *Node) endGuest(ctx context.Context, name, reason string) (int, error) {
	return n.ask(ctx, &message{Kind: ask, Guest: name, Reason: reason}, false)
}

// endSession ends a session on another node, and says how many there were. Its error: not all answered.
func (n *Node) endSession(ctx context.Context, session, reason string) (int, error) {
	return n.ask(ctx, &message{Kind: ask, Session: session, End: true, Reason: reason}, true)
}

// note tells who is on the other nodes, and says how many sessions that were. Its error: not all answered.
func (n *Node) note(ctx context.Context, room, text string) (int, error) {
	return n.ask(ctx, &message{Kind: ask, Room: room, Note: text}, false)
}

// ask asks all nodes that are known, and adds up what they count. It waits for them no longer than
// timing.answer, and not at all where NATS is out of reach.
func (n *Node) ask(ctx context.Context, m *message, enough bool) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.time.answer)
	defer cancel()
	q := &question{left: make(map[string]struct{}), enough: enough, done: make(chan struct{})}
	n.mu.Lock()
	for node := range n.known {
		q.left[node] = struct{}{}
	}
	n.lastAsk++
	m.Ask = n.lastAsk
	alone := len(q.left) == 0
	if !alone {
		n.asked[m.Ask] = q
	}
	n.mu.Unlock()
	if alone {
		return 0, nil
	}
	defer func() {
		n.mu.Lock()
		delete(n.asked, m.Ask)
		n.mu.Unlock()
	}()
	if !n.say(n.all, m) {
		return 0, errNotAll
	}
	select {
	case <-q.done:
	case <-ctx.Done():
	case <-n.stop:
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(q.left) > 0 {
		return q.count, errNotAll
	}
	return q.count, nil
}

// answered takes an answer of a node, or that there will be none. Under mu.
func (q *question) answered(node string, count int) {
	if _, waits := q.left[node]; !waits {
		return
	}
	delete(q.left, node)
	q.count += count
	if len(q.left) == 0 || q.enough && count > 0 {
		clear(q.left)
		close(q.done)
	}
}

func (n *Node) heardAnswer(m *message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if q := n.asked[m.Ask]; q != nil {
		q.answered(m.Node, m.Count)
	}
}

// meet notes that a node is there, and forget that it is gone.
func (n *Node) meet(node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[node] = struct{}{}
}

func (n *Node) forget(node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, node)
	for _, q := range n.asked {
		q.answered(node, 0)
	}
}

// heardAsk answers another node.
func (n *Node) heardAsk(m *message) {
	reply := &message{Kind: answer, Ask: m.Ask}
	switch {
	case m.Note != "":
		reply.Count, _ = n.hub.Note(m.Room, m.Note) // a room that it does not know nobody is in
	case m.End:
		if n.hub.EndSession(m.Session, m.Reason) {
			reply.Count = 1
		}
	case m.Guest != "":
		reply.Count, _, _ = n.hub.EndGuest(m.Guest, m.Reason) // whom it does not know it has not
	case m.Session != "" && n.sessions.Live(m.Session):
		reply.Count = 1
	}
	n.say(n.to+m.Node, reply)
}
