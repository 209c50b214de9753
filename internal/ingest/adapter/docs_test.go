package adapter

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/expr"
)

// TestDocs holds docs/mappings.md to the engine: the document on the page is the
// example, and every function and every field stands there.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/mappings.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, append([]byte("```yaml\n"), append(shipit(t).Document(), "```"...)...)) {
		t.Error("the document on the page is not schemas/documents/Mapping.yaml")
	}
	for _, name := range expr.FunctionNames() {
		if !strings.Contains(string(page), "`"+name+"(") {
			t.Errorf("the page does not say what %s is", name)
		}
	}
	for _, name := range fieldNames {
		if !strings.Contains(string(page), name+":") {
			t.Errorf("the page does not show the field %s", name)
		}
	}
}
