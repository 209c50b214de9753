package store

import (
	"bytes"
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
