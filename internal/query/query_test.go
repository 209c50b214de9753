package query_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestResources(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	const key = "/v1/deployments/prod/eu-west-1/checkout/2.14.0"
	for name, path := range map[string]string{
		"deployment":         key,
		"deployment-events":  key + "/events",
		"deployment-changes": key + "/changes",
		"explain":            key + "/explain",
		"explain-failed":     "/v1/deployments/prod/us-east-1/checkout/2.14.0/explain",
		"slots":              "/v1/slots?env=prod&region=eu-west-1",
		"slot-history":       "/v1/slots/prod/eu-west-1/checkout/history",
		"regions":            "/v1/regions",
		"status":             "/v1/status",
		"digest":             "/v1/digest",
		"empty-list":         "/v1/deployments?env=nowhere",
		"empty-changes":      "/v1/changes",
		"empty-quarantine":   "/v1/quarantine",
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, f.get(path)) })
	}
}

func TestHeaders(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	const path = "/v1/deployments/prod/eu-west-1/checkout/2.14.0"
	got := f.do(http.MethodGet, path)
	tag := got.header.Get("ETag")
	if tag == "" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
	if head := f.do(http.MethodHead, path); head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", head.status, head.header)
	}
	if same := f.do(http.MethodGet, path, "If-None-Match", `"other", W/`+tag); same.status != http.StatusNotModified || len(same.body) != 0 {
		t.Errorf("If-None-Match: %d %s", same.status, same.body)
	}
	f.tell("prod/eu-west-1/checkout/2.14.0", word{minute: 6, status: "failed"})
	if moved := f.do(http.MethodGet, path, "If-None-Match", tag); moved.status != http.StatusOK || moved.header.Get("ETag") == tag {
		t.Errorf("after a change: %d %s", moved.status, moved.header.Get("ETag"))
	}
}

// The digest is over every key and state, and follows the store.
func TestDigest(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	digest := func() (body struct {
		Deployments uint64 `json:"deployments"`
		Digest      string `json:"digest"`
		Position    uint64 `json:"position"`
	},
	) {
		t.Helper()
		if err := json.Unmarshal(f.get("/v1/digest"), &body); err != nil {
			t.Fatal(err)
		}
		want := view.NewDigest()
		err := f.db.View(func(r *store.Reader) error {
			return r.Deployments("", "", func(key string, d *store.Deployment) (bool, error) {
				want.Add(key, d.State.Digest())
				return true, nil
			})
		})
		if err != nil || body.Digest != want.Sum() || body.Deployments != want.Count() || body.Position != f.seq {
			t.Errorf("%+v, want %s over %d at %d (%v)", body, want.Sum(), want.Count(), f.seq, err)
		}
		return body
	}
	first := digest()
	if again := digest(); again != first {
		t.Errorf("asked again: %+v, was %+v", again, first)
	}
	f.tell("prod/eu-west-1/checkout/2.14.0", word{minute: 8, status: "failed"})
	if moved := digest(); moved.Digest == first.Digest {
		t.Error("another state, the same digest")
	}
}

func TestQuarantine(t *testing.T) {
	f := newFixture(t, nil)
	q := stream.NewQuarantine(f.conn)
	for i := range 20 {
		_, err := q.Put(t.Context(), stream.Quarantined{
			Stage: "ingest", Code: events.CodeSchema, Detail: "status is missing", From: "ci", Door: "http",
			At: epoch, Raw: []byte(fmt.Sprintf(`{"id":"%d"}`, i)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "quarantined", f.get("/v1/quarantine/2"))
	seen := uint64(0)
	for path := "/v1/quarantine?limit=18"; path != ""; {
		l := f.list(path)
		for _, item := range l.Items {
			if item.Seq != seen+1 {
				t.Errorf("%d after %d", item.Seq, seen)
			}
			seen = item.Seq
		}
		path = ""
		if l.Next != "" {
			path = "/v1/quarantine?limit=18&cursor=" + l.Next
		}
	}
	if seen != 20 {
		t.Errorf("%d entries, want 20", seen)
	}
}

// What is in the store can be read when the stream does not answer.
func TestWithoutStream(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	f.conn.Close()
	if got := f.list("/v1/deployments?status=failed"); len(got.Items) != 1 || got.ChangesAfter != 0 {
		t.Errorf("the list: %+v", got)
	}
	if body := string(f.get("/v1/status")); !strings.Contains(body, `"stream_last":null`) {
		t.Errorf("the status: %s", body)
	}
	f.refused(http.MethodGet, "/v1/changes", http.StatusServiceUnavailable, events.CodeUnavailable)
}
