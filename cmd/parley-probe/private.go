package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/protocol"
)

// private is tried by one who is not invited, and then by one who was, and is expelled. The room is left in the end.
func private(ctx context.Context, t *target) (finding, error) {
	ann, err := t.open(ctx, t.people[0])
	if err != nil {
		return finding{}, err
	}
	defer ann.leave()
	ben, err := t.open(ctx, t.people[1])
	if err != nil {
		return finding{}, err
	}
	defer ben.leave()
	room, err := ann.lockedRoom(ctx)
	if err != nil {
		return finding{}, err
	}
	t.people[0].rooms = append(t.people[0].rooms, room)
	secret := mark()
	if _, err := ann.say(ctx, room, "", secret); err != nil {
		return finding{}, err
	}
	f, err := t.shutOut(ctx, ben, room, secret, "who is not invited")
	if err == nil && f.verdict == held {
		err = obey(ctx, ann, "INVITE|"+room+"|"+t.people[1].name)
	}
	if err == nil && f.verdict == held {
		err = obey(ctx, ben, "JOIN|"+room)
	}
	if err == nil && f.verdict == held {
		err = obey(ctx, ann, "EXPEL|"+room+"|"+t.people[1].name)
	}
	if err == nil && f.verdict == held {
		f, err = t.shutOut(ctx, ben, room, secret, "who was expelled")
	}
	t.people[0].keepHad()
	if left := t.people[0].leaveRooms(ctx, ann); err == nil {
		err = left
	}
	return f, err
}

// lockedRoom makes a locked room, or takes the one that this account has made before.
func (c *conn) lockedRoom(ctx context.Context) (string, error) {
	const names = 9
	reply := ""
	for i := range names {
		room := fmt.Sprintf("%s-locked-%d", roomName, i+1)
		var err error
		if reply, err = c.patient(ctx, "JOIN|"+room+"|locked"); err != nil {
			return "", err
		}
		if codeOf(reply) == accepted {
			return room, nil
		}
	}
	return "", fmt.Errorf("no locked room can be made: %s", short(reply))
}

// obey wants a line accepted.
func obey(ctx context.Context, c *conn, line string) error {
	reply, err := c.patient(ctx, line)
	if err == nil && codeOf(reply) != accepted {
		err = fmt.Errorf("%s is answered %s", short(line), short(reply))
	}
	return err
}

// shutOut wants c kept out of the room, and told no more of it than of one that is not there.
func (t *target) shutOut(ctx context.Context, c *conn, room, secret, who string) (finding, error) {
	c.events = nil
	tries := []string{
		"HISTORY|%s", "HISTORY|%s|after|0|500", "FIND|%s|" + secret, "WHO|%s", "SEND|%s||" + secret, "SEEN|%s|1",
		"TOPIC|%s", "TOPIC|%s|" + secret, "INVITE|%s|" + t.people[1].name,
	}
	f, err := t.closed(ctx, c, room, tries)
	if err != nil || f.verdict == fell {
		return f, err
	}
	reply, err := c.patient(ctx, "JOIN|"+room)
	if err != nil {
		return finding{}, err
	}
	if codeOf(reply) != protocol.NotMember {
		return seenFell("%s is answered %s to JOIN", who, short(reply)), nil
	}
	list, err := c.patient(ctx, "LIST|*|"+room[:len(room)-1])
	if err != nil {
		return finding{}, err
	}
	if slices.ContainsFunc(strings.Split(list, "|"), func(f string) bool { return strings.HasPrefix(f, room+":") }) {
		return seenFell("%s finds the room in LIST|*", who), nil
	}
	if holds(c.events, secret) {
		return seenFell("%s is told what is said in the room", who), nil
	}
	return seenHeld("uninvited and expelled, %d tries each were refused word for word as for a room that is not there, JOIN as well, and LIST|* does not name it", len(tries)), nil
}
