package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Limits of the alphabet of identifiers, in bytes.
const (
	maxNameLen   = 63
	maxRolloutID = 128
)

// Missing stands for a part that a subject does not have. No id can be "_".
const Missing = "_"

// Slot is the place that has a running version: one component in one region of
// one environment. The zero value names no slot.
type Slot struct {
	Env, Region, Component string
}

// String returns "env/region/component".
func (s Slot) String() string { return s.Env + "/" + s.Region + "/" + s.Component }

// Key is the identity of a deployment: one rollout in one slot.
type Key struct {
	Slot
	Deployment string
}

// String returns "env/region/component/deployment".
func (k Key) String() string { return k.Slot.String() + "/" + k.Deployment }

// IsFollow reports whether the key belongs to a follow word: its deployment is
// "_", "what is rolling out in this slot, whatever you call it".
func (k Key) IsFollow() bool { return k.Deployment == Missing }

// Release is the identity of a release: its name within one environment.
type Release struct {
	Env, Name string
}

// String returns "env/release".
func (r Release) String() string { return r.Env + "/" + r.Name }

// ParseKey parses "env/region/component/deployment". The deployment may be "_"
// (a follow word). Anything outside the alphabets is refused with [CodeBadID],
// never repaired.
func ParseKey(s string) (Key, error) {
	p, ok := split(s, 4)
	if !ok {
		return Key{}, Errorf(CodeBadID, "subject is not env/region/component/deployment")
	}
	slot, err := makeSlot(p[0], p[1], p[2])
	if err != nil {
		return Key{}, err
	}
	if p[3] != Missing {
		if err := checkRollout("deployment", p[3]); err != nil {
			return Key{}, err
		}
	}
	return Key{Slot: slot, Deployment: p[3]}, nil
}

// ParseSlot parses "env/region/component".
func ParseSlot(s string) (Slot, error) {
	p, ok := split(s, 3)
	if !ok {
		return Slot{}, Errorf(CodeBadID, "subject is not env/region/component")
	}
	return makeSlot(p[0], p[1], p[2])
}

// ParseRelease parses "env/release".
func ParseRelease(s string) (Release, error) {
	p, ok := split(s, 2)
	if !ok {
		return Release{}, Errorf(CodeBadID, "subject is not env/release")
	}
	if err := CheckName("env", p[0]); err != nil {
		return Release{}, err
	}
	if err := checkRollout("release", p[1]); err != nil {
		return Release{}, err
	}
	return Release{Env: p[0], Name: p[1]}, nil
}

// CheckName refuses with [CodeBadID] what is not [a-z0-9][a-z0-9_-]{0,62}, the
// alphabet of env, region, component, recorder and emitter. what names the part
// in the error.
func CheckName(what, s string) error {
	if !isName(s) {
		return Errorf(CodeBadID, "%s is not [a-z0-9][a-z0-9_-]{0,62}", what).
			WithHint("use lower-case letters, digits, '-' and '_', at most 63 bytes")
	}
	return nil
}

// checkRollout refuses what is not [A-Za-z0-9][A-Za-z0-9._+-]{0,127}. The
// prefix "run." is reserved for our own use.
func checkRollout(what, s string) error {
	if !isRollout(s) {
		return Errorf(CodeBadID, "%s is not [A-Za-z0-9][A-Za-z0-9._+-]{0,127}", what)
	}
	if strings.HasPrefix(s, "run.") {
		return Errorf(CodeBadID, "%s starts with the reserved prefix \"run.\"", what)
	}
	return nil
}

func makeSlot(env, region, component string) (Slot, error) {
	for _, p := range [...]struct{ what, s string }{{"env", env}, {"region", region}, {"component", component}} {
		if err := CheckName(p.what, p.s); err != nil {
			return Slot{}, err
		}
	}
	return Slot{Env: env, Region: region, Component: component}, nil
}

func isName(s string) bool {
	if len(s) == 0 || len(s) > maxNameLen || !isLower(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLower(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isRollout(s string) bool {
	if len(s) == 0 || len(s) > maxRolloutID || !isAlnum(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '+' && c != '-' {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isLower(c) || 'A' <= c && c <= 'Z' }

// split cuts s at '/' into exactly n parts.
func split(s string, n int) (parts [4]string, ok bool) {
	for i := range n - 1 {
		part, rest, found := strings.Cut(s, "/")
		if !found {
			return parts, false
		}
		parts[i], s = part, rest
	}
	if strings.Contains(s, "/") {
		return parts, false
	}
	parts[n-1] = s
	return parts, true
}

// Slug turns a tool's name into a valid env, region or component: lower case,
// everything else to '-'. A name over 63 bytes keeps its first 54 bytes, '-'
// and 8 hex digits of its SHA-256. It returns "" when nothing usable is left.
// Only adapters call it, and they keep the original as a label: at the doors a
// wrong id is refused, never repaired.
func Slug(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(s) {
		switch {
		case r < 0x80 && isLower(byte(r)), r == '_' && b.Len() > 0:
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteByte(byte(r))
		default:
			dash = true
		}
	}
	out := b.String()
	if len(out) > maxNameLen {
		sum := sha256.Sum256([]byte(s))
		out = out[:54] + "-" + hex.EncodeToString(sum[:4])
	}
	return out
}
