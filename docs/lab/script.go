package main

import "strings"

// step is a part of the recording.
type step struct {
	title         string
	shows, proves string // a line each, above the terminals
	said          string // the narration, which is to be understood alone; written as it is to be spoken
	acts          []act
	expect        []sight // what the recording must have shown when the step is over
	best          bool    // opens the README
}

// sight is text on one of the terminals.
type sight struct{ pane, text string }

// The terminals.
const (
	byHand = "openssl"
	alice  = "alice"
	bob    = "bob"
	server = "server"
)

const password = "five green plants in a row" // of everybody in the recording

// tooLong is one byte more than a message may have.
const tooLong = 2001

var script = []step{
	{
		title: "The server starts", shows: "parleyd is started, and says in its log that it listens.", proves: "one program and one port; what happens is logged.",
		said: "This is parley, a chat server with sessions that have a state. You hear what is shown, and what it proves. " +
			"In one terminal somebody types the protocol by hand, with open S S L. Two people, Alice and Bob, use the ordinary client. A fourth terminal shows the server and its log. " +
			"The server starts, and says that it is listening. It takes T L S, version one point three, and nothing older.",
		acts:   []act{enter(server, "cat serve"), await(server, "exec parleyd"), enter(server, "./serve"), await(server, "listening")},
		expect: []sight{{server, "listening"}},
	},
	{
		title: "A message before HELLO", shows: "MSG is the first line of a new connection.", proves: "the session's state decides which commands it may give.",
		said: "First, a message before hello. A stranger connects, open S S L verifies the certificate, and the first line that is sent is a message. " +
			"The server answers: error, hello first. So the state of the session decides what it may do, and nobody is heard who has not said who they are.",
		acts: []act{
			enter(byHand, "openssl s_client -quiet -verify_return_error \\"), enter(byHand, "-CAfile certs/ca.pem -connect $SERVER"), await(byHand, "O = parley, CN = parley server"),
			enter(byHand, "MSG|is anybody there?"), await(byHand, "ERROR|hello-first|"), enter(byHand, "EXIT|"), prompt(byHand),
		},
		expect: []sight{{byHand, "MSG|is anybody there?"}, {byHand, "ERROR|hello-first|"}},
	},
	{
		title: "A wrong password", shows: "HELLO with a wrong password, and with a name that nobody has.", proves: "the answers are the same, so that names can't be fished for.",
		said: "Now a wrong password for Carol, who has an account. The answer is: error, denied. " +
			"Then the same for a name that nobody has. The words are the same, and they come after the same time. So a stranger can not find out who has an account here. " +
			"Who goes on guessing has to wait longer each time.",
		acts: []act{
			again(byHand), settled(byHand, "parley server", 1), enter(byHand, "HELLO|carol|is it this one"), await(byHand, "ERROR|denied|"),
			enter(byHand, "HELLO|nobody|is it this one"), settled(byHand, "ERROR|denied|", 2), enter(byHand, "EXIT|"), prompt(byHand),
		},
		expect: []sight{{byHand, "HELLO|carol|is it this one"}, {byHand, "HELLO|nobody|is it this one"}, {byHand, "ERROR|denied|"}},
	},
	{
		title: "Signing in", shows: "alice and bob sign in with the client, carol by hand.", proves: "HELLO with the right password makes a session, over verified TLS.",
		said: "Alice and Bob sign in with the client. It asks for the password, verifies the server, and says hello for them. " +
			"Carol does it by hand: hello, her name, and her password. The answer is O K, with the number of her session, a token to come back with, and the room that she is in, the lobby.",
		acts: []act{
			enter(alice, "parley --plain --ca certs/ca.pem alice@$SERVER"), await(alice, "Password of alice"), secretly(alice), await(alice, "speak in lobby"),
			enter(bob, "parley --plain --ca certs/ca.pem bob@$SERVER"), await(bob, "Password of bob"), secretly(bob), await(bob, "speak in lobby"),
			again(byHand), settled(byHand, "parley server", 1), enter(byHand, "HELLO|carol|"+password), await(byHand, "|lobby"),
		},
		expect: []sight{{alice, "speak in lobby"}, {bob, "speak in lobby"}, {byHand, "OK|"}},
	},
	{
		title: "Talking", shows: "All three say something; each sees what the others say.", proves: "many messages in one session, and one order for everybody.",
		said: "They talk. Alice asks who is there. Bob answers. Carol sends a message line by hand, and the server answers O K, with the number of her message. " +
			"Each of the three sees what the others say, in one order, which is the same for all. What was answered with O K is on the disk already.",
		acts: []act{
			enter(alice, "who is here?"), await(bob, "who is here?"), await(byHand, "who is here?"),
			enter(bob, "I am, with tea"), await(alice, "with tea"), await(byHand, "with tea"),
			enter(byHand, "MSG|carol too, typing by hand"), await(alice, "typing by hand"), await(bob, "typing by hand"),
		},
		expect: []sight{{bob, "who is here?"}, {alice, "I am, with tea"}, {alice, "carol too, typing by hand"}, {byHand, "OK|"}},
	},
	{
		title: "Empty and malformed lines", shows: "MSG without text, a line that is no command, a command that there is not.", proves: "each line is validated; the session goes on.",
		said: "Now lines that are wrong. A message without text: error, empty. A line without a command: error, bad format. A command in small letters: bad format again. " +
			"A command that does not exist: error, unknown command. Each has an answer that says what was wrong. Nothing crashes, nobody else notices, and the session goes on.",
		acts: []act{
			enter(byHand, "MSG|"), await(byHand, "ERROR|empty|"), enter(byHand, "hello there"), await(byHand, "ERROR|bad-format|"),
			enter(byHand, "msg|in small letters"), settled(byHand, "ERROR|bad-format|", 2), enter(byHand, "DANCE|with me"), await(byHand, "ERROR|unknown-command|"),
		},
		expect: []sight{{byHand, "ERROR|empty|"}, {byHand, "ERROR|bad-format|"}, {byHand, "ERROR|unknown-command|"}},
	},
	{
		title: "A line that is too long", shows: "a message of 2001 bytes, then a short one.", proves: "length is bounded, and the next line is understood again.",
		said: "A message of two thousand and one bytes, one more than a message may have. The screen fills with the letter x, and the answer is: error, too long. " +
			"Alice and Bob see nothing of it. The next message, a short one, is said as if nothing had been. So a long line costs the server a small buffer, and no more.",
		acts: []act{
			paste(byHand, "MSG|"+strings.Repeat("x", tooLong)+"\n"), await(byHand, "ERROR|too-long|"),
			enter(byHand, "MSG|a short one again"), await(alice, "a short one again"), await(bob, "a short one again"),
		},
		expect: []sight{{byHand, "ERROR|too-long|"}, {alice, "a short one again"}},
	},
	{
		title: "A flood", shows: "carol sends a hundred messages at once.", proves: "an account has a rate; beyond it messages are refused, and others are not held up.",
		said: "Carol floods the room: a hundred messages at once. About forty are let through, since people may be quick for a moment. " +
			"The rest is refused: error, rate limited, with the seconds that she has to wait. Bob, who has a rate of his own, speaks at once, and Alice hears him. " +
			"So one person can not talk down the others.",
		acts: []act{
			paste(byHand, strings.Repeat("MSG|me, me, me!\n", 100)), await(byHand, "ERROR|rate-limited|"), await(alice, "me, me, me!"),
			enter(bob, "calm down, carol"), await(alice, "calm down, carol"),
		},
		expect: []sight{{byHand, "ERROR|rate-limited|"}, {alice, "me, me, me!"}, {alice, "calm down, carol"}},
	},
	{
		title: "A clean EXIT", shows: "carol sends EXIT.", proves: "a session ends by its own word, and the server closes it and its token.",
		said: "Carol leaves by the exit command. The server answers O K, bye, and closes the connection. Her session is over, and the token that came with it is worth nothing any more. " +
			"The log says that she disconnected, and why.",
		acts:   []act{enter(byHand, "EXIT|"), await(byHand, "OK|bye"), prompt(byHand), await(server, "disconnected")},
		expect: []sight{{byHand, "OK|bye"}, {server, "disconnected"}},
	},
	{
		title: "The server is killed, and comes back", shows: "kill -9; alice speaks meanwhile; the server is started again.",
		proves: "clients notice, come back by themselves, and nothing is missed.", best: true,
		said: "The hardest case. The server is killed with signal nine, which leaves it no time to say goodbye. Both clients say that the connection is lost, and try again by themselves. " +
			"Alice speaks while there is no server. Then it is started again. The clients come back without a password, and Alice's says: nothing was missed. Bob sees what Alice said, once.",
		acts: []act{
			keys(byHand, "C-l"), enter(byHand, "kill -9 $(cat server.pid)"), await(server, "Killed"), await(alice, "connection lost"), await(bob, "connection lost"),
			enter(alice, "is anybody still there?"), enter(server, "./serve"), settled(server, "listening", 1),
			await(alice, "back; nothing was missed"), await(bob, "back; "), await(bob, "is anybody still there?"),
		},
		expect: []sight{{server, "Killed"}, {bob, "connection lost"}, {alice, "back; nothing was missed"}, {bob, "back; "}, {bob, "is anybody still there?"}},
	},
	{
		title: "Everybody leaves", shows: "alice and bob quit, and the server is stopped.", proves: "every end is an orderly one, and is logged.",
		said: "Alice and Bob quit. Their clients send exit, and end. The server is stopped by control C: it says goodbye to whoever is left, writes what there is to write, and ends. " +
			"Everything you heard was done by the real programs, and the same script makes this recording again.",
		acts: []act{
			enter(alice, "/quit"), prompt(alice), enter(bob, "/quit"), prompt(bob), keys(server, "C-c"), prompt(server),
		},
		expect: []sight{{alice, "/quit"}, {bob, "/quit"}, {server, "stop"}},
	},
}
