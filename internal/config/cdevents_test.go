package config

import (
	"strings"
	"testing"
)

func TestCDEvents(t *testing.T) {
	for _, tt := range []struct {
		cdevents CDEvents
		key      string // of the fault, "" for none
	}{
		{CDEvents{}, ""},
		{CDEvents{URL: "https://events.example.org/made-up", Token: "made-up"}, ""},
		{CDEvents{URL: "http://broker.cluster.local"}, ""},
		{CDEvents{URL: "http://broker.cluster.local", Token: "made-up"}, "cdevents.url"},
		{CDEvents{URL: "https://user:made-up@events.example.org"}, "cdevents.url"},
		{CDEvents{URL: "events.example.org"}, "cdevents.url"},
		{CDEvents{Token: "made-up"}, "cdevents.token"},
	} {
		c := Default()
		c.CDEvents = tt.cdevents
		err := c.Validate()
		if (err == nil) != (tt.key == "") || err != nil && !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%+v: %v, want a fault of %q", tt.cdevents, err, tt.key)
		}
		if err != nil && strings.Contains(err.Error(), "made-up") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}
