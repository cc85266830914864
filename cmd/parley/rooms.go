package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/internal/client"
	"parley/protocol"
)

// place is where one speaks, in words.
func place(room string) string {
	if user, found := strings.CutPrefix(room, "@"); found {
		return "with " + user + " alone"
	}
	return "in " + room
}

// roomOr reads a room's name or @user, or takes the current one where there is none.
func (t *talker) roomOr(rest string) (string, error) {
	if rest == "" {
		return t.face.room(), nil
	}
	if _, bad := protocol.ParseTarget(rest); bad != nil {
		return "", noName(rest)
	}
	return rest, nil
}

// noName says of a word that it is none, and why.
func noName(word string) error {
	return fmt.Errorf("%q is no name: that is 1 to %d of a-z 0-9 . _ -, and begins with a letter or digit", word, protocol.MaxName)
}

// realRoom is roomOr where a conversation does not do.
func (t *talker) realRoom(rest string) (string, error) {
	room, err := t.roomOr(rest)
	if err == nil && strings.HasPrefix(room, "@") {
		return "", errors.New("that goes for rooms, and " + room + " is a conversation; name a room, or /room ROOM first")
	}
	return room, err
}

// userAndRoom reads USER [ROOM].
func (t *talker) userAndRoom(rest string) (user, room string, err error) {
	words := strings.Fields(rest)
	if len(words) < 1 || len(words) > 2 {
		return "", "", errUsage
	}
	if user = strings.TrimPrefix(words[0], "@"); protocol.CheckShownName(user) != nil {
		return "", "", noName(user)
	}
	room, err = t.realRoom(strings.Join(words[1:], ""))
	return user, room, err
}

func (t *talker) join(ctx context.Context, rest string) error {
	words := strings.Fields(rest)
	locked := len(words) == 2 && words[1] == "locked"
	if len(words) != 1 && !locked {
		return errUsage
	}
	room := words[0]
	if strings.HasPrefix(room, "@") {
		return fmt.Errorf("%s is a conversation, which needs no joining; /room %s goes there", room, room)
	}
	if protocol.CheckName(room) != nil {
		return noName(room)
	}
	members, err := t.link.Join(ctx, room, locked)
	if isRefused(err, protocol.NotMember) {
		return fmt.Errorf("you can't join %s: you need an invitation by a member, or an admin to make it", room)
	}
	if err != nil {
		return err
	}
	t.face.setRoom(room)
	told := fmt.Sprintf("you speak %s now; members: %d", place(room), members)
	switch {
	case locked:
		told += "; it is locked, and /invite lets others in"
	case members == 1:
		told += ", you alone"
	}
	t.face.tell(told)
	if topic, err := t.ask(ctx, "TOPIC", room); err == nil && topic != "" {
		t.face.tell("the topic is: " + topic)
	}
	return nil
}

func (t *talker) leave(ctx context.Context, rest string) error {
	room, err := t.roomOr(rest)
	if err != nil {
		return err
	}
	if strings.HasPrefix(room, "@") {
		return errors.New("a conversation can't be left; /room ROOM goes elsewhere")
	}
	err = t.link.Leave(ctx, room)
	if room == lobby && isRefused(err, protocol.Forbidden) {
		return errors.New("nobody leaves the lobby")
	}
	if err != nil {
		return err
	}
	if room == t.face.room() {
		t.face.setRoom(lobby)
	}
	t.face.tell("you have left " + room + ", and speak " + place(t.face.room()) + " now")
	return nil
}

func (t *talker) change(ctx context.Context, rest string) error {
	if rest == "" {
		return errUsage
	}
	target, bad := protocol.ParseTarget(rest)
	if bad != nil {
		return noName(rest)
	}
	var err error
	if target.User == "" {
		err = t.enter(ctx, rest)
	} else { // it need not have begun, but there must be such a person
		_, err = t.ask(ctx, "HISTORY", rest, "after", "0", "1")
	}
	if err != nil {
		return err
	}
	t.face.setRoom(rest)
	t.face.tell("you speak " + place(rest) + " now")
	return nil
}

