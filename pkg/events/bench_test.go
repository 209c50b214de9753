package events_test

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// benchEvent has 665 bytes, the size that the project measures with.
const benchEvent = `{"specversion":"1.0","id":"checkout-2.14.0-deployed-1-4711","source":"/github/org/app/deploy","type":"dev.telltale.deployment.reported.v1",` +
	`"subject":"prod/eu-west-1/checkout/2.14.0","time":"2026-11-20T10:15:00Z","datacontenttype":"application/json","sequence":"4711","data":{` +
	`"status":"deployed","attempt":1,"version":"2.14.0","release":"2026.47","native":{"conclusion":"success","name":"deploy"},` +
	`"message":"8 of 8 pods updated, all of them ready","url":"https://ci.example.com/runs/4711","actor":"github:12345","owner":"team-checkout",` +
	`"labels":{"job":"Deploy Checkout"},"refs":["git:org/app@0123456789abcdef","run:github/4711.2"],"note":"an event to measure with"}}`

func BenchmarkDecode(b *testing.B) {
	raw := []byte(benchEvent)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := events.Decode(raw, events.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	e := decode(b, benchEvent)
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContent(b *testing.B) {
	e := decode(b, benchEvent)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Content(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDoor is what ingest does with every event.
func BenchmarkDoor(b *testing.B) {
	raw := []byte(benchEvent)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		e, err := events.Decode(raw, events.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Validate(); err != nil {
			b.Fatal(err)
		}
		c, err := e.Content()
		if err != nil {
			b.Fatal(err)
		}
		_ = events.MsgID(e.Source, e.ID, c)
	}
}
