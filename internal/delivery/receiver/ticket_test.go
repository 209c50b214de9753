package receiver_test

import (
	"testing"

	"github.com/go-json-experiment/json"
)

// encoded returns v as the JSON that a fake endpoint answers with.
func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
