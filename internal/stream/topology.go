package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Windows in which the server drops a message whose Nats-Msg-Id it has seen.
// Each remembered id costs the server 174 bytes, so the windows are as short as
// their purpose allows; what is behind them recognises repeats of any age.
const (
	// rawWindow is the least the server allows: on a stream that many write to,
	// one emitter could otherwise swallow another's message by using its id.
	rawWindow = 100 * time.Millisecond

	// repeatWindow covers our own repeats after a lost acknowledgement: it is
	// longer than all tries of a [Committer] together.
	repeatWindow = 30 * time.Second

	// fencedWindow is the least the server allows, and nothing is in it: on
	// TT_CHANGES and TT_CURRENT the fence keeps repeats out, and no message has
	// an id.
	fencedWindow = 100 * time.Millisecond
)

// Defaults of [Settings].
const (
	defaultRawBytes        = 256 << 20
	defaultQuarantineBytes = 256 << 20
	safeReplicas           = 3
	unlimited              = -1
)

// Settings are what differs between installations. The zero value is a single
// server of our own except for AllowSingleReplica, which it must say.
type Settings struct {
	// Replicas of every stream. 0: what is there, and 1 when it is created.
	Replicas int

	// AllowSingleReplica accepts fewer than three replicas. It is right for the
	// embedded server, which syncs before it acknowledges; on an outside
	// cluster one unsynced replica loses acknowledged events.
	AllowSingleReplica bool

	// RawBytes and QuarantineBytes bound the door and the quarantine. Both
	// default to 256 MiB. When full they refuse.
	RawBytes, QuarantineBytes int64

	// EventsBytes, ChangesBytes and AlertsBytes bound the records that are kept
	// for ever. 0: no bound of ours, and one that is there is left alone. When
	// full they refuse.
	EventsBytes, ChangesBytes, AlertsBytes int64
}

// Topology returns all streams, the one of the bucket TT_CURRENT included.
//
// No stream has an age limit, roll-ups, message TTLs or schedules: each of them
// removes messages. Deny-delete and deny-purge are not set, because they cannot
// be unset; erasure will need them off. Every stream discards new messages when
// it is full, the quarantine too: what was answered as "quarantined" must not
// vanish under a later flood. Atomic batches are on wherever we write many.
func Topology(s Settings) []jetstream.StreamConfig {
	base := func(name, what string, window time.Duration, maxBytes int64, subjects ...string) jetstream.StreamConfig {
		if maxBytes <= 0 {
			maxBytes = unlimited
		}
		return jetstream.StreamConfig{
			Name:               name,
			Description:        what,
			Subjects:           subjects,
			Retention:          jetstream.LimitsPolicy,
			Storage:            jetstream.FileStorage,
			Discard:            jetstream.DiscardNew,
			MaxBytes:           maxBytes,
			MaxMsgs:            unlimited,
			MaxMsgsPerSubject:  unlimited,
			MaxConsumers:       unlimited,
			MaxMsgSize:         unlimited,
			Replicas:           max(s.Replicas, 1),
			Duplicates:         window,
			AllowDirect:        true,
			AllowAtomicPublish: true,
		}
	}
	raw := base(events.StreamRaw, "the door for NATS emitters", rawWindow,
		orDefault(s.RawBytes, defaultRawBytes), events.AllRaw)
	raw.Retention = jetstream.WorkQueuePolicy
	raw.AllowAtomicPublish = false // an emitter's unfinished batches would cost us disk
	raw.AllowDirect = false
	raw.MaxMsgSize = MaxQuarantined // headers included: what cannot be used can always be kept

	current := base(bucketStream, "what each slot runs", fencedWindow, 0, currentSubjects)
	current.MaxMsgsPerSubject = 1 // what makes a stream a KV bucket

	return []jetstream.StreamConfig{
		raw,
		base(events.StreamEvents, "the truth", repeatWindow, s.EventsBytes, events.AllEvents, events.AllTicks),
		base(events.StreamChanges, "what we came to believe", fencedWindow, s.ChangesBytes, events.AllChanges),
		base(events.StreamAlerts, "the notifier's log", repeatWindow, s.AlertsBytes, events.AllAlerts),
		base(events.StreamQuarantine, "what could not be used", repeatWindow,
			orDefault(s.QuarantineBytes, defaultQuarantineBytes), events.AllQuarantine),
		current,
	}
}

// TopologyError is a stream that is not as it must be, and that Ensure may not
// change.
type TopologyError struct {
	Stream string
	Detail string
	Hint   string
}

// Error names the stream and what is wrong with it.
func (e *TopologyError) Error() string { return "stream " + e.Stream + ": " + e.Detail }

