package schema

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// exceptions are the refusals of the Go code that no JSON Schema can express,
// by a part of their detail. Lengths in bytes, the last exception of
// schemas/README.md, are tested in TestLengthsAreBytes.
var exceptions = []string{
	"depends_on names a component that is not in the plan", // compares members
	"the dependencies form a cycle",                        // walks a graph
	"data.to is not after data.from",                       // compares members
	"data.digest is not the SHA-256",                       // computes
	"subject is not data.",                                 // looks outside the data
}

// judge fails the test unless Go code and schema say the same of the data.
func judge(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, s *jsonschema.Schema, e events.Event, data any,
) {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	e.Data = raw
	byGo, bySchema := e.Validate(), s.Validate(decoded(t, raw))
	if bySchema == nil && byGo != nil {
		for _, part := range exceptions {
			if strings.Contains(byGo.Error(), part) {
				return
			}
		}
	}
	if (byGo == nil) != (bySchema == nil) {
		t.Fatalf("%s: %.300s\nGo: %v\nschema: %v", e.Type, raw, byGo, bySchema)
	}
	if byGo != nil && events.CodeOf(byGo) != events.CodeSchema {
		t.Fatalf("%s: %.300s\nGo refuses with another code: %v", e.Type, raw, byGo)
	}
}

// TestAgreementOnSingleMutations drops each member of each example, and puts
// each hostile value in its place.
func TestAgreementOnSingleMutations(t *testing.T) {
	for _, typ := range known() {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			s, e, data := subjectOf(t, typ)
			judge(t, s, e, data)
			for _, value := range hostile() {
				judge(t, s, e, value)
			}
			for _, p := range paths(data) {
				judge(t, s, e, mutated(data, p, nil, true))
				for _, value := range hostile() {
					judge(t, s, e, mutated(data, p, value, false))
				}
			}
		})
	}
}

// TestAgreementOnLargeBounds tries the bounds that are too large to try
// everywhere.
func TestAgreementOnLargeBounds(t *testing.T) {
	s, e, data := subjectOf(t, events.TypeDefinitionActivated)
	for _, n := range []int{64 << 10, 64<<10 + 1} {
		judge(t, s, e, mutated(data, []any{"document"}, strings.Repeat("a", n), false))
	}
	s, e, data = subjectOf(t, events.TypeReleaseDeclared)
	for _, n := range []int{1000, 1001} {
		members := make([]any, n)
		for i := range members {
			members[i] = map[string]any{"region": "r", "component": "c"}
		}
		judge(t, s, e, mutated(data, []any{"members"}, members, false))
	}
}

// TestAgreementOnEnvelopes puts each hostile value into each attribute, and
// drops it. What the schema refuses, Go refuses; what Go refuses, the schema
// refuses, but for the attributes of which it cannot say all.
func TestAgreementOnEnvelopes(t *testing.T) {
	s := builtin(t, "cloudevent")
	// The subject must fit the type, the type be known, a source be what net/url
	// takes, a content type be one for JSON.
	wider := []string{"subject", "type", "source", "datacontenttype"}
	whole := decoded(t, []byte(`{"specversion":"1.0","id":"1","source":"/ci","type":"dev.telltale.deployment.progressed.v1",
		"subject":"a/b/c/d","time":"2026-11-20T10:15:00Z","datacontenttype":"application/json","dataschema":"https://example.com/s",
		"sequence":"7","contiguous":true,"traceparent":"00-a","tracestate":"k=v","recordedtime":"2026-11-20T10:15:01Z","recorder":"r",
		"emitter":"e","originalid":"o","extra":"x","data":{}}`))
	try := func(name string, envelope any) {
		raw, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		bySchema := s.Validate(decoded(t, raw))
		e, byGo := events.Decode(raw, events.Limits{Bytes: 1 << 20})
		if byGo == nil {
			byGo = e.Validate()
		}
		if bySchema != nil && byGo == nil || bySchema == nil && byGo != nil && !slices.Contains(wider, name) {
			t.Errorf("%.400s\nGo: %v\nschema: %v", raw, byGo, bySchema)
		}
	}
	for _, p := range paths(whole) {
		name := p[0].(string)
		if name == "data" {
			continue
		}
		dropped := maps.Clone(whole.(map[string]any))
		delete(dropped, name)
		try(name, dropped)
		for _, value := range hostile() {
			try(name, mutated(whole, p, value, false))
		}
	}
	for _, name := range []string{"Upper", "under_score", "", strings.Repeat("a", 64), strings.Repeat("a", 65)} {
		more := maps.Clone(whole.(map[string]any))
		more[name] = "x"
		try(name, more)
	}
}

