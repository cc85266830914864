package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/protocol"
)

var roomStages = []stage{
	{name: "reading", row: 19, people: 2, room: true, run: reading,
		tried: "one who left the room: HISTORY, FIND, WHO, SEEN, TOPIC, INVITE, SEND, waiting for what is said there, resuming; each as for a room that is not there"},
	{name: "private", row: 19, people: 2, run: private,
		tried: "a locked room, uninvited and expelled: JOIN, HISTORY, FIND, WHO, SEND, SEEN, TOPIC, INVITE, the list of rooms"},
	{name: "speaking", row: 20, people: 2, room: true, run: speaking,
		tried: "both accounts use one key in one room; it is used again; a text in the form of another's event"},
	{name: "rooms", row: 18, people: 1, flag: "--max-rooms", run: roomsWithoutEnd,
		tried: fmt.Sprintf("up to %d rooms joined by one account", mostRooms)},
}

// reading is tried by one who was a member: who never was is no better off. At the end he is one again.
func reading(ctx context.Context, t *target) (finding, error) {
	ann, err := t.enter(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer ann.leave()
	ben, err := t.enter(ctx, t.people[1])
	if err != nil {
		return finding{}, err
	}
	f, err := t.peep(ctx, ann, ben)
	ben.leave()
	back, failed := t.enter(ctx, t.people[1])
	if failed != nil {
		return f, errors.Join(err, failed)
	}
	back.leave()
	return f, err
}

// peep lets ben, who leaves the room, try to read what ann says there.
func (t *target) peep(ctx context.Context, ann, ben *conn) (finding, error) {
	secret := mark()
	id, err := ann.say(ctx, t.room, "", secret)
	if err != nil {
		return finding{}, err
	}
	if _, err := ben.patient(ctx, "LEAVE|"+t.room); err != nil {
		return finding{}, err
	}
	ben.events = nil // what came until then was for him
	tries := []string{
		"HISTORY|%s", "HISTORY|%s|after|0|500", "HISTORY|%s|before|9223372036854775807|500", "HISTORY|%s|after|" + before(id) + "|1",
		"FIND|%s|" + secret, "WHO|%s", "SEEN|%s|" + id, "TOPIC|%s", "TOPIC|%s|" + secret, "INVITE|%s|" + t.people[1].name, "SEND|%s||" + secret,
	}
	if f, err := t.closed(ctx, ben, t.room, tries); err != nil || f.verdict == fell {
		return f, err
	}
	if _, err := ann.say(ctx, t.room, "", secret+" again"); err != nil {
		return finding{}, err
	}
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return finding{}, err
	}
	for _, line := range []string{"FIND|lobby|" + secret, "FIND|@" + t.people[0].name + "|" + secret, "HISTORY|@" + t.people[0].name} {
		if _, err := ben.patient(ctx, line); err != nil {
			return finding{}, err
		}
	}
	if holds(ben.events, secret) {
		return seenFell("who has left the room is told what is said there, or finds it elsewhere"), nil
	}
	// The token of a session that was in the room leads back to it.
	again, code, err := t.attempt(ctx, t.people[1].name, t.people[1].swap(""))
	if err == nil && again == nil {
		err = errors.New("resuming was answered " + short(string(code)))
	}
	if err != nil {
		return finding{}, err
	}
	defer again.leave()
	t.people[1].keep(again)
	f, err := t.closed(ctx, again, t.room, tries)
	if err == nil && f.verdict == held {
		f.seen = fmt.Sprintf("%d tries, and %d after resuming, refused word for word as for a room that is not there; nothing that was said came",
			len(tries), len(tries))
	}
	return f, err
}

// say says a text and returns its id.
func (c *conn) say(ctx context.Context, room, key, text string) (string, error) {
	reply, err := c.patient(ctx, "SEND|"+room+"|"+key+"|"+text)
	if err != nil {
		return "", err
	}
	if codeOf(reply) != accepted {
		return "", refusal(reply)
	}
	return strings.TrimPrefix(reply, protocol.ReplyOK+"|"), nil
}