// Ensure creates what is missing and repairs what differs and may be changed.
// Storage and retention may not: that is a *[TopologyError], and so are fewer
// than three replicas unless they were asked for. What an operator may choose
// (placement, compression, metadata) is left as it is. Ensure may run in
// several processes at once.
func Ensure(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if s.Replicas < safeReplicas && s.Replicas > 0 && !s.AllowSingleReplica {
		return tooFewReplicas("of the configuration", s.Replicas)
	}
	for _, want := range Topology(s) {
		if err := ensure(ctx, js, want, s); err != nil {
			return err
		}
	}
	return nil
}

func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, s Settings) error {
	st, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if want.Replicas < safeReplicas && !s.AllowSingleReplica {
			return tooFewReplicas(want.Name, want.Replicas)
		}
		_, err = js.CreateStream(ctx, want)
		if err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return createError(want.Name, err)
		}
		// Another process was faster.
		st, err = js.Stream(ctx, want.Name)
	}
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", want.Name, err)
	}
	have := st.CachedInfo().Config
	if err := mayBecome(have, want); err != nil {
		return err
	}
	next, changed := repair(have, want, s.Replicas > 0)
	if next.Replicas < safeReplicas && !s.AllowSingleReplica {
		return tooFewReplicas(want.Name, next.Replicas)
	}
	if !changed {
		return nil
	}
	if _, err := js.UpdateStream(ctx, next); err != nil {
		return &TopologyError{
			Stream: want.Name, Detail: "it differs from what is needed and the server refused the repair: " + err.Error(),
			Hint: "compare it with `nats stream info " + want.Name + "`; a stream with other features must be exported and re-created by hand",
		}
	}
	return nil
}

// mayBecome refuses what no update can or should change.
func mayBecome(have, want jetstream.StreamConfig) error {
	refuse := func(format string, args ...any) error {
		return &TopologyError{
			Stream: have.Name, Detail: fmt.Sprintf(format, args...),
			Hint: "export its messages, delete it by hand and start again; nothing deletes a stream by itself",
		}
	}
	switch {
	case have.Storage != want.Storage:
		return refuse("it is stored in %s, not in %s", have.Storage, want.Storage)
	case have.Retention != want.Retention:
		return refuse("its retention is %s, not %s", have.Retention, want.Retention)
	case have.Sealed:
		return refuse("it is sealed")
	case have.Mirror != nil:
		return refuse("it is a mirror")
	}
	return nil
}

// repair returns have with all that matters to us as in want.
func repair(have, want jetstream.StreamConfig, setReplicas bool) (next jetstream.StreamConfig, changed bool) {
	next = have
	set(&next.Discard, want.Discard, &changed)
	set(&next.MaxAge, 0, &changed)
	set(&next.MaxMsgs, want.MaxMsgs, &changed)
	set(&next.MaxMsgsPerSubject, want.MaxMsgsPerSubject, &changed)
	if want.MaxMsgSize != unlimited {
		set(&next.MaxMsgSize, want.MaxMsgSize, &changed)
	}
	set(&next.Duplicates, want.Duplicates, &changed)
	set(&next.AllowDirect, want.AllowDirect, &changed)
	set(&next.AllowAtomicPublish, want.AllowAtomicPublish, &changed)
	set(&next.AllowRollup, false, &changed)
	set(&next.AllowMsgTTL, false, &changed)
	set(&next.AllowMsgSchedules, false, &changed)
	if want.MaxBytes != unlimited {
		set(&next.MaxBytes, want.MaxBytes, &changed)
	}
	if setReplicas {
		set(&next.Replicas, want.Replicas, &changed)
	}
	if !slices.Equal(have.Subjects, want.Subjects) {
		next.Subjects, changed = want.Subjects, true
	}
	return next, changed
}

func set[T comparable](field *T, want T, changed *bool) {
	if *field != want {
		*field, *changed = want, true
	}
}

func tooFewReplicas(stream string, n int) error {
	return &TopologyError{
		Stream: stream, Detail: fmt.Sprintf("%d replica(s) outside our own server can lose acknowledged events", n),
		Hint: "use a cluster with at least three replicas, or allow a single one explicitly if that server has sync_interval: always",
	}
}

func createError(name string, err error) error {
	e := classify("create stream "+name, err)
	if e.Kind == Full {
		e.Hint = "the server has less store left than the stream reserves: lower its limit, or give the server more (max_file_store)"
	}
	return e
}

func orDefault(v, d int64) int64 {
	if v == 0 {
		return d
	}
	return v
}
