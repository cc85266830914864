package cluster

import (
	"time"

	"github.com/nats-io/nats.go"

	"parley/internal/chat"
)

// peer is what is known of another node.
type peer struct {
	synced bool   // the hub has what it said up to seq
	seq    uint64 // of the last change that was taken
	noted  uint64 // of the last notices
	silent int    // beats since it was heard
	asked  bool   // for its state, a beat ago at most, or it is coming

	// The state that is coming.
	question  uint64 // that asked for it; 0 for none
	coming    bool   // some of it came since the last beat
	asOf      uint64 // the change that it is as of
	parts     []bool // that are there; nil before the first
	missing   int
	collected map[string]chat.Presence
}

// hear is the goroutine that takes what the others say.
//
// Silence is counted in beats of this node and not by the clock: where it was itself
// stopped for a while, what came meanwhile waits to be heard, and nobody is gone for it.
func (n *Node) hear() {
	beats := time.NewTicker(n.time.beat)
	defer beats.Stop()
	for {
		select {
		case <-n.stop:
			for id := range n.peers {
				n.gone(id, "this node stops")
			}
			return
		case msg := <-n.heard:
			n.take(msg)
		case <-beats.C:
			n.listen()
		}
	}
}

// listen takes what has come already, and then counts the silence of the others.
func (n *Node) listen() {
	for range len(n.heard) {
		n.take(<-n.heard)
	}
	n.count()
}

// count makes all a beat more silent.
func (n *Node) count() {
	for id, p := range n.peers {
		p.silent++
		p.asked, p.coming = p.coming, false
		if p.silent > silence {
			n.gone(id, "it fell silent")
		}
	}
}

func (n *Node) gone(id, why string) {
	delete(n.peers, id)
	n.hub.NodeGone(id)
	n.forget(id)
	n.log.Info("a node is gone", "event", "node.gone", "node", id, "why", why)
}

// handlers is the only list of what can be heard.
var handlers map[kind]func(*Node, *peer, *message)

func init() { // they and decode need each other
	handlers = map[kind]func(*Node, *peer, *message){
		beat:   (*Node).heardBeat,
		change: (*Node).heardChange,
		want:   func(n *Node, _ *peer, m *message) { n.noteWant(m.Node, m.Ask) },
		state:  (*Node).heardState,
		note:   (*Node).heardNote,
		ask:    func(n *Node, _ *peer, m *message) { n.heardAsk(m) },
		answer: func(n *Node, _ *peer, m *message) { n.heardAnswer(m) },
	}
}

func (n *Node) take(msg *nats.Msg) {
	m, err := decode(msg.Data)
	if err != nil {
		if n.due("strange") {
			n.log.Warn("something strange was said among the nodes, and ignored", "event", "node.strange", "subject", msg.Subject, "bytes", len(msg.Data), "error", err)
		}
		return
	}
	if m.Node == n.id {
		return
	}
	p := n.peers[m.Node]
	if p == nil {
		if len(n.peers) >= maxNodes {
			if n.due("nodes") {
				n.log.Warn("there are too many nodes: some are ignored", "event", "node.many", "most", maxNodes)
			}
			return
		}
		p = &peer{}
		n.peers[m.Node] = p
		n.meet(m.Node)
		n.log.Info("a node is there", "event", "node.there", "node", m.Node)
		n.say(n.to+m.Node, &message{Kind: beat}) // so that a new one knows all others at once
	}
	p.silent = 0
	handlers[m.Kind](n, p, m)
}

func (n *Node) heardBeat(p *peer, m *message) {
	switch {
	case p.synced && m.Seq <= p.seq:
	case m.Seq == 0: // a new one: it has said nothing yet
		p.synced = true
	default:
		n.wantState(p, m.Node)
	}
}

func (n *Node) heardChange(p *peer, m *message) {
	switch {
	case p.synced && m.Seq <= p.seq: // heard before, or part of the state
	case p.synced && m.Seq == p.seq+1:
		p.seq++
		for i := range m.People {
			n.hub.Elsewhere(m.Node, m.People[i].Name, m.People[i].presence())
		}
	default:
		n.wantState(p, m.Node)
	}
}

// wantState asks a node for all it has to say, if nothing of an earlier answer came for a beat.
func (n *Node) wantState(p *peer, node string) {
	if !p.asked {
		n.questions++
		p.question, p.parts = n.questions, nil
		p.asked = n.say(n.to+node, &message{Kind: want, Ask: p.question})
	}
}

func (n *Node) heardState(p *peer, m *message) {
	if m.Ask == 0 || m.Ask != p.question || p.synced && m.Seq < p.seq {
		return // old
	}
	if p.parts == nil {
		p.parts, p.missing, p.asOf = make([]bool, m.Parts), m.Parts, m.Seq
		p.collected = make(map[string]chat.Presence)
	}
	if m.Parts != len(p.parts) || m.Seq != p.asOf || p.parts[m.Part] || len(p.collected)+len(m.People) > chat.MaxElsewhere {
		return
	}
	p.coming = true
	p.parts[m.Part] = true
	p.missing--
	for i := range m.People {
		p.collected[m.People[i].Name] = m.People[i].presence()
	}
	if p.missing == 0 {
		n.hub.ElsewhereAll(m.Node, p.collected)
		p.synced, p.seq, p.asked = true, m.Seq, false
		p.question, p.parts, p.collected = 0, nil, nil
	}
}

func (n *Node) heardNote(p *peer, m *message) {
	if m.Seq <= p.noted {
		return
	}
	p.noted = m.Seq
	for i := range m.Notices {
		if notice, err := m.Notices[i].notice(); err == nil { // check saw it
			n.auth.Note(notice)
		}
	}
}
