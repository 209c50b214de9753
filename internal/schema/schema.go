// Package schema checks the data of event types that somebody registered, by
// JSON Schema (draft 2020-12 unless a schema names another).
//
// It reads no file and no network: a schema may refer to itself and to the ones
// in package schemas, and to nothing else. Telltale's own types are checked by
// Go code in pkg/events; the tests here hold that code equal to their schemas.
package schema

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// Limits of what can be registered. Schemas are trusted configuration: the
// limits catch mistakes, they do not make a hostile schema cheap.
const (
	maxTypes     = 256
	maxDocument  = 64 << 10 // bytes of one schema
	maxTypeBytes = 256
)

// Set is a set of registered event types. The zero value has none. It never
// changes, so that any number of goroutines may use it.
type Set struct {
	schemas map[string]*jsonschema.Schema
}

// Compile compiles the schema of each event type. It fails on a type under
// dev.telltale, which only Telltale defines, on a schema over the limits, and on
// one that does not compile, naming the type.
func Compile(documents map[string][]byte) (*Set, error) {
	if len(documents) > maxTypes {
		return nil, fmt.Errorf("compile schemas: %d types are registered, the limit is %d", len(documents), maxTypes)
	}
	s := &Set{schemas: make(map[string]*jsonschema.Schema, len(documents))}
	for _, typ := range slices.Sorted(maps.Keys(documents)) {
		compiled, err := compile(typ, documents[typ])
		if err != nil {
			return nil, fmt.Errorf("compile schema of %q: %w", typ, err)
		}
		s.schemas[typ] = compiled
	}
	return s, nil
}

// Registered reports whether the type is in the set.
func (s *Set) Registered(typ string) bool {
	_, ok := s.schemas[typ]
	return ok
}

// Validate holds data against the schema of the type; an event without data
// counts as one whose data is null. It fails with [events.CodeType] when the
// type is not in the set, and otherwise with [events.CodeSchema], naming the
// place in the schema that is broken, never the data.
func (s *Set) Validate(typ string, data []byte) error {
	compiled, ok := s.schemas[typ]
	if !ok {
		return events.Errorf(events.CodeType, "the event type is not registered")
	}
	if data == nil {
		data = []byte("null")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return events.Errorf(events.CodeMalformed, "data is not JSON")
	}
	if err := compiled.Validate(value); err != nil {
		return events.Errorf(events.CodeSchema, "data breaks the schema of its type at %s", location(err))
	}
	return nil
}

// location names the first broken rule by its place in the schema.
func location(err error) string {
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		return "#"
	}
	for len(broken.Causes) > 0 {
		broken = broken.Causes[0]
	}
	_, pointer, _ := strings.Cut(broken.SchemaURL, "#")
	for _, keyword := range broken.ErrorKind.KeywordPath() {
		pointer += "/" + keyword
	}
	return "#" + pointer
}

// registered is the base of the schemas that have no "$id" of their own.
const registered = "https://telltale.dev/registered/"

func compile(typ string, document []byte) (*jsonschema.Schema, error) {
	switch {
	case typ == "" || len(typ) > maxTypeBytes:
		return nil, fmt.Errorf("the type is not 1 to %d bytes", maxTypeBytes)
	case strings.HasPrefix(typ, "dev.telltale."):
		return nil, errors.New("types under dev.telltale are Telltale's own")
	case len(document) > maxDocument:
		return nil, fmt.Errorf("it has %d bytes, the limit is %d", len(document), maxDocument)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	// One compiler for each: two schemas with the same "$id" do not meet.
	c := newCompiler()
	if err := c.AddResource(registered+"schema.json", value); err != nil {
		return nil, err
	}
	return c.Compile(registered + "schema.json")
}

// newCompiler returns a compiler that asserts formats and loads nothing but our
// own schemas.
func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.UseLoader(embedded{})
	c.AssertFormat()
	return c
}

// embedded loads from package schemas.
type embedded struct{}

// Load returns the embedded schema with that URI and refuses every other.
func (embedded) Load(uri string) (any, error) {
	name, ours := strings.CutPrefix(uri, schemas.BaseURI)
	name, isFile := strings.CutSuffix(name, ".json")
	if !ours || !isFile {
		return nil, errors.New("a schema may refer to itself and to " + schemas.BaseURI + " only")
	}
	document, err := schemas.Schema(name)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(document))
}
