// Package schematest holds what rooms write to the schemas that the project
// publishes. It is for tests only.
package schematest

import (
	"fmt"
	"testing"

	"github.com/telltale-dev/telltale/internal/schema"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// Event fails the test unless raw is an event in structured mode as package
// schemas describes it, envelope and data, and returns it. A member of the data
// that its schema does not name is a fault, too: nobody was told of it.
func Event(t testing.TB, raw []byte) *events.Event {
	t.Helper()
	e, err := events.DecodeStored(raw)
	if err != nil {
		t.Fatalf("%s is no event: %v", raw, err)
	}
	check(t, "cloudevent", raw)
	check(t, e.Type, e.Data)
	return e
}

// Data fails the test unless data fits the schema of the event type.
func Data(t testing.TB, typ string, data []byte) {
	t.Helper()
	check(t, typ, data)
}

func check(t testing.TB, name string, value []byte) {
	t.Helper()
	const registered = "test.strict"
	strict := fmt.Sprintf(`{"$ref":%q,"unevaluatedProperties":false}`, schemas.BaseURI+name+".json")
	set, err := schema.Compile(map[string][]byte{registered: []byte(strict)})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Validate(registered, value); err != nil {
		t.Errorf("%s\nis not what the schema %s says: %v", value, name, err)
	}
}