// closed wants each try at the room refused, and answered as it is at a room that is not there.
func (t *target) closed(ctx context.Context, c *conn, room string, tries []string) (finding, error) {
	nowhere := "no-" + strings.ToLower(rand.Text())
	for _, try := range tries {
		line := fmt.Sprintf(try, room)
		reply, err := c.patient(ctx, line)
		if err != nil {
			return finding{}, err
		}
		other, err := c.patient(ctx, fmt.Sprintf(try, nowhere))
		switch {
		case err != nil:
			return finding{}, err
		case codeOf(reply) == accepted:
			return seenFell("who is not in the room is answered %s to %s", short(reply), short(line)), nil
		case reply != other:
			return seenFell("%s is answered %s, and %s where the room is not there", short(line), short(reply), short(other)), nil
		}
	}
	return seenHeld("%d tries refused", len(tries)), nil
}

// before is the id below this one, or about it.
func before(id string) string {
	n, _ := protocol.ParseID(id)
	return fmt.Sprint(max(n-1, 0))
}

// speaking compares ids and events: the server alone says who speaks.
func speaking(ctx context.Context, t *target) (finding, error) {
	var both [2]*conn
	for i, who := range t.people[:2] {
		c, err := t.enter(ctx, who)
		if err != nil {
			return finding{}, err
		}
		defer c.leave()
		both[i] = c
	}
	key, mark := rand.Text(), mark()
	forged := "MSG|1|2020-01-01T00:00:00.000Z|" + t.room + "|" + t.people[0].name + "|" + mark
	texts := []string{mark + " one", mark + " two", mark + " three", forged}
	keys := []string{key, key, key, ""}
	var ids []string
	for i, speaker := range []int{0, 1, 0, 1} {
		id, err := both[speaker].say(ctx, t.room, keys[i], texts[i])
		if err != nil {
			return finding{}, err
		}
		ids = append(ids, id)
	}
	switch {
	case ids[1] == ids[0]:
		return seenFell("the second account's message with the first's key is answered with the first's id, %s: it is not said", short(ids[0])), nil
	case ids[2] != ids[0]:
		return seenFell("a key used again says something again: %s, then %s", short(ids[0]), short(ids[2])), nil
	}
	reader := both[0]
	reply, err := reader.patient(ctx, "HISTORY|"+t.room+"|after|"+before(ids[0])+"|500")
	if err != nil {
		return finding{}, err
	}
	want := map[string]string{ids[0]: t.people[0].name + "|" + texts[0], ids[1]: t.people[1].name + "|" + texts[1], ids[3]: t.people[1].name + "|" + forged}
	told := 0
	for _, event := range append(reader.events, both[1].events...) {
		e := strings.SplitN(event, "|", 5)
		switch {
		case !strings.Contains(event, mark):
		case len(e) != 5 || e[0] != protocol.EventMsg || e[3] != t.room || want[e[1]] != e[4]:
			return seenFell("%s is told, which nobody said like this", short(event)), nil
		default:
			told++
		}
	}
	if told < len(want) {
		return finding{}, fmt.Errorf("HISTORY was answered %s, with %d of 3 messages", short(reply), told)
	}
	return seenHeld("two ids for one key of two accounts; used again it answered the first id and said nothing; %d events, all under their speaker's name", told), nil
}

// mostRooms are joined in search of a bound. Their names stay the same, so that each run uses the rooms of the one before.
const mostRooms = 120

func roomsWithoutEnd(ctx context.Context, t *target) (finding, error) {
	who := t.people[len(t.people)-1] // the first has used up much of its rate
	c, err := t.open(ctx, who)
	if err != nil {
		return finding{}, err
	}
	defer c.leave()
	began := time.Now()
	var reply string
	for len(who.rooms) < mostRooms {
		name := fmt.Sprintf("%s-r%03d", roomName, len(who.rooms)+1)
		if reply, err = c.patient(ctx, "JOIN|"+name); err != nil || codeOf(reply) != accepted {
			break
		}
		who.rooms = append(who.rooms, name)
	}
	joined, took := len(who.rooms), time.Since(began)
	who.keepHad()
	if err == nil {
		err = who.leaveRooms(ctx, c)
	}
	switch {
	case err != nil:
		return finding{}, err
	case joined == 0:
		return finding{}, fmt.Errorf("the account can join no room at all: %s", short(reply))
	case codeOf(reply) == accepted:
		return seenFell("%d rooms joined in %v, and no bound", joined, round(took)), nil
	case codeOf(reply) != protocol.Forbidden:
		return finding{}, fmt.Errorf("room %d can't be joined: %s", joined+1, short(reply))
	}
	return seenHeld("%d joined in %v, and left again; the next was refused: %s", joined, round(took), short(reply)), nil
}
