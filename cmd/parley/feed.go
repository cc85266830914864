package main

import tea "charm.land/bubbletea/v2"

// feed is how the client's goroutines and the errands reach the model: a bounded queue that the model takes batch by batch. Who sends
// waits while it is full: the server then feels it, and no screen is drawn for each of a thousand messages.
type feed struct {
	queue chan tea.Msg
	over  chan struct{} // closed when nobody listens any more
}

const (
	feedSize  = 1024
	feedBatch = 256
)

// batch is what the feed held, in order.
type batch []tea.Msg

func newFeed() *feed {
	return &feed{queue: make(chan tea.Msg, feedSize), over: make(chan struct{})}
}

func (f *feed) send(msg tea.Msg) {
	select {
	case f.queue <- msg:
	case <-f.over:
	}
}

// try is send that does not wait: where the queue is full, the message is dropped.
func (f *feed) try(msg tea.Msg) {
	select {
	case f.queue <- msg:
	default:
	}
}

// listen waits for the next batch. The model calls for it again each time it has taken one.
func (f *feed) listen() tea.Msg {
	var all batch
	select {
	case msg := <-f.queue:
		all = append(all, msg)
	case <-f.over:
		return nil
	}
	for len(all) < feedBatch {
		select {
		case msg := <-f.queue:
			all = append(all, msg)
		default:
			return all
		}
	}
	return all
}

func (f *feed) close() { close(f.over) }
