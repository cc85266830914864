package cluster

import (
	"time"

	"parley/auth"
)

// noteChange notes that somebody here has another presence. It is called under the hub's lock.
func (n *Node) noteChange(name string) {
	n.mu.Lock()
	n.changed[name] = struct{}{}
	n.mu.Unlock()
	n.rouse()
}

func (n *Node) noteNotice(notice auth.Notice) {
	n.mu.Lock()
	full := len(n.notices) >= maxNotices
	if !full {
		n.notices = append(n.notices, notice)
	}
	n.mu.Unlock()
	if full {
		n.full()
		return
	}
	n.rouse()
}

// noteWant notes that a node, one of those that are known, asked for the state.
func (n *Node) noteWant(node string, question uint64) {
	n.mu.Lock()
	n.wanted[node] = question
	n.mu.Unlock()
	n.rouse()
}

func (n *Node) rouse() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// tell is the goroutine that publishes.
func (n *Node) tell() {
	beats := time.NewTicker(n.time.beat)
	defer beats.Stop()
	batch := time.NewTimer(0) // the first beat, at once
	defer batch.Stop()
	waiting := true
	n.tellBeat()
	for {
		select {
		case <-n.stop:
			return
		case s := <-n.toSay:
			if s.message.Kind == beat {
				s.message.Seq = n.seq
			}
			n.publish(s.subject, s.message)
		case <-n.wake:
			if !waiting {
				waiting = true
				batch.Reset(n.time.batch)
			}
		case <-batch.C:
			waiting = false
			n.tellBatch()
		case <-beats.C:
			n.tellBeat()
		}
	}
}

func (n *Node) tellBeat() { n.publish(n.all, &message{Kind: beat, Seq: n.seq}) }

// tellBatch tells all that happened since the last time, and whoever asked everything.
func (n *Node) tellBatch() {
	n.mu.Lock()
	changed, notices, wanted := n.changed, n.notices, n.wanted
	n.changed, n.notices, n.wanted = make(map[string]struct{}), nil, make(map[string]uint64)
	n.mu.Unlock()
	if len(changed) > 0 {
		people := make([]someone, 0, len(changed))
		for name := range changed {
			people = append(people, newSomeone(name, n.hub.HereOf(name)))
		}
		for _, piece := range pack(people, n.room()) {
			n.seq++
			n.publish(n.all, &message{Kind: change, Seq: n.seq, People: piece})
		}
	}
	const most = 256 // notices of 100 bytes
	for len(notices) > 0 {
		m := &message{Kind: note}
		for _, notice := range notices[:min(most, len(notices))] {
			m.Notices = append(m.Notices, newNotice(notice))
		}
		notices = notices[len(m.Notices):]
		n.noted++
		m.Seq = n.noted
		n.publish(n.all, m)
	}
	if len(wanted) > 0 {
		n.tellState(wanted)
	}
}

// tellState tells these nodes all of whom this one has something to say. It may hold changes newer than
// the number says: they are told once more.
func (n *Node) tellState(to map[string]uint64) {
	var people []someone
	for name, is := range n.hub.Here() {
		people = append(people, newSomeone(name, is))
	}
	pieces := pack(people, n.room())
	for node, question := range to {
		for i, piece := range pieces {
			n.publish(n.to+node, &message{Kind: state, Ask: question, Seq: n.seq, Part: i, Parts: len(pieces), People: piece})
		}
	}
}

// room is how long a message may be.
func (n *Node) room() int {
	if most := n.nc.MaxPayload(); most > 0 {
		return min(maxMessage, int(most))
	}
	return maxMessage
}

// publish sends a message, or leaves it out where NATS is out of reach: what is kept for later would be old.
func (n *Node) publish(subject string, m *message) {
	n.cut.Store(!n.nc.IsConnected())
	if n.cut.Load() {
		return
	}
	m.Node = n.id
	if err := n.nc.Publish(subject, m.encode()); err != nil {
		if n.due("unsaid") {
			n.log.Warn("the other nodes could not be told something", "event", "node.untold", "error", err)
		}
	}
}
