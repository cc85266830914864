package flags

import (
	"runtime/debug"
	"testing"
)

func TestDescribe(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "abc"}
	for want, settings := range map[string][]debug.BuildSetting{
		"p v1 go1.26":           nil,
		"p v1 abc go1.26":       {commit, {Key: "vcs.modified", Value: "false"}},
		"p v1 abc-dirty go1.26": {commit, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := describe("p", &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1"}, Settings: settings}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
