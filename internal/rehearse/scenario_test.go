package rehearse

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestScenarios holds every worked situation as events of a stream, from the
// first to the last and in reverse.
func TestScenarios(t *testing.T) {
	raw, err := os.ReadFile("../../pkg/statemachine/testdata/scenarios.txt")
	if err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`(?m)^(\d+\. .*)\n((?: +\w+: .*\n)+)`)
	row := regexp.MustCompile(`(?m)^ +(\w+): +(.*)$`)
	ran := 0
	for _, m := range head.FindAllStringSubmatch(string(raw)+"\n", -1) {
		rows := map[string]string{}
		for _, r := range row.FindAllStringSubmatch(m[2], -1) {
			rows[r[1]] = r[2]
		}
		ran++
		t.Run(m[1], func(t *testing.T) {
			list := tell(t, rows["words"])
			want := cmp.Or(rows["shown"], rows["base"]) + "\nslot " + rows["slot"]
			for range 2 {
				h := Read(stored(list), view.Watermarks{})
				if u := h.Unusable(); len(u) > 0 {
					t.Fatal(u)
				}
				if got := h.World(h.Len(), nil).situation(); got != want {
					t.Errorf("\n got %s\nwant %s", got, want)
				}
				slices.Reverse(list)
			}
		})
	}
	if ran != 58 {
		t.Errorf("%d situations ran, there are 58", ran)
	}
}

// tell reads "source deployment status @seconds …; …".
func tell(t *testing.T, line string) []*events.Event {
	t.Helper()
	var out []*events.Event
	for i, text := range strings.Split(line, ";") {
		f := strings.Fields(text)
		second, err := strconv.Atoi(strings.TrimPrefix(f[3], "@"))
		if err != nil {
			t.Fatal(err)
		}
		id, key := fmt.Sprintf("w%02d", i), "p/e/c/"+f[1]
		verdict, isEvidence := map[string]events.Verdict{"+": events.VerdictPass, "-": events.VerdictFail}[f[2]]
		d := events.Reported{Status: f[2], Version: f[1]}
		sequence := ""
		for _, o := range f[4:] {
			switch name, value, _ := strings.Cut(o, "="); name {
			case "a":
				n, err := strconv.ParseUint(value, 10, 32)
				if err != nil {
					t.Fatal(err)
				}
				d.Attempt = uint32(n)
			case "q":
				sequence = value
			case "v":
				d.Version = value
			case "r":
				d.Refs = []string{value}
			}
		}
		e := say(events.TypeReported, key, f[0], id, second, second, d)
		if isEvidence {
			e = say(events.TypeEvidence, key, f[0], id, second, second, events.Evidence{
				Kind: "tests", Verdict: verdict, Attempt: d.Attempt, Refs: d.Refs,
			})
		}
		e.Sequence = sequence
		out = append(out, e)
	}
	return out
}

// situation renders a world of one slot as the situations do.
func (w *World) situation() string {
	var texts []string
	for key, d := range w.Deployments {
		text := fmt.Sprintf("%s=%s/%d", key.Deployment, d.Shown.Status, d.State.Attempt)
		for _, c := range d.Shown.Conditions {
			text += " " + c
		}
		for _, h := range d.State.Held {
			text += " held:" + h.Status
		}
		if d.State.AnomalyN > 0 {
			var reasons []string
			for _, a := range d.State.Anomalies {
				reasons = append(reasons, a.Reason)
			}
			text += fmt.Sprintf(" anom:%d(%s)", d.State.AnomalyN, strings.Join(reasons, ","))
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	s := w.Slots[events.Slot{Env: "p", Region: "e", Component: "c"}]
	var landings []string
	for _, l := range s.Landings {
		text := l.Deployment + ":" + l.Class.String()
		if l.Restored {
			text += "(restored)"
		}
		landings = append(landings, text)
	}
	runs := cmp.Or(s.Current.Deployment, "-")
	text := fmt.Sprintf("%s\nslot %s [%s]", strings.Join(texts, "; "), runs, strings.Join(landings, " "))
	if s.Unplaced > 0 {
		text += fmt.Sprintf("; unplaced %d", s.Unplaced)
	}
	return text
}
