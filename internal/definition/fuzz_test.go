package definition

import (
	"errors"
	"testing"

	"github.com/telltale-dev/telltale/pkg/statemachine"
	"github.com/telltale-dev/telltale/schemas"
)

// FuzzCheck gives the door what somebody with the right to put documents in
// force may send: it is taken, or refused with faults that have a place.
func FuzzCheck(f *testing.F) {
	for _, kind := range schemas.Kinds() {
		doc, err := schemas.Document(kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add(statemachine.StandardDocument())
	f.Add([]byte("a: &a [*a, !!b c, ? d : e, |\n f]\n<<: {g: \"\\u0000\"}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := Check(doc)
		if err == nil {
			if _, _, _, err := Read(doc); err != nil {
				t.Errorf("checked, and cannot be read: %v", err)
			}
			return
		}
		var faults *Error
		if !errors.As(err, &faults) || len(faults.Faults) == 0 {
			t.Fatalf("%v is no *Error with faults", err)
		}
		for _, fault := range faults.Faults {
			if fault.Detail == "" || (fault.Line > 0) != (fault.Column > 0) {
				t.Errorf("fault %+v", fault)
			}
		}
	})
}
