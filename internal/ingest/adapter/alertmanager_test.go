package adapter

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func toldBy(tool string, body []byte, query map[string][]string) posted {
	return posted{tool, nil, url.Values(query).Encode(), body}
}

// slot is a query that names the place.
func slot(region ...string) map[string][]string {
	return map[string][]string{"env": {"prod"}, "region": region, "component": {"checkout"}}
}

// TestAlertmanagerRealPayloads: the payloads are of version 3 and older. They
// know no region, one of them no environment and no state of each alert.
func TestAlertmanagerRealPayloads(t *testing.T) {
	const fails, passes = "evidence health=fail", "evidence health=pass"
	for _, tc := range []struct {
		file  string
		query map[string][]string
		want  []string
	}{
		{"simpe.json", nil, []string{"unmapped by alert: no region"}},
		{"simpe.json", map[string][]string{"region": {"eu-west-1"}}, []string{"prod/eu-west-1/prometheus_bot/_ " + fails}},
		{"simpe.json", map[string][]string{"region": {"eu-west-1,us-east-1"}}, []string{
			"prod/eu-west-1/prometheus_bot/_ " + fails, "prod/us-east-1/prometheus_bot/_ " + fails,
		}},
		{"big_output.json", map[string][]string{"region": {"eu-west-1"}}, []string{"prod/eu-west-1/prometheus_bot/_ " + fails}},
		{"noGenURL.json", nil, repeated("unmapped by alert: no env, region", 8)},
		{"noGenURL.json", slot("eu-west-1"), repeated("prod/eu-west-1/wakeup/_ "+passes, 8)},
	} {
		body, err := os.ReadFile(testkit.RealInputs(t, "alert-payloads", "inCaller+prometheus_bot", "testdata", tc.file))
		if err != nil {
			t.Fatal(err)
		}
		p := toldBy("alertmanager", body, tc.query)
		if got, want := p.said(t), strings.Join(tc.want, "; "); got != want {
			t.Errorf("%s %v:\n%s\nwant\n%s", tc.file, tc.query, got, want)
		}
		ids := make(map[string]bool)
		for _, m := range p.result(t).Events {
			if ids[m.Event.ID] {
				t.Errorf("%s: two alerts have the id %s", tc.file, m.Event.ID)
			}
			ids[m.Event.ID] = true
		}
	}
}

func repeated(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// TestAlertmanagerAlerts: what one alert becomes by its state and its labels.
func TestAlertmanagerAlerts(t *testing.T) {
	const here = "prod/eu-west-1/checkout/_ "
	for _, tc := range []struct {
		name, status, labels string
		want                 string
	}{
		{"fires", "firing", `"service": "checkout"`, here + "evidence health=fail"},
		{"is over", "resolved", `"service": "checkout"`, here + "evidence health=pass"},
		{"a state that nobody knows", "suppressed", `"service": "checkout"`, "unmapped by alert: status=suppressed"},
		{"no state at all", "", `"service": "checkout"`, "unmapped by alert: status="},
		{"the workload before what saw it", "firing", `"deployment": "checkout", "service": "kube-state-metrics", "job": "kube-state-metrics"`, here + "evidence health=fail"},
		{"a recommended label", "firing", `"app_kubernetes_io_name": "checkout", "job": "pods"`, here + "evidence health=fail"},
		{"no component", "firing", `"instance": "10.0.0.1:9100"`, "unmapped by alert: no component"},
		{"the watchdog", "firing", `"alertname": "Watchdog"`, "ignored by alert"},
		{"our own", "firing", `"alertname": "TelltaleStalled", "service": "checkout"`, "ignored by alert"},
		{"our own, over", "resolved", `"source": "telltale", "service": "checkout"`, "ignored by alert"},
		{"nothing to judge by", "firing", `"alertname": "DatasourceNoData", "service": "checkout"`, here + "evidence health=unknown"},
		{"something to judge by again", "resolved", `"alertname": "DatasourceNoData", "service": "checkout"`, here + "evidence health=unknown"},
	} {
		body := `{"version": "4", "alerts": [{"status": "` + tc.status + `", "startsAt": "2026-05-04T10:16:00Z", "endsAt": "2026-05-04T10:18:00Z",
			"fingerprint": "f", "labels": {"env": "prod", "region": "eu-west-1", ` + tc.labels + `}}]}`
		if got := toldBy("alertmanager", []byte(body), nil).said(t); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestAlertmanagerRepeats: what Alertmanager sends again is the same fact though
// its group has grown and its texts have new figures; an alert that fires anew is
// another.
func TestAlertmanagerRepeats(t *testing.T) {
	first := toldBy("alertmanager", made(t, "alertmanager", "group"), nil).result(t).Events[0].Event
	again := toldBy("alertmanager", made(t, "alertmanager", "group", "5.3 % of", "7.9 % of", `"receiver": "telltale"`, `"receiver": "other"`), nil).result(t).Events[0].Event
	one, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	two, err := again.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(two) {
		t.Errorf("sent again it is\n%s\nfirst it was\n%s", two, one)
	}
	anew := toldBy("alertmanager", made(t, "alertmanager", "group", "10:16:00.123Z", "11:00:00.000Z"), nil).result(t).Events[0].Event
	if anew.ID == first.ID {
		t.Errorf("an alert that fires anew is taken for the old one: %s", anew.ID)
	}
	if p := toldBy("alertmanager", []byte(`{"version": "4", "alerts": []}`), nil); p.said(t) != "ignored by alert" {
		t.Errorf("an empty group: %s", p.said(t))
	}
}
