package store

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Said is an event about a release or an environment that counts: a plan, a
// freeze, or a word about all members of a release.
type Said struct {
	Event
	Ref Ref
}

// SaidIn returns what was said of the releases of an environment and of itself,
// by subject and position in EVENTS.
func SaidIn(r *Reader, look Lookup, env string) ([]Said, error) {
	return saidUnder(r, look, keySaidIn(nil, env))
}

// saidUnder is [SaidIn] for a part of an environment, by the prefix of its keys.
func saidUnder(r *Reader, look Lookup, prefix []byte) ([]Said, error) {
	var out []Said
	err := r.Scan(prefix, nil, func(_, v []byte) (bool, error) {
		d := decoder{b: v}
		ref := Ref(d.uint())
		if err := d.done(); err != nil {
			return false, err
		}
		e, err := look.Event(ref)
		if err != nil {
			return false, must(err)
		}
		counts, twins, err := judge(look, ref, &e)
		if e.Word != nil {
			w := *e.Word
			w.Twins, e.Word = twins, &w
		}
		if counts {
			out = append(out, Said{e, ref})
		}
		return true, err
	})
	return out, err
}

// Environments returns the names of the environments of which something was
// said, sorted.
func (r *Reader) Environments() ([]string, error) {
	var out []string
	err := r.keys([]byte{kindSaid}, func(k []byte) error {
		env, _, ok := strings.Cut(string(k[1:]), "\x00")
		if !ok {
			return ErrCodec
		}
		if len(out) == 0 || out[len(out)-1] != env {
			out = append(out, env)
		}
		return nil
	})
	return out, err
}

// Declaration reads the plan that an event declares; ok is false for other
// events.
func (s *Said) Declaration() (d view.Declaration, ok bool, err error) {
	if s.Note == nil || s.Note.Type != events.TypeReleaseDeclared {
		return d, false, nil
	}
	d = view.Declaration{Tau: s.Note.Tau, Source: s.Note.Source, ID: s.Note.ID}
	if d.Release, err = events.ParseRelease(s.Subject); err != nil {
		return d, false, fmt.Errorf("the store has the release %q: %v", s.Subject, err)
	}
	return d, true, unmarshalData(s.Note.Data, &d.ReleaseDeclared)
}

// FreezeWord reads what an event says of a change freeze; ok is false for other
// events.
func (s *Said) FreezeWord() (w view.FreezeWord, ok bool, err error) {
	if s.Note == nil || s.Note.Type != events.TypeFreezeDeclared && s.Note.Type != events.TypeFreezeLifted {
		return w, false, nil
	}
	w = view.FreezeWord{
		Tau: s.Note.Tau, Source: s.Note.Source, ID: s.Note.ID, Lifted: s.Note.Type == events.TypeFreezeLifted,
	}
	return w, true, unmarshalData(s.Note.Data, &w.Freeze)
}

// unmarshalData reads what a note keeps of an event's data. It was validated at
// the door.
func unmarshalData(data jsontext.Value, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read the data of a stored event: %w", err)
	}
	return nil
}

// PutSaid finds an event about a release or an environment.
func (w *Writer) PutSaid(env, subject string, seq uint64, ref Ref) error {
	return w.Put(keySaid(nil, env, subject, seq), appendRefOf(nil, ref))
}

// MembersAt returns the keys of the deployments of one slot that were named in a
// release, sorted.
func (r *Reader) MembersAt(release events.Release, slot events.Slot) (keys []string, err error) {
	prefix := keyMembers(nil, release)
	err = r.keys(append(prefix, slot.String()+"/"...), func(k []byte) error {
		keys = append(keys, string(k[len(keyMembers(nil, release)):]))
		return nil
	})
	return keys, err
}

// eachMember calls fn for each deployment that was named in a release, in the
// order of keys, with τ of the first word that did.
func (r *Reader) eachMember(release events.Release, fn func(name string, first int64) error) error {
	prefix := keyMembers(nil, release)
	return r.Scan(prefix, nil, func(k, v []byte) (bool, error) {
		d := decoder{b: v}
		first := d.int()
		if err := d.done(); err != nil {
			return false, err
		}
		return true, fn(string(k[len(prefix):]), first)
	})
}

// Members calls fn for the key of each deployment behind after that was named in
// a release, in order, until fn answers more=false or an error.
func (r *Reader) Members(release events.Release, after string, fn func(string) (more bool, err error)) error {
	prefix := keyMembers(nil, release)
	return r.Scan(prefix, behind(append(keyMembers(nil, release), after...), after), func(k, _ []byte) (bool, error) {
		return fn(string(k[len(prefix):]))
	})
}

// Shows returns a deployment as it is shown.
func (d *Deployment) Shows() statemachine.Shown {
	if d.Shown != nil {
		return *d.Shown
	}
	return d.State.Bare()
}
