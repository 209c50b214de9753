package adapter

import (
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// olderEvents converts a made-up schema that a team wrote its own events in
// before: CloudEvents with other names, a subject of another form, and seconds.
const olderEvents = `
apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: shop-v0, version: "1"}
spec:
  summary: Events of the shop's pipelines before they spoke Telltale's
  let:
    place: cut(ce.subject, "@")[0]
    slot: cut(cut(place, ":")[1], ":")
  event:
    id: ce.id
    source: ce.source
    env: cut(place, ":")[0]
    region: slot[0]
    component: slot[1]
    deployment: cut(ce.subject, "@")[1]
    version: cut(ce.subject, "@")[1]
    time: body.when
  rules:
    - name: deploy
      when: ce.type == "com.example.deploy.v0"
      status:
        field: result
        value: body.result
        map:
          RUNNING: in_progress
          OK: deployed
          KO: {status: failed, class: permanent}
`

// TestOlderEvents: what was written in an older schema is converted by a document.
func TestOlderEvents(t *testing.T) {
	m, err := Read("shop-v0.yaml", []byte(olderEvents))
	if err != nil {
		t.Fatal(err)
	}
	event := func(result string) []byte {
		return []byte(`{"specversion":"1.0","id":"4711","source":"/shop/ci","type":"com.example.deploy.v0",` +
			`"subject":"prod:eu-west-1:checkout@2.14.0","data":{"result":"` + result + `","when":1772359200}}`)
	}
	header := map[string]string{"Content-Type": "application/cloudevents+json"}
	for result, want := range map[string]string{
		"RUNNING": "in_progress prod/eu-west-1/checkout/2.14.0 4711",
		"OK":      "deployed prod/eu-west-1/checkout/2.14.0 4711",
		"KO":      "failed prod/eu-west-1/checkout/2.14.0 4711",
		"ODD":     `unmapped result="ODD" []`,
	} {
		res, err := mapTwice(t, m, toolRequest(t, header, "", event(result)))
		if err != nil {
			t.Fatal(err)
		}
		if got := said(res); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %q", result, got, want)
		}
		for _, e := range res.Events {
			if e.Event.Source != "/shop/ci" || e.Event.Type != events.TypeReported || e.Event.Time.Unix() != 1772359200 {
				t.Errorf("%s: %+v", result, e.Event)
			}
		}
	}
}
