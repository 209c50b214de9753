package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// writeGOVUK writes a year of real landings as recorded events, each proposed and
// landed, and returns the file and when each landed, in Unix seconds.
func writeGOVUK(t *testing.T) (file string, landed []int64) {
	t.Helper()
	f, err := os.Open(testkit.RealInputs(t, "real-history/alphagov+govuk-helm-charts/govuk-deployments-2023.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewScanner(rows)
	for row := 0; lines.Scan(); row++ {
		c := strings.Split(lines.Text(), "\t")
		if row == 0 {
			continue // the header
		}
		update, merge, app, env, tag := c[0], c[1], c[4], c[5], c[6]
		for _, say := range [...]struct{ id, status, unix string }{{update + "-planned", "planned", c[2]}, {merge + "-deployed", "deployed", c[3]}} {
			seconds, err := strconv.ParseInt(say.unix, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			e := &events.Event{
				ID: say.id, Source: "/govuk/" + env, Type: events.TypeReported,
				Subject: env + "/eu-west-1/" + app + "/" + update, Time: time.Unix(seconds, 0).UTC(),
			}
			if err := e.SetData(events.Reported{Status: say.status, Version: tag, Release: tag}); err != nil {
				t.Fatal(err)
			}
			raw, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(raw, '\n'))
			if say.status == "deployed" {
				landed = append(landed, seconds)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, landed
}

// TestLifecycleOnRealHistory learns deadlines from a year of a real platform, and
// replays it under a lifecycle that wants every landing to be verified within a
// day: each that is a day old at the end was stalled then, and nothing else
// differs.
func TestLifecycleOnRealHistory(t *testing.T) {
	file, landed := writeGOVUK(t)
	if len(landed) != 22_355 {
		t.Fatalf("%d landings, want 22355", len(landed))
	}
	run := func(args ...string) (stdout, stderr string) {
		var out, errs bytes.Buffer
		env := Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
		began := time.Now()
		if code := Main(context.Background(), append([]string{"lifecycle"}, args...), env); code != ExitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
		}
		t.Logf("%s took %v", args[0], time.Since(began).Round(time.Millisecond))
		return out.String(), errs.String()
	}
	learned, _ := run("learn", "--events", file)
	if again, _ := run("learn", "--events", file); again != learned {
		t.Error("learned another document from the same events")
	}
	// Nobody there waits longer than 19 s for what was proposed.
	if found := statemachine.Lint([]byte(learned)); len(found) > 0 || !strings.Contains(learned, "planned: {overdue_after: 5m} # samples: ") {
		t.Errorf("lint says of what was learned: %v\n%s", found, learned)
	}

	strict := strings.Replace(string(statemachine.StandardDocument()), "\n  deadlines:\n", "\n  deadlines:\n    deployed: {overdue_after: 24h}\n", 1)
	doc := filepath.Join(t.TempDir(), "strict.yaml")
	if err := os.WriteFile(doc, []byte(strict), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs := run("replay", doc, "--events", file, "-o", "json")
	var got struct{ Summary replaySummary }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(errs, "lines read") || !strings.Contains(errs, "messages as recorded") {
		t.Errorf("no sign of life in\n%s", errs)
	}
	// The last tick stands before the end of ten seconds, and five are its grace.
	known := slices.Max(landed)/10*10 + 10 - 5
	old := 0
	for _, at := range landed {
		if at+24*3600 < known {
			old++
		}
	}
	want := replaySummary{Deployments: len(landed), Differ: old, Statuses: old, Would: old, Arisen: old}
	if got.Summary != want {
		t.Errorf("%+v, want %+v", got.Summary, want)
	}
}
