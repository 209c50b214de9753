package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// activate puts a lifecycle in force since before everything that is recorded.
func (p *process) activate(t testing.TB, document, version string) {
	t.Helper()
	sum := sha256.Sum256([]byte(document))
	e := &events.Event{ID: "lifecycle-" + version, Source: "/e2e", Type: events.TypeDefinitionActivated, Subject: "standard"}
	if err := e.SetData(events.DefinitionActivated{
		Kind: "Lifecycle", Name: "standard", Version: version, Digest: "sha256:" + hex.EncodeToString(sum[:]),
		// Behind the built-in one, which is in force since the year 2000.
		EffectiveFrom: time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC),
		Actor:         "user:e2e", Reason: "the deadlines of a test", Document: document,
	}); err != nil {
		t.Fatal(err)
	}
	resp, text, err := p.post(typeEvent, encode(t, []*events.Event{e})[0])
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("the lifecycle is refused: %v %s %v", resp, text, err)
	}
}

// change is one step of belief, as the feed tells it.
type change struct {
	ID   string `json:"id"`
	Data struct {
		Key    string `json:"key"`
		To     string `json:"to"`
		Region string `json:"region"` // of a region's change
		Dark   bool   `json:"dark"`
	} `json:"data"`
}

// changes reads the whole feed.
func (p *process) changes(t testing.TB) (all []change) {
	t.Helper()
	for after := uint64(0); ; {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  uint64            `json:"next"`
		}
		p.get(t, fmt.Sprint("/v1/changes?limit=1000&after=", after), &page)
		for _, raw := range page.Items {
			var c change
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		if page.Next == after {
			return all
		}
		after = page.Next
	}
}

// stalled returns why each stalled deployment has stalled, by key.
func (p *process) stalled(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, raw := range p.list(t, "/v1/deployments?status=stalled&limit=1000") {
		var d shownBuild
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		out[d.Key] = d.Reason
	}
	return out
}

// explained returns the first line that explain has for people.
func (p *process) explained(t testing.TB, key string) string {
	t.Helper()
	first, _, _ := strings.Cut(run(t, "telltale", "explain", key, "--server", p.url), "\n")
	return first
}
