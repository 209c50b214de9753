package statemachine

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func drawShown(t *rapid.T) *Shown {
	text := rapid.SampledFrom([]string{"", "a", "stalled", "blocked_by", "a sentence of some length"})
	time := rapid.Int64Range(0, 1<<60)
	sh := &Shown{
		Status: text.Draw(t, "status"), Previous: text.Draw(t, "previous"), Reason: text.Draw(t, "reason"),
		By: text.Draw(t, "by"), Since: time.Draw(t, "since"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		sh.Conditions = append(sh.Conditions, text.Draw(t, "condition"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "waits") {
		sh.WaitingFor = append(sh.WaitingFor, Held{Status: text.Draw(t, "for"), Message: text.Draw(t, "message")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "violations") {
		sh.Violations = append(sh.Violations, Violation{Policy: text.Draw(t, "policy"), Tau: time.Draw(t, "at")})
	}
	if rapid.Bool().Draw(t, "observed") {
		sh.Observed = &Observed{Version: text.Draw(t, "version"), Unreported: rapid.Bool().Draw(t, "unreported"), Tau: time.Draw(t, "seen")}
	}
	return sh
}

func TestShownIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sh := drawShown(t)
		back, err := DecodeShown(sh.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(back, sh) {
			t.Fatalf("wrote %+v, read %+v (%v)", sh, back, err)
		}
	})
}

// What time alone lays over a deployment is no part of its digest; what its
// neighbours lay over it is.
func TestShownDigest(t *testing.T) {
	s := NewState()
	s.Status, s.Since = StatusInProgress, 7
	bare := s.Bare()
	if bare.Digest(s) != s.Digest() {
		t.Error("a bare deployment has another digest than its base")
	}
	stalled := bare
	stalled.Status, stalled.Previous, stalled.Reason, stalled.Since = StatusStalled, s.Status, ReasonSilent, 99
	if stalled.Digest(s) != s.Digest() {
		t.Error("a watermark changed a digest")
	}
	gone := bare
	gone.Status, gone.Previous, gone.Reason, gone.By = StatusSuperseded, s.Status, ReasonNewerStart, "3.0"
	if gone.Digest(s) == s.Digest() {
		t.Error("a superseded deployment has the digest of its base")
	}
}
