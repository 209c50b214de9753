package statemachine

import (
	"crypto/sha256"
	"slices"
)

// shownVersion is the version of the binary form of [Shown].
const shownVersion = 1

// Bare returns a base as it is shown when nothing is laid over it. It shares
// memory with s.
func (s *State) Bare() Shown {
	return Shown{
		Status: s.Status, Since: s.Since, Previous: s.Previous, Reason: s.Reason,
		Conditions: s.Conditions, WaitingFor: s.Held, Violations: s.Violations,
	}
}

// IsBare reports whether nothing is laid over s: whether [State.Bare] says all.
func (sh *Shown) IsBare(s *State) bool {
	return sh.Status == s.Status && sh.Since == s.Since && sh.Reason == s.Reason && sh.By == "" && sh.Observed == nil &&
		len(sh.WaitingFor) == len(s.Held) && len(sh.Violations) == len(s.Violations) && slices.Equal(sh.Conditions, s.Conditions)
}

// IsTimed reports whether a status is laid over by time alone: by a deadline that
// the watermark has passed.
func (sh *Shown) IsTimed() bool {
	return sh.Status == StatusStalled && (sh.Reason == ReasonSilent || sh.Reason == ReasonOverdue)
}

// Digest is the SHA-256 over what is believed of a deployment and of its
// neighbours. Like [State.Digest] it knows nothing of arrival, and so nothing of
// the watermark: a deployment that stalled has the digest of one that did not.
// Where nothing is laid over s it is the digest of s.
func (sh *Shown) Digest(s *State) [sha256.Size]byte {
	sum := s.Digest()
	untimed := *sh
	if sh.IsTimed() {
		untimed.Status, untimed.Since, untimed.Previous, untimed.Reason = s.Status, s.Since, s.Previous, s.Reason
	}
	if untimed.IsBare(s) {
		return sum
	}
	return sha256.Sum256(untimed.AppendBinary(sum[:]))
}

// AppendBinary appends what is shown to b in its stored form.
func (sh *Shown) AppendBinary(b []byte) []byte {
	w := writer{b: append(b, shownVersion)}
	w.text(sh.Status, sh.Previous, sh.Reason, sh.By)
	w.time(sh.Since)
	w.list(sh.Conditions)
	w.uint(uint64(len(sh.WaitingFor)))
	for _, h := range sh.WaitingFor {
		w.text(h.Status, h.Guard, h.Message, h.Source, h.ID)
	}
	w.uint(uint64(len(sh.Violations)))
	for _, v := range sh.Violations {
		w.text(v.Policy, v.Message, v.Source, v.ID)
		w.time(v.Tau)
	}
	if o := sh.Observed; o != nil {
		w.byte(1)
		w.text(o.Version, o.Source, o.ID)
		w.time(o.Tau)
		w.b = appendFlags(w.b, o.Unreported)
	} else {
		w.byte(0)
	}
	return w.b
}

// DecodeShown reads what [Shown.AppendBinary] wrote. The result shares no memory
// with b. It fails with [ErrCodec].
func DecodeShown(b []byte) (*Shown, error) {
	r := reader{b: b}
	r.version(shownVersion)
	sh := &Shown{Status: r.known(), Previous: r.known(), Reason: r.known(), By: r.known(), Since: r.time()}
	sh.Conditions = r.list(r.known)
	for range r.count() {
		sh.WaitingFor = append(sh.WaitingFor, Held{Status: r.known(), Guard: r.known(), Message: r.known(), Source: r.known(), ID: r.known()})
	}
	for range r.count() {
		sh.Violations = append(sh.Violations, Violation{Policy: r.known(), Message: r.known(), Source: r.known(), ID: r.known(), Tau: r.time()})
	}
	if r.byte() != 0 {
		sh.Observed = &Observed{Version: r.known(), Source: r.known(), ID: r.known(), Tau: r.time()}
		r.flags(&sh.Observed.Unreported)
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return sh, nil
}
