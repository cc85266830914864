package main

import (
	"fmt"
	"strings"
	"testing"

	"parley/internal/parleytest"
)

// TestRemovedAccount: its rooms are nobody's, it is nobody that could be invited, and its name comes back for nobody.
func TestRemovedAccount(t *testing.T) {
	t.Parallel()
	s := parleytest.Start(t, unlimited()...)
	addUsers(s, "gone", "member", "uninvited")
	s.User("chief", "--admin")
	gone, member := s.SignIn("gone"), s.SignIn("member")
	hold(t, gone, []exchange{{"JOIN|den|locked", "OK|den|1|0"}, {"INVITE|den|member", "OK|"}, {"TOPIC|den|left behind", "OK|"}})
	hold(t, member, []exchange{{"JOIN|den", "OK|den|2|0"}, {"JOIN|other|locked", "OK|other|1|0"}, {"INVITE|other|gone", "OK|"}})
	said := sayAll(t, gone, "den", "a", "b", "c")
	direct := sayAll(t, gone, "@member", "to you")[0]
	hold(t, member, []exchange{{seen("den", said[0]), "OK|*"}})
	s.Run("", "user", "remove", "gone", "--data", s.Data)
	if lines, _ := gone.Rest(); !strings.HasPrefix(lines[len(lines)-1], "BYE|ejected|") {
		t.Errorf("%q", lines)
	}
	check := func(t *testing.T) {
		hold(t, s.Dial(), []exchange{{"HELLO|gone|" + parleytest.Password, "denied"}})
		hold(t, member, []exchange{
			{"LIST|", fmt.Sprintf("OK|@gone:%d:0:1|den:%d:%d:2|lobby:0:0:0|other:0:0:0", direct, said[2], said[0])}, {"WHO|den", "OK|member"}, {"TOPIC|den", "OK|left behind"},
			{"INVITE|den|gone", "no-such-user"}, {"EXPEL|other|gone", "no-such-user"}, {"LOCK|den", "forbidden"}, {"OPEN|den", "forbidden"}, {"EXPEL|den|member", "forbidden"},
			{"SEND|@gone||x", "no-such-user"}, {"HISTORY|@gone", "OK|1"}, {"HISTORY|den", "OK|3"}, {"JOIN|den", "OK|den|1|*"},
		})
		hold(t, s.SignIn("uninvited"), []exchange{{"LIST|*", "OK|"}, {"JOIN|den", "not-member"}})
		hold(t, s.SignIn("chief"), []exchange{{"MUTE|gone|1", "no-such-user"}, {"EXPEL|den|gone", "no-such-user"}, {"LOCK|den", "OK|den"}})
	}
	check(t)
	t.Run("after a restart", func(t *testing.T) {
		s.Kill()
		s.Launch()
		member = s.SignIn("member")
		check(t)
	})
	t.Run("made anew", func(t *testing.T) {
		if _, said := fails(t, parleytest.Password+"\n", "user", "add", "gone", "--data", s.Data); !strings.Contains(said, "gone") {
			t.Error(said) // the name stays taken for good
		}
		check(t)
	})
}
