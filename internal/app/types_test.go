package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/config"
)

// A type of one's own is taken in when its data fit the schema that the
// configuration names, and kept; it changes no status.
func TestRegisteredTypes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "build.json")
	doc := `{"type": "object", "required": ["result"], "properties": {"result": {"enum": ["ok", "broken"]}}}`
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := settings(t)
	cfg.Ingest.Types = []config.EventType{{Type: "com.example.build.v1", SchemaFile: file}}
	i := start(t, Serve, cfg)
	defer i.stop()
	for _, c := range []struct {
		typ, data string
		code      int
		want      string
	}{
		{"com.example.build.v1", `{"result":"ok"}`, http.StatusAccepted, `"accepted":1`},
		{"com.example.build.v1", `{"result":"odd"}`, http.StatusBadRequest, "E_SCHEMA"},
		{"com.example.other.v1", `{"result":"ok"}`, http.StatusBadRequest, "E_TYPE"},
	} {
		body := `{"specversion":"1.0","id":"1","source":"/ci","type":"` + c.typ + `","subject":"` + checkout + `","data":` + c.data + `}`
		code, answer := i.do(http.MethodPost, "/v1/events", "application/cloudevents+json", body)
		if code != c.code || !strings.Contains(answer, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.typ, c.data, code, answer, c.code, c.want)
		}
	}
}

func TestABadSchemaStopsTheStart(t *testing.T) {
	cfg := settings(t)
	cfg.Ingest.Types = []config.EventType{{Type: "com.example.build.v1", SchemaFile: filepath.Join(t.TempDir(), "none.json")}}
	err := Serve(t.Context(), cfg, Options{})
	if err == nil || !strings.Contains(err.Error(), "ingest.types") {
		t.Errorf("the start says %v", err)
	}
}
