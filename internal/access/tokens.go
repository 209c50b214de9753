package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/pkg/events"
)

// tokensFile is the tokens file, YAML with no keys but these.
type tokensFile struct {
	Tokens []entry `yaml:"tokens"`
}

// entry is one token.
type entry struct {
	// Name of the caller, [a-z0-9][a-z0-9_-]{0,62}. Two entries may share a name
	// while a token is being rotated, if they allow the same.
	Name string `yaml:"name"`

	// SHA256 of the token, 64 hex digits.
	SHA256 string `yaml:"sha256"`

	// Roles, at least one.
	Roles []Role `yaml:"roles"`

	// Envs and Components are patterns of path.Match. Absent means all; an empty
	// list is refused, since it might be meant as none.
	Envs       []string `yaml:"envs"`
	Components []string `yaml:"components"`
}

// table is the content of a tokens file, never changed once built.
type table struct {
	byToken map[[sha256.Size]byte]Caller
	byName  map[string]Caller
}

// parse reads a tokens file. It reports all faults at once.
func parse(doc []byte) (*table, error) {
	var file tokensFile
	dec := yaml.NewDecoder(bytes.NewReader(doc), yaml.Strict())
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		// Without the source line: it may hold a hash.
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	t := &table{
		byToken: make(map[[sha256.Size]byte]Caller, len(file.Tokens)),
		byName:  make(map[string]Caller, len(file.Tokens)),
	}
	var faults []error
	for i, e := range file.Tokens {
		if err := t.add(e); err != nil {
			faults = append(faults, fmt.Errorf("tokens[%d] (%q): %w", i, e.Name, err))
		}
	}
	if len(faults) == 0 && len(file.Tokens) == 0 {
		faults = append(faults, errors.New("no tokens: nobody could get in"))
	}
	return t, errors.Join(faults...)
}

func (t *table) add(e entry) error {
	caller, err := e.caller()
	if err != nil {
		return err
	}
	var sum [sha256.Size]byte
	if n, err := hex.Decode(sum[:], []byte(e.SHA256)); len(e.SHA256) != 2*sha256.Size || n != len(sum) || err != nil {
		return errors.New("sha256 is not 64 hex digits")
	}
	if _, taken := t.byToken[sum]; taken {
		return errors.New("sha256 is that of another entry")
	}
	if other, taken := t.byName[e.Name]; taken && !other.equal(caller) {
		return errors.New("another entry of this name allows something else")
	}
	t.byToken[sum] = caller
	t.byName[e.Name] = caller
	return nil
}

func (e entry) caller() (Caller, error) {
	c := Caller{Name: e.Name}
	if err := events.CheckName("name", e.Name); err != nil {
		return Caller{}, err
	}
	if len(e.Roles) == 0 {
		return Caller{}, errors.New("roles are missing")
	}
	for _, r := range e.Roles {
		if r.bit() == 0 {
			return Caller{}, fmt.Errorf("role %q is none of emit, import, view, operate, admin", r)
		}
		c.roles |= r.bit()
	}
	var err error
	if c.envs, err = compile(e.Envs); err != nil {
		return Caller{}, fmt.Errorf("envs: %w", err)
	}
	if c.components, err = compile(e.Components); err != nil {
		return Caller{}, fmt.Errorf("components: %w", err)
	}
	return c, nil
}

// compile checks a list of patterns and returns nil when it leaves nothing out.
func compile(list []string) (patterns, error) {
	if list == nil {
		return nil, nil
	}
	if len(list) == 0 {
		return nil, errors.New("the list is empty; leave it out to allow all")
	}
	for _, p := range list {
		if p == "*" {
			return nil, nil
		}
		if _, err := path.Match(p, ""); p == "" || err != nil {
			return nil, fmt.Errorf("%q is not a pattern", p)
		}
	}
	return slices.Clone(list), nil
}

func (c Caller) equal(o Caller) bool {
	return c.Name == o.Name && c.roles == o.roles &&
		slices.Equal(c.envs, o.envs) && slices.Equal(c.components, o.components)
}
