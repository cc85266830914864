package parleytest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/internal/parleytest"
)

func TestMain(m *testing.M) { parleytest.Main(m) }

// connect connects a client by an entrance of its own and makes a stream as parleyd would.
func connect(t *testing.T, n *parleytest.NATS, e *parleytest.Entrance) jetstream.JetStream {
	t.Helper()
	options := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.Timeout(2 * time.Second),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2)}
	if n.Creds != "" {
		options = append(options, nats.UserCredentials(n.Creds), nats.RootCAs(n.CA))
	}
	var conn *nats.Conn
	eventually(t, "a connection", func() (err error) {
		conn, err = nats.Connect(e.URLs(), options...)
		return err
	})
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "log", Subjects: []string{"log.>"}, Replicas: len(n.Nodes)})
		return err
	})
	return js
}

// eventually tries again until it works.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for give := time.Now().Add(parleytest.Patience); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(give) {
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// leads waits until a node leads the stream that is not this one.
func leads(t *testing.T, n *parleytest.NATS, not *parleytest.NATSNode) (leader *parleytest.NATSNode) {
	t.Helper()
	eventually(t, "a leader", func() error {
		if leader = n.Leader("log"); leader == nil {
			return errors.New("nobody leads")
		} else if leader == not {
			return fmt.Errorf("%s leads still", leader.Name)
		}
		return nil
	})
	return leader
}

// publish adds a message, again and again until one is acknowledged, and returns its sequence.
func publish(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	for give := time.Now().Add(parleytest.Patience); time.Now().Before(give); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		ack, err := js.Publish(ctx, "log.said", []byte("text"))
		cancel()
		if err == nil {
			return ack.Sequence
		}
	}
	t.Fatal("nothing is acknowledged any more")
	return 0
}

// refused makes sure that nothing is acknowledged.
func refused(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if ack, err := js.Publish(ctx, "log.said", []byte("text")); err == nil {
		t.Errorf("%d was acknowledged without a way to the nodes", ack.Sequence)
	}
}

// TestNATSCluster: a node can be killed, stopped, cut off and started again; the others go on
// with another leader, and it comes back with what it had. PARLEY_SOAK=1 shows all four, else it is two:
// nodes wait 4 to 9 s before they vote.
func TestNATSCluster(t *testing.T) {
	if testing.Short() || parleytest.Race {
		t.Skip("waits for elections, of programs that are not parley's")
	}
	t.Parallel()
	n := parleytest.StartNATS(t, 3)
	js := connect(t, n, n.Entrance())
	last := publish(t, js)
	faults := []struct {
		name       string
		begin, end func(*parleytest.NATSNode)
	}{
		{"kill", (*parleytest.NATSNode).Kill, (*parleytest.NATSNode).Launch},
		{"hole", set(parleytest.Hole), set(parleytest.Open)},
		{"stop", (*parleytest.NATSNode).Stop, (*parleytest.NATSNode).Cont},
		{"reset", set(parleytest.Reset), set(parleytest.Open)},
	}
	if os.Getenv("PARLEY_SOAK") == "" {
		faults = faults[:2]
	}
	for _, fault := range faults {
		leader := leads(t, n, nil)
		began := time.Now()
		fault.begin(leader)
		now := publish(t, js)
		if now <= last {
			t.Errorf("%s: %d after %d", fault.name, now, last)
		}
		t.Logf("%s of the leader: the next message was acknowledged after %v", fault.name, time.Since(began))
		leads(t, n, leader)
		last = now
		fault.end(leader)
		n.Ready()
	}
	holds(t, js, last)
}

// holds makes sure that the stream has its messages from the first to at least the last.
func holds(t *testing.T, js jetstream.JetStream, last uint64) {
	t.Helper()
	var info *jetstream.StreamInfo
	eventually(t, "word of the stream", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stream, err := js.Stream(ctx, "log")
		if err == nil {
			info, err = stream.Info(ctx)
		}
		return err
	})
	if info.State.Msgs < last || info.State.FirstSeq != 1 {
		t.Errorf("%+v: messages are gone", info.State)
	}
}

func set(cut parleytest.Cut) func(*parleytest.NATSNode) {
	return func(n *parleytest.NATSNode) { n.Set(cut) }
}

// TestNATSSecure: a single node with TLS and credentials lets in who has them, and nobody else. Who
// is cut off from it, or sees it killed, goes on by itself.
func TestNATSSecure(t *testing.T) {
	t.Parallel()
	n := parleytest.StartSecureNATS(t, 1)
	e := n.Entrance()
	js := connect(t, n, e)
	if got := publish(t, js); got != 1 {
		t.Errorf("the first message is %d", got)
	}
	for name, options := range map[string][]nats.Option{
		"without credentials": {nats.RootCAs(n.CA)},
		"without the CA":      {nats.UserCredentials(n.Creds)},
	} {
		if conn, err := nats.Connect(e.URLs(), options...); err == nil {
			conn.Close()
			t.Errorf("%s one is let in", name)
		}
	}
	for _, cut := range []parleytest.Cut{parleytest.Hole, parleytest.Reset} {
		e.Set(cut)
		refused(t, js)
		e.Set(parleytest.Open)
		publish(t, js)
	}
	last := publish(t, js)
	n.Nodes[0].Kill()
	refused(t, js)
	n.Nodes[0].Launch()
	n.Ready()
	leads(t, n, nil)
	if got := publish(t, js); got <= last {
		t.Errorf("%d after a restart, and %d before", got, last)
	}
	holds(t, js, last)
}
