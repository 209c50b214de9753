package emitcli

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// A history is in the order of recording whatever the order of lines, has the
// ticks of its time, and names the lines that say nothing.
func TestReadHistory(t *testing.T) {
	line := func(id, stamps string) string {
		return `{"specversion":"1.0","type":"dev.telltale.deployment.reported.v1","source":"/ci","id":"` + id +
			`","subject":"prod/eu/api/1.0",` + stamps + `"data":{"status":"deployed"}}`
	}
	in := strings.Join([]string{
		line("late", `"time":"2026-03-01T10:00:00Z","recordedtime":"2026-03-01T10:01:00Z","recorder":"ingest-1",`),
		"", "nonsense",
		line("plain", `"time":"2026-03-01T10:00:30Z",`),
		line("never", ""),
	}, "\n")
	list, bad, err := ReadHistory(strings.NewReader(in), "import", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range list {
		e := &list[i]
		what := e.ID
		if e.Type == events.TypeTick {
			what = "tick"
		}
		got = append(got, e.Recorder+" "+what+" "+e.RecordedTime.Format("15:04:05"))
	}
	want := "import plain 10:00:30; ingest-1 late 10:01:00; import tick 10:00:39; ingest-1 tick 10:01:09"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("the history is\n%s\nwant\n%s", text, want)
	}
	if len(bad) != 2 || !strings.HasPrefix(bad[0].Error(), "line 3: ") || !strings.HasPrefix(bad[1].Error(), "line 5: ") {
		t.Errorf("bad lines %v, want 3 and 5", bad)
	}
}
