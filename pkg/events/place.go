package events

import "strings"

// Place returns where in TT_EVENTS the event belongs, from its type and its
// subject: a deployment's or slot's own place, an environment for releases and
// freezes, and the zero Place for what belongs to none (definitions, words
// about alerts, ticks). A subject that does not fit the type is refused with
// [CodeBadID].
//
// A type that is not ours goes by the shape of its subject; a subject without
// a slash is a name that belongs to no environment. The subject of a custom
// CDEvent is never a key of ours, whatever its shape.
func (e *Event) Place() (Place, error) {
	switch e.Type {
	case TypeReported, TypeProgressed:
		return placeOfKey(e.Subject, true)
	case TypeEvidence:
		return placeOfKeyOrRelease(e.Subject, true)
	case TypeAnnotated:
		return placeOfKeyOrRelease(e.Subject, false)
	case TypeOverridden:
		return placeOfKey(e.Subject, false)
	case TypeObserved:
		return placeOfSlot(e.Subject)
	case TypeReleaseDeclared:
		return placeOfRelease(e.Subject)
	case TypeFreezeDeclared, TypeFreezeLifted:
		return Place{Env: e.Subject}, CheckName("env", e.Subject)
	case TypeTick:
		return Place{}, CheckName("recorder", e.Subject)
	}
	if !isOurs(e.Type) && !strings.HasPrefix(e.Type, "dev.cdeventsx.") {
		switch strings.Count(e.Subject, "/") {
		case 0:
		case 1:
			return placeOfRelease(e.Subject)
		case 2:
			return placeOfSlot(e.Subject)
		default:
			return placeOfKey(e.Subject, true)
		}
	}
	if e.Subject == "" || len(e.Subject) > maxSubject || !isPlain(e.Subject) {
		return Place{}, Errorf(CodeBadID, "subject is not a name of 1 to %d bytes without control characters", maxSubject)
	}
	return Place{}, nil
}

// EventsSubject returns the NATS subject of the event in TT_EVENTS: that of its
// [Event.Place], and tt.v1.ticks.<recorder> for a tick, whose subject is the
// recorder that promises. It fails as Place does.
func (e *Event) EventsSubject() (string, error) {
	p, err := e.Place()
	if err != nil {
		return "", err
	}
	if e.Type == TypeTick {
		return TickSubject(e.Subject), nil
	}
	return p.EventsSubject(), nil
}

func (s Slot) place() Place { return Place(s) }

func placeOfKey(subject string, follow bool) (Place, error) {
	k, err := ParseKey(subject)
	if err != nil {
		return Place{}, err
	}
	if k.IsFollow() && !follow {
		return Place{}, Errorf(CodeBadID, "this type needs the name of a deployment, not %q", Missing)
	}
	return k.place(), nil
}

func placeOfKeyOrRelease(subject string, follow bool) (Place, error) {
	if strings.Count(subject, "/") == 1 {
		return placeOfRelease(subject)
	}
	return placeOfKey(subject, follow)
}

func placeOfSlot(subject string) (Place, error) {
	s, err := ParseSlot(subject)
	return s.place(), err
}

func placeOfRelease(subject string) (Place, error) {
	r, err := ParseRelease(subject)
	return Place{Env: r.Env}, err
}
