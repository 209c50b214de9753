package schemas_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/telltale-dev/telltale/schemas"
)

func TestSchemasAreNamedLikeTheirID(t *testing.T) {
	names := schemas.Names()
	if len(names) < 3 {
		t.Fatalf("there are only %d schemas", len(names))
	}
	kinds := schemas.Kinds()
	if len(kinds) < 2 {
		t.Fatalf("there are only %d kinds of documents", len(kinds))
	}
	for _, kind := range kinds {
		names = append(names, "documents/"+kind)
		if _, err := schemas.Document(kind); err != nil {
			t.Error(err)
		}
	}
	for _, name := range names {
		raw, err := schemas.Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			ID     string `json:"$id"`
			Schema string `json:"$schema"`
			Title  string `json:"title"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if doc.ID != schemas.BaseURI+name+".json" || doc.Schema != "https://json-schema.org/draft/2020-12/schema" || doc.Title == "" {
			t.Errorf("%s says of itself %+v", name, doc)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	for _, name := range []string{"none", "", "../go", "examples/none"} {
		if _, err := schemas.Schema(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("schema %q: got %v", name, err)
		}
		if _, err := schemas.Example(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("example %q: got %v", name, err)
		}
		if _, err := schemas.Document(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("document %q: got %v", name, err)
		}
	}
}
