package schema

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

const buildDone = "com.example.build.done.v1"

func TestRegisteredTypes(t *testing.T) {
	set, err := Compile(map[string][]byte{buildDone: []byte(`{
		"type": "object",
		"required": ["version"],
		"properties": {
			"version": {"type": "string"},
			"at": {"type": "string", "format": "date-time"},
			"actor": {"$ref": "https://telltale.dev/schemas/common.json#/$defs/actor"}
		}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if !set.Registered(buildDone) || set.Registered("com.example.other.v1") || (&Set{}).Registered(buildDone) {
		t.Error("Registered does not say what was compiled")
	}
	for _, tc := range []struct {
		name, typ, data string
		want            events.Code
		detail          string
	}{
		{name: "fits", typ: buildDone, data: `{"version":"1","at":"2026-11-20T10:15:00Z","actor":"user:1","more":1}`},
		{name: "member missing", typ: buildDone, data: `{}`, want: events.CodeSchema, detail: "#/required"},
		{name: "wrong kind", typ: buildDone, data: `{"version":7}`, want: events.CodeSchema, detail: "#/properties/version/type"},
		{name: "format is asserted", typ: buildDone, data: `{"version":"1","at":"soon"}`, want: events.CodeSchema, detail: "format"},
		{name: "our definitions", typ: buildDone, data: `{"version":"1","actor":"secret@example.com"}`, want: events.CodeSchema, detail: "pattern"},
		{name: "no data", typ: buildDone, want: events.CodeSchema, detail: "#/type"},
		{name: "not JSON", typ: buildDone, data: `{`, want: events.CodeMalformed},
		{name: "not registered", typ: "com.example.other.v1", data: `{}`, want: events.CodeType},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var data []byte
			if tc.data != "" {
				data = []byte(tc.data)
			}
			err := set.Validate(tc.typ, data)
			if events.CodeOf(err) != tc.want {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), tc.detail) {
				t.Errorf("%v does not name %s", err, tc.detail)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%v quotes the data", err)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	many := make(map[string][]byte)
	for i := range maxTypes + 1 {
		many["com.example."+strings.Repeat("a", i%200)+strings.Repeat("b", i/200)] = []byte(`true`)
	}
	for name, documents := range map[string]map[string][]byte{
		"too many":              many,
		"a type of ours":        {"dev.telltale.deployment.reported.v2": []byte(`true`)},
		"no type":               {"": []byte(`true`)},
		"not JSON":              {buildDone: []byte(`{`)},
		"not a schema":          {buildDone: []byte(`{"type":"thing"}`)},
		"too large":             {buildDone: []byte(`{"description":"` + strings.Repeat("a", maxDocument) + `"}`)},
		"a file":                {buildDone: []byte(`{"$ref":"file:///etc/passwd"}`)},
		"the network":           {buildDone: []byte(`{"$ref":"http://127.0.0.1:1/schema.json"}`)},
		"another metaschema":    {buildDone: []byte(`{"$schema":"https://example.com/meta"}`)},
		"a schema we have not":  {buildDone: []byte(`{"$ref":"https://telltale.dev/schemas/none.json"}`)},
		"a pattern that is bad": {buildDone: []byte(`{"pattern":"("}`)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(documents); err == nil {
				t.Error("compiled")
			}
		})
	}
}

// TestNotOurs walks the whole way of a custom type through both packages.
func TestNotOurs(t *testing.T) {
	set, err := Compile(map[string][]byte{buildDone: []byte(`{"type":"object"}`)})
	if err != nil {
		t.Fatal(err)
	}
	e := events.Event{ID: "1", Source: "/ci", Type: buildDone, Subject: "prod/eu-west-1/checkout/2.14.0", Data: []byte(`{}`)}
	if err := e.Validate(); events.CodeOf(err) != events.CodeType {
		t.Errorf("unregistered: got %v, want %s", err, events.CodeType)
	}
	if err := e.ValidateWith(set.Registered); err != nil {
		t.Errorf("registered: %v", err)
	}
	e.Type = events.TypeDeploymentChanged
	if err := e.ValidateWith(func(string) bool { return true }); events.CodeOf(err) != events.CodeType {
		t.Errorf("what only we say: got %v, want %s", err, events.CodeType)
	}
}
