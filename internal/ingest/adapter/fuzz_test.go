package adapter

import (
	"os"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// FuzzMap: whatever a tool's body is, the answer is a refusal with a code, or the
// same result twice, whose events are valid. The tool and its header are part of
// what varies.
func FuzzMap(f *testing.F) {
	names := tools(f)
	mappings := make([]*Mapping, len(names))
	for i, tool := range names {
		mappings[i] = toolMapping(f, tool)
		for _, path := range fixtures(f, tool) {
			body, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), "deployment_status", body)
		}
	}
	for _, body := range hostileBodies(1 << 10) {
		f.Add(uint8(0), "", []byte(body))
	}
	f.Fuzz(func(t *testing.T, tool uint8, event string, body []byte) {
		m := mappings[int(tool)%len(mappings)]
		r := toolRequest(t, map[string]string{"X-GitHub-Event": event, "X-Gitlab-Event": event, "Ce-Type": event}, "env=e&region=a,b&component=c&deploys=*", body)
		res, err := mapTwice(t, m, r)
		if err == nil && len(res.Events) > maxEvents {
			t.Errorf("%d events", len(res.Events))
		}
		if err != nil && events.CodeOf(err) == "" {
			t.Error(err)
		}
	})
}
