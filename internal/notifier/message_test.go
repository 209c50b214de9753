package notifier

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/telltale-dev/telltale/pkg/events"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMessages holds what people read to testdata/messages.golden.
func TestMessages(t *testing.T) {
	full := change{
		Key: checkout2, From: "in_progress", To: "failed", Attempt: 1, At: noon,
		Reason: "probe_failed", Message: "2 of 5 pods are not ready",
		Version: "2.0", Release: "r42", Owner: "team-payments",
	}
	full.Cause.Source = "/github/acme/checkout/deploy"
	bare := change{Key: "prod/eu-west-1/checkout/run-4711", To: "manual_intervention", Attempt: 3, At: noon, Late: true}
	bare.Cause.Source = "/argo"
	hostile := full
	hostile.Version = "2.0\nResolved: all is well"
	hostile.Message = "\x1b[31mred\x1b[0m \u202edrawkcab\u202c <!channel> [link](https://evil.example) {{.Secret}} " + strings.Repeat("é", 2*maxSentence)
	hostile.Reason = "line one\r\nline two"

	silent := change{Key: "prod/eu-west-1/checkout/2.0", From: "in_progress", To: "stalled", Reason: "silent", Attempt: 1, At: noon, Version: "2.0"}
	silent.Cause.Source = "/telltale/recorder/eu"
	overdue := silent
	overdue.From, overdue.Reason = "queued", "overdue"

	failed, person, stalled, blocked, conflicted := &Rules()[0], &Rules()[1], &Rules()[2], &Rules()[3], &Rules()[4]
	waits := change{Key: checkout2, From: "queued", To: "blocked", Attempt: 1, At: noon, Reason: "window", Version: "2.0"}
	waits.Cause.Source = "/change-desk"
	contradicted := full
	contradicted.To = "verified"
	var out strings.Builder
	for _, c := range []struct {
		name string
		rule *Rule
		c    change
		ends []resolution
	}{
		{"everything is said", failed, full, []resolution{
			howChanged(failed, &change{To: "reverted", At: noon.Add(12*time.Minute + 30*time.Second), Cause: full.Cause}),
			howChanged(failed, &change{To: "recovered", At: noon.Add(time.Hour), Cause: full.Cause}),
			howChanged(failed, &change{To: "cancelled", At: noon.Add(time.Hour), Cause: full.Cause}),
			howChanged(failed, &change{To: "removed", At: noon, Cause: full.Cause}),
			howChanged(failed, &change{To: "in_progress", At: noon.Add(time.Minute), Late: true, Cause: full.Cause}),
			howReplaced(&landing{Version: "1.4.1", Since: noon.Add(time.Minute), Landing: "rollback"}),
			howReplaced(&landing{Deployment: "git-0123456789ab", Since: noon.Add(time.Minute), source: "/argo"}),
			howFailedAgain(&change{Attempt: 2, At: noon.Add(time.Minute), Cause: full.Cause}, "al_second"),
		}},
		{"hardly anything is said", person, bare, nil},
		{"a tool says what it should not", failed, hostile, nil},
		{"nothing is said", stalled, silent, []resolution{
			howChanged(stalled, &change{From: "stalled", To: "in_progress", At: noon.Add(time.Minute), Cause: full.Cause}),
			howChanged(stalled, &change{From: "stalled", To: "superseded", At: noon.Add(time.Minute), Cause: full.Cause}),
		}},
		{"nothing moves", stalled, overdue, nil},
		{"it waits too long", blocked, waits, nil},
		{"a condition, whatever the status", conflicted, contradicted, []resolution{
			howChanged(conflicted, &change{From: "verified", To: "verified", At: noon.Add(time.Hour), Cause: full.Cause}),
		}},
	} {
		var err error
		if c.c.key, err = events.ParseKey(c.c.Key); err != nil {
			t.Fatal(err)
		}
		m := firingMessage(c.rule, &c.c, "al_first", "https://telltale.example/v1/deployments/"+c.c.Key)
		fmt.Fprintf(&out, "== %s\n%s\n%s\n%s\n%s %s %s\n", c.name, m.Title, m.Text, m.Link, m.Alert, m.Status, m.Severity)
		var pairs []string
		for name, value := range m.Labels {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, value))
		}
		slices.Sort(pairs)
		fmt.Fprintf(&out, "%s\n\n", strings.Join(pairs, " "))
		open := &Alert{Message: m, Key: c.c.Key, Version: c.c.Version}
		for _, how := range c.ends {
			r := resolvedMessage(open, how)
			fmt.Fprintf(&out, "%s\n%s\n%s %s, %s after it began\n\n", r.Title, r.Text, r.Alert, r.Status, r.At.Sub(r.Since))
		}
	}

	golden := filepath.Join("testdata", "messages.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the messages are not those of %s:\n%s", golden, out.String())
	}
}

func TestClean(t *testing.T) {
	cases := []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 10, "plain"},
		{"  two \n\t lines  ", 20, "two lines"},
		{"\x00\x07bell", 10, "bell"},
		{"éééé", 4, "éééé"},
		{"ééééé", 4, "ééé…"},
		{"", 4, ""},
	}
	for _, c := range cases {
		if got := clean(c.in, c.limit); got != c.want {
			t.Errorf("clean(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\nb", 3)
	f.Add("\u202e", 1)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 1 + limit&0xff
		got := clean(s, limit)
		if utf8.RuneCountInString(got) > limit || strings.ContainsAny(got, "\n\r\x1b\u202e") || !utf8.ValidString(got) {
			t.Errorf("clean(%q, %d) = %q", s, limit, got)
		}
	})
}
