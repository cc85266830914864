package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	layout           = "1" // of the stream's subjects and settings; in its metadata
	metadataLayout   = "parley"
	metadataIdentity = "parley-identity"
	duplicateWindow  = 2 * time.Minute
	markSubject      = "mark"
	askTimeout       = 2 * time.Second // of one request

	leastMajor, leastMinor = 2, 11 // the first nats-server with direct gets in batches
)

// apiError is how JetStream refuses.
type apiError struct {
	Status      int    `json:"code"`
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

// JetStream's error codes that mean something here.
const (
	codeNotEnabled        = 10076
	codeNotEnabledAccount = 10039
	codeNoStream          = 10059
	codeStreamExists      = 10058
	codeNoMessage         = 10037
	codeNoPeers           = 10005
	codeOverlap           = 10065
	codeReplicasAlone     = 10074
	codeNoLeader          = 10008 // of JetStream as a whole
)

func (e *apiError) Error() string { return e.Description }

// ask has JetStream's API answer a request with JSON. Its errors are *apiError, ErrUnavailable, and ctx's.
func (s *Stream) ask(ctx context.Context, subject string, request, into any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := s.nc.RequestWithContext(within, "$JS.API."+subject, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return errNoLeader
	}
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	if err != nil {
		return ErrUnavailable
	}
	var refused struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &refused); err != nil {
		return ErrUnavailable
	}
	if refused.Error != nil {
		return refused.Error
	}
	return json.Unmarshal(m.Data, into)
}

// errNoLeader is for where nobody answers that could, or one without a majority.
var errNoLeader = fmt.Errorf("%w: no leader", ErrUnavailable)

// code is JetStream's, or 0.
func code(err error) int {
	if refused := (*apiError)(nil); errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}

// establish finds the stream or makes it, and sees that it has its mark.
func (s *Stream) establish(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	info, err := s.info(ctx)
	if code(err) == codeNoStream && s.o.Find {
		return permanent{fmt.Errorf("%w: %s", ErrNoStream, s.o.Name)}
	}
	if code(err) == codeNoStream {
		if err = s.create(ctx); err == nil {
			info, err = s.info(ctx)
		}
	}
	if err != nil {
		return err
	}
	if err := s.o.agrees(&info.Config); err != nil {
		return permanent{err}
	}
	s.identity = identity(info)
	s.mark = max(info.Config.FirstSeq, 1)
	if info.State.LastSeq >= s.mark || s.o.Find {
		return nil
	}
	return s.setMark(ctx)
}

// usable checks the server's version, and that it has JetStream for this account.
func (s *Stream) usable(ctx context.Context) error {
	version := s.nc.ConnectedServerVersion()
	parts := strings.SplitN(version, ".", 3)
	if len(parts) == 3 {
		major, _ := strconv.Atoi(parts[0])
		minor, _ := strconv.Atoi(parts[1])
		if major < leastMajor || major == leastMajor && minor < leastMinor {
			return refuse("nats-server %s is too old: %d.%d or later is needed", version, leastMajor, leastMinor)
		}
	}
	if most := s.nc.MaxPayload(); most < MaxEntry {
		return refuse("the NATS server takes messages of %d bytes at the most (max_payload), and parley's are up to %d: raise it on all NATS servers", most, MaxEntry)
	}
	var account struct{}
	err := s.ask(ctx, "INFO", nil, &account)
	switch {
	case code(err) == codeNotEnabled || code(err) == codeNotEnabledAccount:
		return refuse("JetStream is not enabled for this account of the NATS server: give it a jetstream section")
	case errors.Is(err, errNoLeader):
		// So answers a server without JetStream, and one of a cluster that has no leader yet.
		return fmt.Errorf("JetStream is not enabled on the NATS server, or has no leader yet: %w", ErrUnavailable)
	case code(err) != 0:
		return fmt.Errorf("JetStream is not ready (%s): %w", err, ErrUnavailable)
	}
	return err
}

func (s *Stream) create(ctx context.Context) error {
	config := s.o.config()
	config.Metadata[metadataIdentity] = uuid.NewString()
	var made struct{}
	err := s.ask(ctx, "STREAM.CREATE."+s.o.Name, config, &made)
	switch code(err) {
	case 0:
		if err == nil {
			s.log.Info("made the stream", "event", "stream.made", "name", s.o.Name, "replicas", s.o.Replicas)
		}
		return err
	case codeStreamExists:
		return nil // another was first: this one agrees to what it made
	case codeReplicasAlone:
		return refuse("a stream with %d replicas needs a cluster of as many NATS servers; a single one can have 1 replica", s.o.Replicas)
	case codeOverlap:
		return refuse("another stream already keeps the subjects %s.log.>: choose another name", s.o.Name)
	}
	return fmt.Errorf("can't make the stream %s (%s): %w", s.o.Name, err, ErrUnavailable)
}

