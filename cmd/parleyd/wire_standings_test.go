package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// standing is what somebody is to a room: who, and by which lines they came to be that. Before them maker makes the room, carol joins it and says something.
type standing struct {
	name, who string
	lines     []string
}

// standings are the columns of the table below.
var standings = []standing{
	{"maker", "maker", []string{"maker SEND|R||own", "maker JOIN|R"}},
	{"member", "alice", []string{"alice JOIN|R", "alice SEND|R||own"}},
	{"member of a locked room", "alice", []string{"alice JOIN|R", "alice SEND|R||own", "maker LOCK|R"}},
	{"admin outside", "chief", []string{"chief JOIN|lobby"}},
	{"admin outside a locked room", "chief", []string{"chief JOIN|lobby", "maker LOCK|R"}},
	{"admin inside a locked room", "chief", []string{"chief JOIN|R", "chief SEND|R||own", "maker LOCK|R"}},
	{"past member", "alice", []string{"alice JOIN|R", "alice SEND|R||own", "alice LEAVE|R"}},
	{"past member of a locked room", "alice", []string{"alice JOIN|R", "alice SEND|R||own", "alice LEAVE|R", "maker LOCK|R"}},
	{"never a member", "alice", []string{"alice JOIN|lobby"}},
	{"uninvited", "alice", []string{"alice JOIN|lobby", "maker LOCK|R"}},
	{"invited", "alice", []string{"alice JOIN|lobby", "maker LOCK|R", "maker INVITE|R|alice"}},
	{"declined", "alice", []string{"alice JOIN|lobby", "maker LOCK|R", "maker INVITE|R|alice", "alice LEAVE|R"}},
	{"expelled", "alice", []string{"alice JOIN|R", "alice SEND|R||own", "maker EXPEL|R|alice"}},
	{"expelled from a locked room", "alice", []string{"alice JOIN|R", "alice SEND|R||own", "maker LOCK|R", "maker EXPEL|R|alice"}},
	{"expelled maker", "maker", []string{"maker SEND|R||own", "maker LOCK|R", "maker JOIN|R", "chief EXPEL|R|maker"}},
	{"maker who left", "maker", []string{"maker SEND|R||own", "maker LOCK|R", "maker JOIN|R", "maker LEAVE|R"}},
	{"muted", "mute", []string{"chief MUTE|mute|0", "mute JOIN|R", "mute SEND|R||own", "maker LOCK|R", "chief MUTE|mute|60"}},
	{"guest", "~guest", []string{"~guest JOIN|R", "~guest SEND|R||own"}},
	{"guest inside a locked room", "~guest", []string{"~guest JOIN|R", "~guest SEND|R||own", "maker LOCK|R"}},
	{"guest outside a locked room", "~guest", []string{"~guest JOIN|lobby", "maker LOCK|R"}},
}

// cells are the answers: + is the row's OK, . is one without the room.
var cells = map[byte]string{'n': "not-member", 'f': "forbidden", 'u': "no-such-user"}

// table is what each command answers in each standing, one letter a column; - is not tried. R is the room, A a name before it, OWN the id
// of what the one in this standing has said in it, THEIRS of what carol has. Rows that are alone have a room to themselves: they change the standing.
var table = []struct {
	line, ok, want string
	alone          bool
}{
	// 3 in, 3 admins (outside, outside a locked one, inside), 2 past, 2 never, invited, declined, expelled ×2 and maker, maker who left, muted, 3 guests
	{line: "MSG|x", ok: "OK|*", want: "+++ +++ nn ++ ++ nnn n f +++"},
	{line: "SEND|R||x", ok: "OK|*", want: "+++ nn+ nn nn nn nnn n f ++n"},
	{line: "WHO|R", ok: "OK|*carol*", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "LIST|A", ok: "OK|R:*", want: "+++ ..+ .. .. .. ... . + ++."},
	{line: "LIST|*|A", ok: "OK|R:*", want: "... +.. +. +. +. +.. + . ..."},
	{line: "HISTORY|R", ok: "OK|*", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "HISTORY|R|after|0|5", ok: "OK|*", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "HISTORY|R|before|9223372036854775807|5", ok: "OK|*", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "FIND|R|theirs", ok: "OK|1", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "SEEN|R|1", ok: "OK|R|*", want: "+++ nn+ nn nn nn nnn n + fff"},
	{line: "TOPIC|R", ok: "OK|", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "TOPIC|R|x", ok: "OK|", want: "+++ nn+ nn nn nn nnn n f ffn"},
	{line: "TOPIC|R|", ok: "OK|", want: "+++ nn+ nn nn nn nnn n f ffn"},
	{line: "INVITE|R|dave", ok: "OK|", want: "+++ nn+ nn nn nn nnn n + ++n"},
	{line: "INVITE|R|nobody", want: "uuu nnu nn nn nn nnn n u uun"},
	{line: "EXPEL|R|nobody", want: "uff uuu nn nn nn nnn n f ffn"},
	{line: "MUTE|carol|0", ok: "OK|", want: "fff +++ ff ff ff fff f f fff"},
	{line: "EJECT|nobody|x", want: "fff uuu ff ff ff fff f f fff"},
	{line: "PING|x", ok: "OK|x", want: "+++ +++ ++ ++ ++ +++ + + +++"},
	{line: "HELP|", ok: "OK|HELLO|*", want: "+++ +++ ++ ++ ++ +++ + + +++"},
	{line: "DELETE|OWN", ok: "OK|OWN", want: "+++ --+ ++ -- -- +++ + + ff-"},
	{line: "DELETE|THEIRS", ok: "OK|THEIRS", want: "fff +++ ff ff ff fff f f fff"},
	{line: "JOIN|R", ok: "OK|R|*", want: "+++ +n+ +n +n +n +nn + + ++n", alone: true},
	{line: "JOIN|R|locked", ok: "OK|R|*", want: "ff+ fn+ fn fn +n fnn + + f+n", alone: true},
	{line: "LEAVE|R", ok: "OK|R", want: "+++ nn+ nn nn +n nnn n + ++n", alone: true},
	{line: "LOCK|R", ok: "OK|R", want: "+ff +++ nn nn nn nnn n f ffn", alone: true},
	{line: "OPEN|R", ok: "OK|R", want: "+ff +++ nn nn nn nnn n f ffn", alone: true},
	{line: "EXPEL|R|carol", ok: "OK|", want: "+ff +++ nn nn nn nnn n f ffn", alone: true},
}

