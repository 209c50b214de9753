package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/notifier/routing"
	"github.com/telltale-dev/telltale/internal/testkit"
)

func TestImportAlertmanager(t *testing.T) {
	text := `
global:
  resolve_timeout: 5m
route:
  receiver: on-call
  group_by: ['...']
  labels: {team: platform}
  routes:
    - match: {severity: page}
      hold_fro: 5m
      mute_time_intervals: [nights, weekends]
mute_time_intervals: [{name: nights, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}]
time_intervals: [{name: weekends, time_intervals: [{weekdays: [saturday, sunday]}]}]
receivers:
  - name: on-call
    webhook_configs:
      - url: https://example.org/hook
        max_alerts: 3
    telegram_configs:
      - chat_id: 1
    jira_configs:
      - project: OPS
        fields: {customfield_1: {value: x}}
`
	n, unused, err := ImportAlertmanager("am.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range unused {
		got = append(got, u.Where+" "+u.Key)
	}
	want := []string{
		"am.yml:2:1 global", "am.yml:7:3 route.labels", "am.yml:10:7 route.routes[0].hold_fro",
		"am.yml:18:9 receivers[0].webhook_configs[0].max_alerts", "am.yml:19:5 receivers[0].telegram_configs",
		"am.yml:23:33 receivers[0].jira_configs[0].fields.customfield_1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("not used are\n%q, want\n%q", got, want)
	}
	printed, err := n.YAML()
	if err != nil {
		t.Fatal(err)
	}
	const shown = `notifier:
  route:
    receiver: on-call
    group_by:
      - ...
    routes:
      - match:
          severity: page
        mute_time_intervals:
          - nights
          - weekends
  time_intervals:
    - name: nights
      time_intervals:
        - times:
            - start_time: "00:00"
              end_time: "06:00"
    - name: weekends
      time_intervals:
        - weekdays:
            - saturday
            - sunday
  receivers:
    - name: on-call
      alertmanager_webhook_configs:
        - url: <secret>
      jira_configs:
        - project: OPS
`
	if string(printed) != shown {
		t.Errorf("printed is\n%s", printed)
	}
}

func TestImportOfWhatAlertmanagerRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"route: {receiver: a}": "am.yml:1:19: route.receiver: names no receiver",
		"route: {receiver: a, group_wait: 5 s}\nreceivers: [{name: a}]": "am.yml:1:34: route.group_wait: ",
		"route: [":     "am.yml:1:8: ",
		"":             "am.yml: has no route",
		"receivers: x": "am.yml:1:12: receivers: is a list",
	} {
		_, _, err := ImportAlertmanager("am.yml", []byte(text))
		var invalid *Error
		if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestRealRoutes loads files that Alertmanager itself is tested with, and sends
// alerts through them.
func TestRealRoutes(t *testing.T) {
	folder := filepath.Join(testkit.RealInputs(t), "alert-routing-oracle", "prometheus+alertmanager")
	type alert struct {
		labels    map[string]string
		receivers []string
	}
	cases := map[string][]alert{
		"config/testdata/conf.good.yml": {
			{nil, []string{"team-X-mails"}},
			{map[string]string{"service": "foo1"}, []string{"team-X-mails"}},
			{map[string]string{"service": "foo1", "severity": "critical"}, []string{"team-X-pager"}},
			{map[string]string{"service": "foo11", "severity": "critical"}, []string{"team-X-mails"}},
			{map[string]string{"service": "files", "severity": "critical"}, []string{"team-Y-pager"}},
			{map[string]string{"service": "files", "severity": "warning"}, []string{"team-Y-mails"}},
			{map[string]string{"service": "database"}, []string{"team-DB-pager"}},
			{map[string]string{"service": "database", "owner": "team-Y"}, []string{"team-Y-pager"}},
			{map[string]string{"service": "database", "owner": "team-Y", "owner2": "team-X"}, []string{"team-X-pager", "team-Y-pager"}},
		},
		"config/testdata/conf.group-by-all.yml": {{nil, []string{"team-X"}}},
		"cli/testdata/conf.routing.yml": {
			{map[string]string{"test": "1"}, []string{"test1"}},
			{map[string]string{"test": "2"}, []string{"test1", "test2"}},
			{map[string]string{"test": "12"}, []string{"default"}},
		},
		"cli/testdata/conf.routing-reverted.yml": {
			{map[string]string{"test": "1"}, []string{"test1"}},
			{map[string]string{"test": "2"}, []string{"test2", "test1"}},
			{map[string]string{"test": "volatile"}, []string{"default"}},
		},
	}
	for name, alerts := range cases {
		raw, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		n, unused, err := ImportAlertmanager(name, raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, u := range unused {
			if u.Where == "" || u.Key == "" || strings.HasPrefix(u.Key, "route") && !strings.HasSuffix(u.Key, ".labels") {
				t.Errorf("%s: %s", name, u)
			}
		}
		tree, err := routing.New(n.Routing())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alerts {
			var got []string
			for _, leaf := range tree.Match(a.labels) {
				got = append(got, leaf.Receiver)
			}
			if !slices.Equal(got, a.receivers) {
				t.Errorf("%s: %v goes to %q, want %q", name, a.labels, got, a.receivers)
			}
		}
	}
	// Every file that lies there loads, those too that are not known here.
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, _, err := ImportAlertmanager(path, raw); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestThePageOfTheNotifier loads its example: all that is wrong with it is that
// the files with the secrets are not here.
func TestThePageOfTheNotifier(t *testing.T) {
	page, err := os.ReadFile("../../docs/notifier.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok {
		t.Fatal("the page has no example")
	}
	_, err = Load(Sources{File: write(t, "example.yaml", example)})
	var invalid *Error
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	for _, f := range invalid.Faults {
		if !strings.HasPrefix(f.Detail, "cannot read /etc/telltale/") && !strings.Contains(f.Key, "_configs[") {
			t.Error(f)
		}
	}
}

// TestEveryKindOfReceiverIsMade: what is configured becomes endpoints, named by
// kind and number.
func TestEveryKindOfReceiverIsMade(t *testing.T) {
	const key = "whsec_YSBtYWRlLXVwIGtleSB0aGF0IGlzIGxvbmc="
	file := write(t, "telltale.yaml", `
notifier:
  route: {receiver: all}
  receivers:
    - name: all
      webhook_configs: [{url: "https://example.org/1", secret: "`+key+`"}, {url: "https://example.org/2", secret: "`+key+`", send_resolved: false}]
      alertmanager_webhook_configs: [{url: "https://example.org/3"}]
      alertmanager_configs: [{urls: ["https://a.example.org", "https://b.example.org"], ends_after: 1h}]
      pagerduty_configs: [{routing_key: made-up}]
      slack_configs: [{app_token: made-up, channel: C1}, {api_url: "https://example.org/4"}]
      msteamsv2_configs: [{webhook_url: "https://example.org/5"}]
      email_configs: [{to: ops@example.org, from: telltale@example.org, smarthost: "mail.example.org:587", headers: {X-Team: ops}}]
      opsgenie_configs: [{api_key: made-up, tags: "a, b", responders: [{type: team, name: ops}]}]
      jira_configs: [{api_url: "https://jira.example.org/rest/api/2", token: made-up, project: OPS, issue_type: Incident}]
      servicenow_configs: [{instance_url: "https://example.service-now.com", username: telltale, password: made-up, impact: {critical: 1}}]
    - name: nobody
`)
	c, err := Load(Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	endpoints, err := c.Notifier.Receivers[0].Endpoints("https://telltale.example.org")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range endpoints {
		name := e.Name
		if e.OnlyFiring {
			name += " only firing"
		}
		got = append(got, name)
		e.To.Close()
	}
	want := []string{
		"webhook1", "webhook2 only firing", "alertmanager_webhook1", "alertmanager1", "pagerduty1", "slack1", "slack2", "msteamsv21", "email1",
		"opsgenie1", "jira1", "servicenow1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("endpoints are %q, want %q", got, want)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "made-up") || strings.Contains(string(text), key) {
		t.Errorf("the printed configuration shows a secret:\n%s", text)
	}
}