// config is what a stream must be, without its identity.
func (o *Options) config() *jetstream.StreamConfig {
	config := &jetstream.StreamConfig{
		Name: o.Name, Subjects: []string{o.Name + ".log.>"}, Description: "parley's log",
		Storage: jetstream.FileStorage, Replicas: o.Replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1, MaxMsgSize: MaxEntry,
		Duplicates: duplicateWindow, AllowDirect: true,
		RePublish: &jetstream.RePublish{Source: o.Name + ".log.>", Destination: o.Name + ".tail.>"},
		Metadata:  map[string]string{metadataLayout: layout},
	}
	if o.First > 0 {
		config.FirstSeq = o.First + 1
	}
	return config
}

// agrees says what is wrong with a stream of that name.
func (o *Options) agrees(is *jetstream.StreamConfig) error {
	want := o.config()
	if is.Metadata[metadataLayout] == "" || is.Metadata[metadataIdentity] == "" {
		return fmt.Errorf("the stream %s is not parley's: choose another name", o.Name)
	}
	if found := is.Metadata[metadataLayout]; found != layout {
		return fmt.Errorf("the stream %s was made by another version of parley (layout %s, here it is %s)", o.Name, found, layout)
	}
	if is.Replicas < o.Replicas {
		return fmt.Errorf("the stream %s has %d replicas, fewer than the %d asked for: ask for fewer, or have NATS add some (nats stream edit --replicas)",
			o.Name, is.Replicas, o.Replicas)
	}
	type setting struct {
		name      string
		is, wants any
	}
	settings := []setting{
		{"subjects", strings.Join(is.Subjects, " "), strings.Join(want.Subjects, " ")},
		{"storage", is.Storage, want.Storage},
		{"retention", is.Retention, want.Retention},
		{"discard policy", is.Discard, want.Discard},
		{"limit of messages", is.MaxMsgs, want.MaxMsgs},
		{"limit of bytes", is.MaxBytes, want.MaxBytes},
		{"limit for each subject", is.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"limit of age", is.MaxAge, want.MaxAge},
		{"limit of a message's size", is.MaxMsgSize, want.MaxMsgSize},
		{"window for duplicates", is.Duplicates, want.Duplicates},
		{"direct access", is.AllowDirect, true},
		{"refusal of deletes", is.DenyDelete, false},
		{"seal", is.Sealed, false},
		{"switched-off acknowledgement", is.NoAck, false},
		{"transform of subjects", is.SubjectTransform != nil, false},
		{"source elsewhere", is.Mirror != nil || len(is.Sources) > 0, false},
		{"copy of what is kept", is.RePublish != nil && *is.RePublish == *want.RePublish, true},
	}
	for _, s := range settings {
		if s.is != s.wants {
			return fmt.Errorf("the stream %s is not as parley made it: its %s is %v, and should be %v", o.Name, s.name, s.is, s.wants)
		}
	}
	return nil
}

// setMark makes the first entry; of several that try, one does.
func (s *Stream) setMark(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	header := nats.Header{headerLog: {s.identity}, headerStream: {s.o.Name}, headerExpect: {"0"}}
	m, err := s.nc.RequestMsgWithContext(within, &nats.Msg{Subject: s.o.Name + ".log." + markSubject, Header: header})
	if err != nil {
		return errNoLeader
	}
	if _, _, err = answer(m); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// streamInfo is what a leader tells, as far as it matters.
type streamInfo struct {
	Created time.Time              `json:"created"`
	Config  jetstream.StreamConfig `json:"config"`
	State   struct {
		FirstSeq uint64            `json:"first_seq"`
		LastSeq  uint64            `json:"last_seq"`
		Subjects map[string]uint64 `json:"subjects"`
	} `json:"state"`
	Cluster *struct {
		Leader   string    `json:"leader"`
		Since    time.Time `json:"leader_since"`
		Replicas []struct {
			Offline bool          `json:"offline"`
			Active  time.Duration `json:"active"` // since it was last heard
		} `json:"replicas"`
	} `json:"cluster"`
	Total int `json:"total"` // subjects, of which an answer may have some only
}

func identity(i *streamInfo) string {
	return i.Config.Metadata[metadataIdentity] + "/" + strconv.FormatInt(i.Created.UnixNano(), 36)
}

// reign tells one leader from another, and from the same one elected again.
func (i *streamInfo) reign() string {
	if i.Cluster == nil {
		return "alone"
	}
	return i.Cluster.Leader + " " + i.Cluster.Since.String()
}

// led says whether a leader answered, with a majority behind it. One that
// was stopped or cut off takes itself for the leader for some time yet, and
// tells of a past that others have left behind. Where no replica leads, each
// that is asked answers, also one that is far behind, and names no leader.
func (i *streamInfo) led() bool {
	heard := 1
	if i.Cluster != nil {
		if i.Cluster.Leader == "" {
			return false
		}
		for _, r := range i.Cluster.Replicas {
			if !r.Offline && r.Active < quorumHeard {
				heard++
			}
		}
	}
	return heard > i.Config.Replicas/2
}

// info asks the stream's leader, with a majority behind it.
func (s *Stream) info(ctx context.Context) (*streamInfo, error) {
	var info streamInfo
	within, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := s.ask(within, "STREAM.INFO."+s.o.Name, struct{}{}, &info)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = errNoLeader
	}
	if err != nil {
		return nil, err
	}
	if !info.led() {
		return nil, errNoLeader
	}
	return &info, nil
}
