package events

import "strings"

// Streams and the KV bucket of the contract.
const (
	StreamRaw        = "TT_RAW"
	StreamEvents     = "TT_EVENTS"
	StreamChanges    = "TT_CHANGES"
	StreamAlerts     = "TT_ALERTS"
	StreamQuarantine = "TT_QUARANTINE"
	BucketCurrent    = "TT_CURRENT"
)

// The prefixes of the subjects of v1.
const (
	prefixRaw        = "tt.v1.raw."
	prefixEvents     = "tt.v1.events."
	prefixTicks      = "tt.v1.ticks."
	prefixChanges    = "tt.v1.changes."
	prefixAlerts     = "tt.v1.alerts."
	prefixQuarantine = "tt.v1.quarantine."
)

// Wildcards that the streams and consumers use.
const (
	AllRaw        = prefixRaw + ">"
	AllEvents     = prefixEvents + ">"
	AllTicks      = prefixTicks + ">"
	AllChanges    = prefixChanges + ">"
	AllAlerts     = prefixAlerts + ">"
	AllQuarantine = prefixQuarantine + ">"
)

// Place says where an event is published: the parts of a NATS subject under
// tt.v1.events or tt.v1.changes. An empty part is missing and becomes "_".
type Place struct {
	Env, Region, Component string
}

// EventsSubject returns tt.v1.events.<env>.<region>.<component>.
func (p Place) EventsSubject() string { return p.under(prefixEvents) }

// ChangesSubject returns tt.v1.changes.<env>.<region>.<component>.
func (p Place) ChangesSubject() string { return p.under(prefixChanges) }

// ChangesOf returns the wildcard over all changes of one environment, the unit
// of order and of fencing.
func ChangesOf(env string) string { return prefixChanges + token(env) + ".>" }

// RawSubject returns tt.v1.raw.<emitter>, the only subject an emitter may
// publish on.
func RawSubject(emitter string) string { return prefixRaw + token(emitter) }

// TickSubject returns tt.v1.ticks.<recorder>.
func TickSubject(recorder string) string { return prefixTicks + token(recorder) }

// AlertSubject returns tt.v1.alerts.<severity>.<env>.<component>.
func AlertSubject(severity, env, component string) string {
	return prefixAlerts + token(severity) + "." + token(env) + "." + token(component)
}

// QuarantineSubject returns tt.v1.quarantine.<stage>.<code>.
func QuarantineSubject(stage string, code Code) string {
	return prefixQuarantine + token(stage) + "." + token(string(code))
}

// CurrentKey returns the key of a slot in the bucket TT_CURRENT.
func CurrentKey(s Slot) string {
	return token(s.Env) + "." + token(s.Region) + "." + token(s.Component)
}

// ParseEventsSubject is the inverse of [Place.EventsSubject]. ok is false for
// anything that no Place builds.
func ParseEventsSubject(subject string) (p Place, ok bool) { return parsePlace(prefixEvents, subject) }

// ParseChangesSubject is the inverse of [Place.ChangesSubject].
func ParseChangesSubject(subject string) (p Place, ok bool) {
	return parsePlace(prefixChanges, subject)
}

// ParseRawSubject returns the emitter that a raw subject names.
func ParseRawSubject(subject string) (emitter string, ok bool) {
	emitter, ok = strings.CutPrefix(subject, prefixRaw)
	return emitter, ok && isName(emitter)
}

// ParseTickSubject returns the recorder that a tick subject names.
func ParseTickSubject(subject string) (recorder string, ok bool) {
	recorder, ok = strings.CutPrefix(subject, prefixTicks)
	return recorder, ok && isName(recorder)
}

func (p Place) under(prefix string) string {
	return prefix + token(p.Env) + "." + token(p.Region) + "." + token(p.Component)
}

func parsePlace(prefix, subject string) (Place, bool) {
	rest, ok := strings.CutPrefix(subject, prefix)
	if !ok {
		return Place{}, false
	}
	parts := strings.Split(rest, ".")
	if len(parts) != 3 {
		return Place{}, false
	}
	for i, s := range parts {
		if s == Missing {
			parts[i] = ""
		} else if !isName(s) {
			return Place{}, false
		}
	}
	return Place{Env: parts[0], Region: parts[1], Component: parts[2]}, true
}

// token is the one gate through which a string enters a subject. What is not a
// plain token becomes "_": callers validate first, so that this only ever
// guards against a programming error, and no input can add a token, a wildcard
// or a control character.
func token(s string) string {
	if s == "" || len(s) > maxRolloutID {
		return Missing
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '_' && c != '-' {
			return Missing
		}
	}
	return s
}