// TestAgreementOnManyMutations mutates several places at once.
func TestAgreementOnManyMutations(t *testing.T) {
	values := hostile()
	for _, typ := range known() {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			s, e, example := subjectOf(t, typ)
			rapid.Check(t, func(t *rapid.T) {
				data := example
				for range rapid.IntRange(1, 4).Draw(t, "mutations") {
					at := paths(data)
					if len(at) == 0 {
						break
					}
					p := rapid.SampledFrom(at).Draw(t, "path")
					value := rapid.SampledFrom(values).Draw(t, "value")
					data = mutated(data, p, value, rapid.Bool().Draw(t, "drop"))
				}
				judge(t, s, e, data)
			})
		})
	}
}

// TestLengthsAreBytes shows the one direction in which the bounds may differ.
func TestLengthsAreBytes(t *testing.T) {
	s, e, data := subjectOf(t, events.TypeReported)
	long := mutated(data, []any{"message"}, strings.Repeat("é", 5000), false)
	raw, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	e.Data = raw
	if err := e.Validate(); events.CodeOf(err) != events.CodeSchema {
		t.Errorf("10,000 bytes of text: got %v, want %s", err, events.CodeSchema)
	}
	if err := s.Validate(decoded(t, raw)); err != nil {
		t.Errorf("5,000 characters of text: the schema refuses: %v", err)
	}
}

// TestSchemasAreComplete holds files and vocabulary together: each type has a
// schema, and an example that is valid, as an envelope too. The examples of the
// types that may come in show every member, so that mutating them reaches all.
func TestSchemasAreComplete(t *testing.T) {
	all := append(known(),
		events.TypeDeploymentChanged, events.TypeSlotChanged, events.TypeReleaseChanged, events.TypeRegionChanged,
		events.TypeAlertFired, events.TypeAlertResolved, events.TypeDeliveryIntended, events.TypeDeliveryConcluded)
	slices.Sort(all)
	if got := schemas.Types(); !slices.Equal(got, all) {
		t.Errorf("types with an example: %v\nwant %v", got, all)
	}
	if got, want := schemas.Names(), append([]string{"cloudevent", "common"}, all...); !slices.Equal(got, want) {
		t.Errorf("schemas: %v\nwant %v", got, want)
	}
	envelope := builtin(t, "cloudevent")
	for _, typ := range all {
		raw, err := schemas.Example(typ)
		if err != nil {
			t.Fatal(err)
		}
		whole := decoded(t, raw).(map[string]any)
		if whole["type"] != typ {
			t.Errorf("example of %s has type %v", typ, whole["type"])
		}
		if err := envelope.Validate(whole); err != nil {
			t.Errorf("example of %s as an envelope: %v", typ, err)
		}
		s := builtin(t, typ)
		if err := s.Validate(whole["data"]); err != nil {
			t.Errorf("example of %s: %v", typ, err)
		}
		shown := whole["data"].(map[string]any)
		for name := range shown {
			if s.Properties[name] == nil {
				t.Errorf("example of %s shows %s, which its schema does not name", typ, name)
			}
		}
		if events.Known(typ) && len(shown) != len(s.Properties) {
			t.Errorf("example of %s shows %d of %d members", typ, len(shown), len(s.Properties))
		}
	}
}

// TestStructsMatchSchemas compares the Go types with the members that the
// schemas name.
func TestStructsMatchSchemas(t *testing.T) {
	for typ, v := range map[string]any{
		events.TypeReported: events.Reported{}, events.TypeProgressed: events.Progressed{},
		events.TypeEvidence: events.Evidence{}, events.TypeAnnotated: events.Annotated{},
		events.TypeOverridden: events.Overridden{}, events.TypeObserved: events.Observed{},
		events.TypeReleaseDeclared: events.ReleaseDeclared{}, events.TypeFreezeDeclared: events.Freeze{},
		events.TypeAlertNoise: events.AlertWord{}, events.TypeSilenceCreated: events.SilenceWord{},
		events.TypeDefinitionActivated: events.DefinitionActivated{}, events.TypeTick: events.Tick{},
	} {
		var fields []string
		for field := range reflect.TypeOf(v).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			fields = append(fields, name)
		}
		slices.Sort(fields)
		if want := slices.Sorted(maps.Keys(builtin(t, typ).Properties)); !slices.Equal(fields, want) {
			t.Errorf("%T has %v, the schema of %s names %v", v, fields, typ, want)
		}
	}
}
