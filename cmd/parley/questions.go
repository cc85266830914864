package main

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/internal/client"
	"parley/protocol"
)

// questions is what is being asked of the server for the screen's sake: each thing once at a time.
type questions struct {
	list, room, review bool
	coolUntil          time.Time // after a question that was not answered, none is asked for a moment
}

const coolFor = 2 * time.Second

func (a questions) isCooling(now time.Time) bool { return now.Before(a.coolUntil) }

// answerMsg takes an answer into the model.
type answerMsg func(*model)

// Sizes of the pages that older messages come in: as one scrolls, and where a message far back is gone to.
const (
	pageSize = 100
	jumpSize = protocol.MaxLimit
)

// ask asks what the screen lacks: rooms and what is unread, who is here and the topic, messages above those that are shown, and
// what of these was taken back while there was no connection.
func (m *model) ask() tea.Cmd {
	if !m.mirror.Connection.Online || m.asking.isCooling(m.now()) {
		return nil
	}
	t, view := m.mirror.Room(m.room), m.view()
	var cmds []tea.Cmd
	if !m.asking.list && m.mirror.NeedsList() {
		m.asking.list = true
		cmds = append(cmds, m.question(func(ctx context.Context, _ *client.Session) (answerMsg, error) {
			list, err := m.link.Rooms(ctx)
			return func(m *model) { m.mirror.Listed(list) }, err
		}, func(m *model, failed bool) {
			if m.asking.list = false; failed {
				m.mirror.ListFailed()
			}
		}))
	}
	if name := t.Name; !m.asking.room && isRoom(name) && (!t.TopicKnown || t.Here == nil && t.HereCount == 0) {
		m.asking.room = true
		cmds = append(cmds, m.question(func(ctx context.Context, s *client.Session) (answerMsg, error) {
			return aboutRoom(ctx, s, name)
		}, func(m *model, _ bool) { m.asking.room = false }))
	}
	if !m.asking.review {
		if lost, ok := m.mirror.NeedsReview(); ok {
			m.asking.review = true
			cmds = append(cmds, m.question(func(ctx context.Context, s *client.Session) (answerMsg, error) {
				page, start, err := s.Before(ctx, lost.Room, lost.Before, lost.Limit)
				return func(m *model) { m.mirror.Reviewed(lost, page, start) }, err
			}, func(m *model, _ bool) { m.asking.review = false }))
		}
	}
	size := pageSize
	if view.goal != 0 {
		size = jumpSize
	}
	if m.lacksOlder(t, view) {
		if before, ok := t.NeedsOlder(); ok {
			cmds = append(cmds, m.question(func(ctx context.Context, s *client.Session) (answerMsg, error) {
				page, start, err := s.Before(ctx, t.Name, before, size)
				return func(m *model) { t.Older(page, start) }, err
			}, func(m *model, failed bool) {
				if failed {
					t.OlderFailed()
				}
			}))
		}
	}
	return tea.Batch(cmds...)
}

// question asks, beside the model, and takes the answer, and in any case done. A failure is told, unless the connection's end is the reason.
func (m *model) question(ask func(context.Context, *client.Session) (answerMsg, error), done func(m *model, failed bool)) tea.Cmd {
	return func() tea.Msg {
		s, err := m.link.Session()
		var answer answerMsg
		if err == nil {
			answer, err = ask(m.ctx, s)
		}
		return answerMsg(func(m *model) {
			done(m, err != nil)
			if err == nil {
				answer(m)
				return
			}
			m.asking.coolUntil = m.now().Add(coolFor)
			if isA[*protocol.Error](err) && !isRefused(err, protocol.NotMember) {
				m.tell(sentence(err))
			}
		})
	}
}

func aboutRoom(ctx context.Context, s *client.Session, name string) (answerMsg, error) {
	users, err := s.Who(ctx, name)
	if err != nil {
		return nil, err
	}
	topic, err := s.Do(ctx, "TOPIC", name)
	return func(m *model) {
		m.mirror.Present(name, users)
		m.mirror.TopicIs(name, topic.Data)
	}, err
}
