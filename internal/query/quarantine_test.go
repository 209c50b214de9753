package query_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/query"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// weird is a tool's message in which these values are unknown.
func weird(values ...string) stream.Quarantined {
	v := stream.Quarantined{
		Stage: "map", Code: events.CodeUnmapped, Detail: "not known", From: "hook-shop", Door: "hook", Tool: "made-up",
		Subject: "/v1/hooks/made-up/shop", At: epoch, Raw: []byte(`{}`),
	}
	for _, value := range values {
		v.Faults = append(v.Faults, stream.Fault{Code: events.CodeUnmapped, Detail: "not known", Rule: "one", Field: "state", Value: value})
	}
	return v
}

// TestQuarantineAsAPlaceToWork lists what waits, by entry and by what would help,
// and what became of the rest.
func TestQuarantineAsAPlaceToWork(t *testing.T) {
	f := newFixture(t, nil)
	q := stream.NewQuarantine(f.conn)
	put := func(v stream.Quarantined) stream.QuarantineEntry {
		seq, err := q.Put(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		return stream.QuarantineEntry{Quarantined: v, Seq: seq, Bytes: len(v.Raw)}
	}
	missing := weird()
	missing.Faults = []stream.Fault{{Code: events.CodeUnmapped, Detail: "not in the payload", Missing: []string{"env", "region"}}}
	event := stream.Quarantined{Stage: "ingest", Code: events.CodeSchema, Detail: "status is missing", From: "ci", Door: "http", At: epoch, Raw: []byte("{}")}
	put(weird("odd", "strange", "odd"))
	put(event)
	put(missing)
	replayed, dropped := put(weird("odd", "x")), put(weird("odd", "y"))
	put(weird("odd"))
	if err := q.Conclude(t.Context(), replayed, stream.Conclusion{What: stream.Replayed, By: "ops", At: epoch, Accepted: 1}); err != nil {
		t.Fatal(err)
	}
	if err := q.Drop(t.Context(), dropped.Seq, stream.Conclusion{What: stream.Dropped, By: "ops", Reason: "a test", At: epoch}); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]int{
		"/v1/quarantine":                 4,
		"/v1/quarantine?tool=made-up":    3,
		"/v1/quarantine?code=E_SCHEMA":   1,
		"/v1/quarantine?from=hook-shop":  3,
		"/v1/quarantine?tool=other":      0,
		"/v1/quarantine?from=ci&limit=9": 1,
	} {
		if got := f.list(path); len(got.Items) != want || got.Next != "" {
			t.Errorf("%s lists %d, next %q; want %d", path, len(got.Items), got.Next, want)
		}
	}
	golden(t, "quarantine-groups", f.get("/v1/quarantine?grouped=true"))
	golden(t, "quarantine-replayed", f.get("/v1/quarantine/4"))
	golden(t, "quarantine-dropped", f.get("/v1/quarantine/5"))
}

func TestStatusNamesSuspendedHooks(t *testing.T) {
	f := newFixture(t, nil)
	f.suspended = []query.SuspendedHook{{Tool: "made-up", Hook: "shop", Emitter: "ci", Since: epoch, Until: epoch, Because: events.CodeUnmapped}}
	var got struct {
		Suspended []query.SuspendedHook `json:"suspended_hooks"`
	}
	if err := json.Unmarshal(f.get("/v1/status"), &got); err != nil || len(got.Suspended) != 1 || got.Suspended[0].Hook != "shop" {
		t.Errorf("%+v, %v", got, err)
	}
}