// everywhere are the commands that no standing changes anything for, and which no test of many lines survives.
var everywhere = []string{"HELLO", "EXIT", "PASSWD"}

// TestStandings: every command in every standing.
func TestStandings(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited("--guests", "--max-rooms", "0", "--max-sessions", "0", "--max-invites", "0")...)
	addUsers(s, "maker", "alice", "carol", "dave", "mute")
	s.User("chief", "--admin")
	for column, as := range standings {
		t.Run(as.name, func(t *testing.T) {
			p := &play{t: t, s: s, conns: map[string]*parleytest.Conn{}}
			var shared scene
			for row, x := range table {
				want := strings.ReplaceAll(x.want, " ", "")
				if len(want) != len(standings) {
					t.Fatalf("%s has %d columns", x.line, len(want))
				}
				if want[column] == '-' {
					continue
				}
				in := &shared
				if x.alone || row == 0 {
					in = &scene{}
					*in = p.scene("s"+strconv.Itoa(column)+"-"+strconv.Itoa(row), as)
					if row == 0 {
						shared = *in
					}
				}
				p.try(as, in, x.line, x.ok, want[column])
			}
			for _, c := range p.conns {
				c.Close()
			}
		})
	}
	t.Run("no command is forgotten", func(t *testing.T) {
		for _, name := range helped(s.SignIn("alice")) {
			known := slices.Contains(everywhere, name)
			for _, x := range table {
				known = known || strings.HasPrefix(x.line, name+"|")
			}
			if !known {
				t.Errorf("%s is not in the table", name)
			}
		}
	})
}

// helped are the commands that HELP lists.
func helped(c *parleytest.Conn) []string {
	return strings.Split(strings.TrimPrefix(c.Do("HELP|"), "OK|"), "|")
}

// play is people who say what scenes tell them.
type play struct {
	t     *testing.T
	s     *parleytest.Server
	conns map[string]*parleytest.Conn
}

// scene is a room in which somebody has a standing.
type scene struct{ room, own, theirs string }

// as is somebody's connection.
func (p *play) as(who string) *parleytest.Conn {
	c := p.conns[who]
	if c == nil {
		if name, guest := strings.CutPrefix(who, "~"); guest {
			c = p.s.Dial()
			eventually(p.t, "the guest before is gone", func() bool { return strings.HasPrefix(c.Do("HELLO|"+name), "OK|") })
		} else {
			c = p.s.SignIn(who)
		}
		c.T = p.t
		p.conns[who] = c
	}
	return c
}

// say has somebody say a line that must be OK.
func (p *play) say(line string) string {
	p.t.Helper()
	who, line, _ := strings.Cut(line, " ")
	reply := p.as(who).Do(line)
	if !strings.HasPrefix(reply, "OK|") {
		p.t.Fatalf("%s: %s: %s", who, line, reply)
	}
	return strings.TrimPrefix(reply, "OK|")
}

func (p *play) scene(room string, as standing) scene {
	p.t.Helper()
	in := scene{room: room}
	p.say("maker JOIN|" + room)
	p.say("carol JOIN|" + room)
	in.theirs = p.say("carol SEND|" + room + "||theirs")
	for _, line := range as.lines {
		answer := p.say(strings.ReplaceAll(line, "|R", "|"+room))
		if strings.HasSuffix(line, "|own") {
			in.own = answer
		}
	}
	return in
}

// script puts a scene's names into a line.
func (in *scene) script(line string) string {
	before := in.room[:len(in.room)-1] // sorts before the room and after all others that do
	line = strings.NewReplacer("|R:", "|"+in.room+":", "|R|", "|"+in.room+"|", "|A", "|"+before, "OWN", in.own, "THEIRS", in.theirs).Replace(line)
	if base, found := strings.CutSuffix(line, "|R"); found {
		line = base + "|" + in.room
	}
	return line
}

func (p *play) try(as standing, in *scene, line, ok string, want byte) {
	p.t.Helper()
	got := p.as(as.who).Do(in.script(line))
	switch {
	case want == '+' && isReply(got, in.script(ok)), isReply(got, cells[want]):
	case want == '.' && strings.HasPrefix(got, "OK|") && !strings.Contains(got, "|"+in.room+":"):
	default:
		p.t.Errorf("%s: %s: %.200q, want %c", as.name, in.script(line), got, want)
	}
}
