package store

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// regionsOf returns the regions in which an environment has slots, sorted. It
// reads one key for each.
func (r *Reader) regionsOf(env string) (out []string, err error) {
	prefix := keySlot(nil, env+"/")
	for from := prefix; from != nil; {
		at := from
		from = nil
		err := r.Scan(prefix, at, func(k, _ []byte) (bool, error) {
			region, _, ok := strings.Cut(string(k[len(prefix):]), "/")
			if !ok {
				return false, ErrCodec
			}
			out = append(out, region)
			from = append(append(bytes.Clone(prefix), region...), '/'+1) // behind the "/" that ends the name
			return false, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Releases calls fn for each release behind after ("" or the one before) of which
// something was heard, in the order of "env/release", until fn answers more=false
// or an error. env, if not "", is the only environment to look at. It reads one
// key for each release and place where releases are named.
func (r *Reader) Releases(env, after string, fn func(events.Release) (more bool, err error)) error {
	envs := []string{env}
	if env == "" {
		var err error
		if envs, err = r.Environments(); err != nil {
			return err
		}
	}
	for {
		next, err := r.nextNamed(env, after)
		if err != nil {
			return err
		}
		for _, e := range envs {
			said, err := r.nextSaid(e, after)
			if err != nil {
				return err
			}
			if said != "" && (next == "" || said < next) {
				next = said
			}
		}
		if next == "" {
			return nil
		}
		key, err := events.ParseRelease(next)
		if err != nil {
			return fmt.Errorf("the store has the release %q: %v", next, err)
		}
		if more, err := fn(key); err != nil || !more {
			return err
		}
		after = next
	}
}

// nextNamed returns the first release behind after in which a deployment was
// named, "" for none.
func (r *Reader) nextNamed(env, after string) (next string, err error) {
	prefix := key(nil, kindRelease)
	if env != "" {
		prefix = key(nil, kindRelease, env, "/")
	}
	// 0x01 is behind the 0x00 that ends the name of after.
	from := key(nil, kindRelease, after, "\x01")
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	err = r.Scan(prefix, from, func(k, _ []byte) (bool, error) {
		name, _, ok := bytes.Cut(k[1:], []byte{0})
		if !ok {
			return false, ErrCodec
		}
		next = string(name)
		return false, nil
	})
	return next, err
}

// nextSaid returns the first release of an environment behind after that
// something was said of, "" for none.
func (r *Reader) nextSaid(env, after string) (next string, err error) {
	prefix := keySaidIn(nil, env)
	// Freezes are said of the environment itself, whose name comes before those of
	// its releases.
	from := append(bytes.Clone(prefix), max(env+"/", after+"\x01")...)
	err = r.Scan(prefix, from, func(k, _ []byte) (bool, error) {
		name, _, ok := bytes.Cut(k[len(prefix):], []byte{0})
		if !ok {
			return false, ErrCodec
		}
		next = string(name)
		return false, nil
	})
	return next, err
}

// keySaidOf is the prefix of what was said of one release.
func keySaidOf(release events.Release) []byte {
	return append(keySaidIn(nil, release.Env), release.String()+"\x00"...)
}

// Component is one component in all regions of an environment.
type Component struct{ Env, Name string }

// String returns "env/name".
func (c Component) String() string { return c.Env + "/" + c.Name }

// Compare orders components by environment and name.
func (c Component) Compare(o Component) int {
	return cmp.Or(strings.Compare(c.Env, o.Env), strings.Compare(c.Name, o.Name))
}

// Naming says that a word at τ named a deployment of a component in a release.
// Of each deployment the first such word counts. A row stays when another word
// comes to be the first: whoever finds a release by it asks the release.
type Naming struct {
	Tau     int64 // Unix nanoseconds
	Release string
}

// Before reports whether a row is before another one of its component.
func (n Naming) Before(o Naming) bool {
	return n.Tau < o.Tau || n.Tau == o.Tau && n.Release < o.Release
}

// NamedFrom calls fn for each naming of a component that is not before from, in
// order, until fn answers more=false or an error. These are all releases whose
// first word is at from.Tau or later and that have a deployment of the component:
// it was named in them no earlier than that.
func (r *Reader) NamedFrom(of Component, from Naming, fn func(Naming) (more bool, err error)) error {
	prefix := keyNamings(nil, of)
	return r.Scan(prefix, keyNaming(nil, of, from), func(k, _ []byte) (bool, error) {
		n, err := namingOf(k[len(prefix):])
		if err != nil {
			return false, err
		}
		return fn(n)
	})
}

// PutShifted notes that landings of a component changed so that releases may
// expect a slot now, or not any more, in which they were not heard of: those that
// [Reader.NamedFrom] finds from there on. It replaces what was noted before.
func (w *Writer) PutShifted(of Component, from Naming) error {
	return w.Put(keyShifted(of), appendNaming(nil, from))
}

// DeleteShifted forgets [Writer.PutShifted].
func (w *Writer) DeleteShifted(of Component) error { return w.Delete(keyShifted(of)) }

// Shifted returns all that [Writer.PutShifted] noted.
func (r *Reader) Shifted() (map[Component]Naming, error) {
	out := make(map[Component]Naming)
	err := r.Scan([]byte{kindShifted}, nil, func(k, v []byte) (bool, error) {
		env, name, ok := strings.Cut(string(k[1:]), "/")
		if !ok {
			return false, ErrCodec
		}
		from, err := namingOf(v)
		out[Component{env, name}] = from
		return true, err
	})
	return out, err
}

func keyShifted(of Component) []byte { return key(nil, kindShifted, of.String()) }

func keyNamings(b []byte, of Component) []byte {
	return key(b, kindNamed, of.Env, "/", of.Name, "\x00")
}

func keyNaming(b []byte, of Component, n Naming) []byte { return appendNaming(keyNamings(b, of), n) }

func appendNaming(b []byte, n Naming) []byte { return append(appendTime(b, n.Tau), n.Release...) }

// namingOf reads what [appendNaming] wrote.
func namingOf(b []byte) (Naming, error) {
	if len(b) < 8 {
		return Naming{}, ErrCodec
	}
	return Naming{timeOf(b), string(b[8:])}, nil
}
