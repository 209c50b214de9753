package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// What can become of an entry of the quarantine.
const (
	// Replayed: it went through its door again, and all of it was taken.
	Replayed = "replayed"

	// Dropped: a person said that nothing in it is of use. Its body is gone.
	Dropped = "dropped"
)

// Conclusion is what became of an entry of the quarantine.
type Conclusion struct {
	What   string    `json:"what"` // [Replayed] or [Dropped]
	By     string    `json:"by"`   // the caller
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`

	// What a replay came to, in events.
	Accepted   int `json:"accepted,omitempty"`
	Duplicates int `json:"duplicates,omitempty"`
	Ignored    int `json:"ignored,omitempty"`
}

// Conclude records what became of an entry, which stays where it is. The latest
// conclusion counts. Errors are those of [Quarantine.Put] without quota and
// size.
func (q *Quarantine) Conclude(ctx context.Context, e QuarantineEntry, c Conclusion) error {
	of := e.Quarantined
	of.Raw, of.Headers = nil, nil
	_, err := q.put(ctx, concludedSubject(e.Seq), kept{Quarantined: of, Size: e.Bytes, Conclusion: &c})
	return err
}

// Drop records that an entry was dropped, and deletes its body. [ErrNotFound]
// when there is no such entry.
//
// If we died between the two, the entry would count as dropped with its body
// still there, and to drop it again would do the rest; a part of a long body
// that is left behind goes when it is too old.
func (q *Quarantine) Drop(ctx context.Context, seq uint64, c Conclusion) error {
	op := fmt.Sprintf("drop quarantined %d", seq)
	k, _, err := q.get(ctx, map[string]any{"seq": seq})
	if err == nil && !k.isEntry() {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := q.Conclude(ctx, k.entry(seq), c); err != nil {
		return err
	}
	s, err := q.c.JS.Stream(ctx, events.StreamQuarantine)
	if err != nil {
		return classify(op, err)
	}
	for _, at := range append([]uint64{seq}, k.Parts...) {
		if err := s.DeleteMsg(ctx, at); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return classify(op, err)
		}
	}
	return nil
}

// Conclusion returns what became of the entry of a sequence, with the entry as
// far as the record has it: without headers and body. [ErrNotFound] when
// nothing became of it yet.
func (q *Quarantine) Conclusion(ctx context.Context, seq uint64) (Conclusion, QuarantineEntry, error) {
	k, _, err := q.get(ctx, map[string]any{"last_by_subj": concludedSubject(seq)})
	if err == nil && k.Conclusion == nil {
		err = ErrNotFound
	}
	if err != nil {
		return Conclusion{}, QuarantineEntry{}, fmt.Errorf("conclusion of quarantined %d: %w", seq, err)
	}
	return *k.Conclusion, k.entry(seq), nil
}

// Concluded returns the sequences of the entries of which something became.
func (q *Quarantine) Concluded(ctx context.Context) (map[uint64]bool, error) {
	const op = "list what became of the quarantine"
	s, err := q.c.JS.Stream(ctx, events.StreamQuarantine)
	if err != nil {
		return nil, classify(op, err)
	}
	all := events.QuarantineSubject(stageConcluded, "0")
	all = all[:len(all)-1]
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(all+"*"))
	if err != nil {
		return nil, classify(op, err)
	}
	seqs := make(map[uint64]bool, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		if seq, err := strconv.ParseUint(strings.TrimPrefix(subject, all), 10, 64); err == nil {
			seqs[seq] = true
		}
	}
	return seqs, nil
}

// Expire deletes all that was put in before a time, concluded or not, and
// returns how many messages that were.
func (q *Quarantine) Expire(ctx context.Context, before time.Time) (deleted uint64, err error) {
	const op = "expire quarantine"
	s, err := q.c.JS.Stream(ctx, events.StreamQuarantine)
	if err != nil {
		return 0, classify(op, err)
	}
	state := s.CachedInfo().State
	first := state.LastSeq + 1 // the first that stays
	_, seq, err := q.get(ctx, map[string]any{"start_time": before, "next_by_subj": events.AllQuarantine})
	switch {
	case err == nil:
		first = seq
	case !errors.Is(err, ErrNotFound):
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	if state.Msgs == 0 || first <= state.FirstSeq {
		return 0, nil
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(first)); err != nil {
		return 0, classify(op, err)
	}
	after, err := s.Info(ctx)
	if err != nil {
		return 0, classify(op, err)
	}
	return state.Msgs - min(after.State.Msgs, state.Msgs), nil
}

func concludedSubject(seq uint64) string {
	return events.QuarantineSubject(stageConcluded, events.Code(strconv.FormatUint(seq, 10)))
}