// enter makes a room that was joined the one where the session is on the server as well, and the next one that takes it up.
func (t *talker) enter(ctx context.Context, room string) error {
	joined, err := t.link.Rooms(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(joined, func(r client.Room) bool { return r.Name == room }) {
		return fmt.Errorf("you have not joined %s; /join %s does (and /room @%s speaks with a person alone)", room, room, room)
	}
	_, err = t.link.Join(ctx, room, false)
	return err
}

func (t *talker) who(ctx context.Context, rest string) error {
	if strings.Contains(rest, " ") {
		return errUsage
	}
	room, err := t.realRoom(rest)
	if err != nil {
		return err
	}
	s, err := t.link.Session()
	if err != nil {
		return err
	}
	users, err := s.Who(ctx, room)
	if err != nil {
		return err
	}
	for i, user := range users {
		users[i] = t.style.name(user)
	}
	t.face.show(t.style.faint(fmt.Sprintf("* in %s (%d): ", room, len(users))) + strings.Join(users, ", "))
	return nil
}

// fewRooms is how many of the rooms that one could join are shown unless all are asked for.
const fewRooms = 20

func (t *talker) rooms(ctx context.Context, rest string) error {
	if rest != "" && rest != "all" {
		return errUsage
	}
	joined, err := t.link.Rooms(ctx)
	if err != nil {
		return err
	}
	s, err := t.link.Session()
	if err != nil {
		return err
	}
	joinable, err := s.Joinable(ctx)
	if err != nil {
		return err
	}
	for _, room := range joined {
		line := room.Name
		if room.Unread > 0 && !t.isGuest() { // of a guest nobody keeps what was read
			line += fmt.Sprintf("   %d unread", room.Unread)
		}
		if room.Name == t.face.room() {
			line += "   (you speak here)"
		}
		t.face.tell(line)
	}
	if len(joinable) == 0 {
		if rest == "all" {
			t.face.tell("there are no other rooms that you could join")
		}
		return nil
	}
	t.face.tell("you could /join:")
	shown := joinable
	if rest != "all" && len(joinable) > fewRooms {
		shown = joinable[:fewRooms]
	}
	for _, room := range shown {
		t.face.tell(fmt.Sprintf("%s   members: %d", room.Name, room.Members))
	}
	if more := len(joinable) - len(shown); more > 0 {
		t.face.tell(fmt.Sprintf("and %d more; /rooms all shows them", more))
	}
	return nil
}

// unread is what to tell of a room with more unread messages than are shown at first.
func unread(room client.Room, current string) string {
	look := fmt.Sprintf("/history %d shows the newest", min(room.Unread, 100))
	if room.Name != current {
		look = "/room " + room.Name + ", then " + look
	}
	return fmt.Sprintf("%s: %d unread; %s", room.Name, room.Unread, look)
}

// noTopic clears a topic.
const noTopic = "-"

func (t *talker) topic(ctx context.Context, rest string) error {
	room, err := t.realRoom("")
	if err != nil {
		return err
	}
	if rest == "" {
		topic, err := t.ask(ctx, "TOPIC", room)
		if err != nil {
			return err
		}
		if topic == "" {
			topic = "none; /topic TEXT sets it"
		}
		t.face.tell("the topic of " + room + " is: " + topic)
		return nil
	}
	told := "the topic of " + room + " is set"
	if rest == noTopic {
		rest, told = "", "the topic of "+room+" is cleared"
	}
	err = t.order(ctx, told, "TOPIC", room, rest)
	if err == nil {
		t.face.happened(protocol.Event{Command: protocol.EventTopic, Room: room, User: t.link.user, Text: rest})
	}
	return err
}

func (t *talker) invite(ctx context.Context, rest string) error {
	user, room, err := t.userAndRoom(rest)
	if err != nil {
		return err
	}
	return t.order(ctx, user+" may join "+room, "INVITE", room, user)
}

func (t *talker) expel(ctx context.Context, rest string) error {
	user, room, err := t.userAndRoom(rest)
	if err != nil {
		return err
	}
	return t.order(ctx, user+" is out of "+room, "EXPEL", room, user)
}

func (t *talker) lock(ctx context.Context, rest string) error {
	room, err := t.realRoom(rest)
	if err != nil {
		return err
	}
	return t.order(ctx, room+" is locked: who has not joined needs an /invite", "LOCK", room)
}

func (t *talker) open(ctx context.Context, rest string) error {
	room, err := t.realRoom(rest)
	if err != nil {
		return err
	}
	return t.order(ctx, room+" is open: everybody can join it", "OPEN", room)
}
