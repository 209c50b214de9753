// Package document reads documents: YAML with an envelope that says kind, name
// and version, strictly and with the place of every fault. What the documents of
// a kind mean is for their own rooms to say.
package document

import (
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// APIVersion is the only one there is, of every kind.
const APIVersion = "telltale.dev/v1"

// docName is the alphabet of a document's name.
var docName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

// Document reads the envelope that all kinds share.
func (r *Reader) Document(node ast.Node, kind string, name, version *string, spec func(ast.Node, string)) {
	if node == nil {
		return
	}
	constant := func(want string) func(ast.Node, string) {
		return func(n ast.Node, k string) {
			before := len(r.Faults)
			if got := r.Text(n, k, 0, MaxBytes); len(r.Faults) == before && got != want {
				r.Fault(Start(n), k, "is not %s", want)
			}
		}
	}
	r.Mapping(
		node, "",
		Required("apiVersion", constant(APIVersion)),
		Required("kind", constant(kind)),
		Required("metadata", func(n ast.Node, k string) {
			r.Mapping(n, k,
				Required("name", func(n ast.Node, k string) { *name = r.Word(n, k, "a name", docName) }),
				Required("version", func(n ast.Node, k string) { *version = r.Text(n, k, 1, maxShort) }),
			)
		}),
		Required("spec", spec),
	)
}
