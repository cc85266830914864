package main

import (
	"context"
	"fmt"
)

// mostHistory is what one HISTORY returns at most.
const mostHistory = 500

// catchUp enters what was said since the last message heard: the answers of HISTORY, then what came live before them and is not in them.
// It is called when the member has a new connection and nobody else reads it.
func (m *member) catchUp(ctx context.Context, in *room) error {
	var live [][]byte
	for {
		answer, before, err := m.history(ctx, fmt.Sprintf("HISTORY|%s|after|%d|%d", in.name, m.ledger.lastID, mostHistory))
		if err != nil {
			return err
		}
		live = append(live, before...)
		m.enterLines(answer, false)
		if len(answer) < mostHistory {
			break
		}
	}
	m.enterLines(live, true)
	return nil
}

// history asks, and returns the lines of the answer and those that came before it: messages, and what else a server may put in their place.
func (c *conn) history(ctx context.Context, line string) (answer, before [][]byte, err error) {
	if err := c.write([]byte(line + "\n")); err != nil {
		return nil, nil, err
	}
	var lines [][]byte
	end, err := c.until(ctx, func(e *event) bool {
		if e.kind != reply {
			lines = append(lines, append(append([]byte{}, e.line...), '\n'))
		}
		return e.kind == reply
	})
	if err != nil {
		return nil, nil, err
	}
	if end.id > int64(len(lines)) {
		return nil, nil, fmt.Errorf("the answer says %d events, and %d came", end.id, len(lines))
	}
	cut := len(lines) - int(end.id)
	return lines[cut:], lines[:cut], nil
}

// enterLines enters messages that were read as an answer, or came live before one and may be in it.
func (m *member) enterLines(lines [][]byte, live bool) {
	var e event
	for _, line := range lines {
		m.dialect.parse(line, &e)
		switch {
		case e.kind != message, string(e.room) != m.ledger.room.name, live && e.id <= m.ledger.lastID:
		case string(e.user) == m.shown: // HISTORY has one's own, which nobody else counts
			m.ledger.lastID = max(m.ledger.lastID, e.id)
		default:
			m.ledger.take(&e)
			m.heard.Add(1)
		}
	}
}
