package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/notifier"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// TestWhoIsTold: the configured receivers become the notifier's, endpoint by
// endpoint, and the routes its tree.
func TestWhoIsTold(t *testing.T) {
	cfg := config.Default()
	var nobody notifier.Options
	if err := whoIsTold(&nobody, cfg); err != nil || nobody.Tree != nil || len(nobody.Receivers) > 0 {
		t.Errorf("by default %+v are told, %v", nobody.Receivers, err)
	}

	cfg.Notifier.Route = routing.Route{Receiver: "chat", Routes: []routing.Route{{Receiver: "on-call", Matchers: []string{"severity=critical"}}}}
	cfg.Notifier.Receivers = []config.Receiver{
		{Name: "on-call", PagerdutyConfigs: []config.Pagerduty{{RoutingKey: "made-up"}}, SlackConfigs: []config.Slack{
			{APIURL: "https://chat.example.org/made-up", SendResolved: "false"},
		}},
		{Name: "chat"},
	}
	var o notifier.Options
	if err := whoIsTold(&o, cfg); err != nil {
		t.Fatal(err)
	}
	leaves := o.Tree.Match(map[string]string{"severity": "critical"})
	if len(leaves) != 1 || leaves[0].Receiver != "on-call" {
		t.Errorf("routed to %+v", leaves)
	}
	var got []string
	for _, e := range o.Receivers["on-call"] {
		kind, _, _ := strings.Cut(e.To.Endpoint(), ":")
		got = append(got, e.Name+" "+kind)
		if e.OnlyFiring != (e.Name == "slack1") {
			t.Errorf("%s is told of ends: %t", e.Name, !e.OnlyFiring)
		}
		e.To.Close()
	}
	if !slices.Equal(got, []string{"pagerduty1 pagerduty", "slack1 slack_webhook"}) || len(o.Receivers["chat"]) > 0 {
		t.Errorf("receivers are %q", got)
	}
}
