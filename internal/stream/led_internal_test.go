package stream

import (
	"encoding/json"
	"testing"
)

// TestLed: what a stream says of itself counts where a leader says it that hears a majority. While
// there is an election each replica answers, one that was cut off with what it had then.
func TestLed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		led        bool
	}{
		{"a single server", `{"config": {"num_replicas": 1}}`, true},
		{"a leader and both others", `{"config": {"num_replicas": 3}, "cluster": {"leader": "n1", "replicas": [{"active": 1000}, {"active": 1000}]}}`, true},
		{"a leader and one other", `{"config": {"num_replicas": 3}, "cluster": {"leader": "n1", "replicas": [{"active": 1000}, {"offline": true}]}}`, true},
		{"a leader that was cut off", `{"config": {"num_replicas": 3}, "cluster": {"leader": "n1", "replicas": [{"active": 9000000000}, {"active": 9000000000}]}}`, false},
		{"a replica during an election", `{"config": {"num_replicas": 3}, "cluster": {"leader": "", "replicas": [{"active": 1000}, {"active": 1000}]}}`, false},
	} {
		var info streamInfo
		if err := json.Unmarshal([]byte(c.says), &info); err != nil {
			t.Fatal(err)
		}
		if info.led() != c.led {
			t.Errorf("%s: %t", c.name, info.led())
		}
	}
}
