package events

import (
	"crypto/sha256"
	"encoding/hex"
)

// checkAcross holds what no check of a single member can see, and no JSON
// Schema can say: all of it is listed in schemas/README.md.
func (e *Event) checkAcross() error {
	switch e.Type {
	case TypeReleaseDeclared:
		var r ReleaseDeclared
		if err := e.DataAs(&r); err != nil {
			return err
		}
		return checkPlan(r.Members)
	case TypeFreezeDeclared, TypeFreezeLifted:
		var f Freeze
		if err := e.DataAs(&f); err != nil {
			return err
		}
		if !f.To.After(f.From) {
			return Errorf(CodeSchema, "data.to is not after data.from")
		}
	case TypeAlertAcknowledged, TypeAlertUnacknowledged, TypeAlertNoise:
		var w AlertWord
		if err := e.DataAs(&w); err != nil {
			return err
		}
		return e.checkNamed("data.alert", w.Alert)
	case TypeSilenceCreated, TypeSilenceExpired:
		var w SilenceWord
		if err := e.DataAs(&w); err != nil {
			return err
		}
		return e.checkNamed("data.silence", w.Silence)
	case TypeDefinitionActivated:
		var d DefinitionActivated
		if err := e.DataAs(&d); err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(d.Document))
		if d.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
			return Errorf(CodeSchema, "data.digest is not the SHA-256 of data.document")
		}
		return e.checkNamed("data.name", d.Name)
	}
	return nil
}

// checkNamed refuses an event that names two things: one in its subject and
// another in its data.
func (e *Event) checkNamed(member, name string) error {
	if e.Subject != name {
		return Errorf(CodeBadID, "subject is not %s", member)
	}
	return nil
}

// checkPlan refuses a plan in which a component depends on one that is not in
// the plan, or in the end on itself. Dependencies are between components, over
// all their regions.
func checkPlan(members []Member) error {
	depends := make(map[string][]string, len(members))
	for _, m := range members {
		depends[m.Component] = append(depends[m.Component], m.DependsOn...)
	}
	// Take away what depends on nothing that is left, until nothing is left: a
	// rest that cannot be taken away is a cycle.
	waits := make(map[string]int, len(depends))
	waiters := make(map[string][]string, len(depends))
	ready := make([]string, 0, len(depends))
	for component, on := range depends {
		for _, other := range on {
			if _, ok := depends[other]; !ok {
				return Errorf(CodeSchema, "data.members: depends_on names a component that is not in the plan")
			}
			waiters[other] = append(waiters[other], component)
		}
		if waits[component] = len(on); len(on) == 0 {
			ready = append(ready, component)
		}
	}
	taken := 0
	for ; taken < len(ready); taken++ {
		for _, component := range waiters[ready[taken]] {
			if waits[component]--; waits[component] == 0 {
				ready = append(ready, component)
			}
		}
	}
	if taken < len(depends) {
		return Errorf(CodeSchema, "data.members: the dependencies form a cycle").
			WithHint("let no component depend on itself, directly or through others")
	}
	return nil
}
