package client

import "slices"

// presence is who is in the room of a [Timeline], and what it is about.
type presence struct {
	Topic      string
	TopicKnown bool
	Here       []string // who is here, sorted; nil: not known, or too many
	HereCount  int

	moved map[string]bool // Here is not known: who came (true) or went; that counts more than what WHO answers
}

// maxMoved bounds how many people are known to have moved before it is known who is here.
const maxMoved = 256

// move takes that one person came or went.
func (p *presence) move(user string, came bool) {
	if p.Here == nil {
		p.HereCount = 0 // it is no crowd any more, which was told by its number
		if p.moved == nil || len(p.moved) >= maxMoved {
			p.moved = map[string]bool{}
		}
		p.moved[user] = came
		return
	}
	i, found := slices.BinarySearch(p.Here, user)
	switch {
	case came && !found:
		p.Here = slices.Insert(p.Here, i, user)
	case !came && found:
		p.Here = slices.Delete(p.Here, i, i+1)
	}
	p.HereCount = len(p.Here)
}

// crowd takes that there are too many to tell each.
func (p *presence) crowd(count int) { p.Here, p.HereCount, p.moved = nil, count, nil }

// present takes the answer to WHO.
func (p *presence) present(users []string) {
	if p.Here == nil && p.HereCount > 0 {
		return // it became a crowd since the question
	}
	p.Here = append([]string{}, users...)
	slices.Sort(p.Here)
	moved := p.moved
	p.moved, p.HereCount = nil, len(p.Here)
	for user, came := range moved {
		p.move(user, came)
	}
}

// lost forgets what may have changed while there was no connection. The topic stays until another one is known.
func (p *presence) lost() { p.Here, p.HereCount, p.moved, p.TopicKnown = nil, 0, nil, false }
