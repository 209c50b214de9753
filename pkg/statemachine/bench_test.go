package statemachine_test

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// BenchmarkNewWord is what the projector does with every message before it looks
// at any state: a stored event of 665 bytes becomes a word.
func BenchmarkNewWord(b *testing.B) {
	e, err := events.Decode([]byte(`{"specversion":"1.0","id":"checkout-2.14.0-deployed-1-4711","source":"/github/org/app/deploy",`+
		`"type":"dev.telltale.deployment.reported.v1","subject":"prod/eu-west-1/checkout/2.14.0","time":"2026-11-20T10:15:00Z",`+
		`"datacontenttype":"application/json","sequence":"4711","recordedtime":"2026-11-20T10:15:01Z","recorder":"main","emitter":"ci","data":{`+
		`"status":"deployed","attempt":1,"version":"2.14.0","release":"2026.47","native":{"conclusion":"success","name":"deploy"},`+
		`"message":"8 of 8 pods updated, all of them ready","url":"https://ci.example.com/runs/4711","actor":"github:12345","owner":"team-checkout",`+
		`"labels":{"job":"Deploy Checkout"},"refs":["git:org/app@0123456789abcdef","run:github/4711.2"],"note":"an event to measure with"}}`), events.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := e.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		e, err := events.DecodeStored(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok, err := statemachine.NewWord(e, 1, ""); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
