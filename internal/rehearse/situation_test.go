package rehearse

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// day is when all situations begin.
var day = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// at is a second of the day.
func at(second int) time.Time { return day.Add(time.Duration(second) * time.Second) }

// say makes a stored event: said at a second, recorded at another.
func say(typ, subject, source, id string, said, recorded int, data any) *events.Event {
	e := &events.Event{
		ID: id, Source: source, Type: typ, Subject: subject, RecordedTime: at(recorded), Recorder: "r1", Emitter: "ci",
	}
	e.SetTime(at(said))
	if err := e.SetData(data); err != nil {
		panic(err) // a test that cannot say what it wants
	}
	return e
}

func tick(recorder string, second int, regions ...string) *events.Event {
	return say(events.TypeTick, recorder, "/telltale/"+recorder, fmt.Sprint("tick-", second), second, second, events.Tick{Regions: regions})
}

// stored puts events into a stream in this order.
func stored(list []*events.Event) []Stored {
	out := make([]Stored, len(list))
	for i, e := range list {
		out[i] = Stored{Event: e, Seq: uint64(i + 1), Time: e.RecordedTime}
	}
	return out
}

// hasty is the standard lifecycle with deadlines that pass within a situation,
// and another name.
func hasty(name string) string {
	head, _, _ := strings.Cut(string(statemachine.StandardDocument()), "  deadlines:\n")
	head = strings.Replace(head, "name: standard", "name: "+name, 1)
	return head + `  deadlines:
    planned: {overdue_after: 5m}
    in_progress: {silent_after: 2m, overdue_after: 10m}
    deployed: {overdue_after: 15m}
`
}

// trusted is a Source document: the word of these sources goes before that of
// others in these statuses.
func trusted(pattern, statuses string) string {
	return fmt.Sprintf("apiVersion: telltale.dev/v1\nkind: Source\nmetadata: {name: trusted, version: \"1\"}\nspec: {match: {source: %q}, authority: [%s]}\n",
		pattern, statuses)
}

// situation draws the words of a few rollouts, everything that may happen around
// them, and ticks in their order.
func situation(t *rapid.T) (words, ticks []*events.Event) {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	crowded := rapid.Bool().Draw(t, "all in one slot")
	slotOf := func() string {
		if crowded {
			return "prod/eu/api"
		}
		return "prod/" + pick("region", "eu", "us") + "/" + pick("component", "api", "web")
	}
	refs := func() []string {
		if rapid.IntRange(0, 3).Draw(t, "with refs") > 0 {
			return nil
		}
		return []string{pick("ref", "git:a@1", "git:a@2")}
	}
	release := func() string { return pick("release", "", "", "r1", "r2") }
	statuses := append(statemachine.Standard().Statuses(), "planned", "in_progress", "in_progress", "deployed", "deployed", "failed", "stalled", "no-such")
	if crowded {
		statuses = []string{"in_progress", "deployed", "deployed", "failed", "reverted", "removed"} // landings and what follows
	}
	for i := range rapid.IntRange(1, 16).Draw(t, "words") {
		said := 60 * rapid.IntRange(0, 30).Draw(t, "minute")
		recorded := said + rapid.SampledFrom([]int{0, 0, 1, 90, 7 * 3600}).Draw(t, "on its way")
		source, id := "/"+pick("source", "ci", "argo"), fmt.Sprint("w", i)
		if len(words) > 0 && rapid.IntRange(0, 9).Draw(t, "another copy") == 0 {
			twin := *rapid.SampledFrom(words).Draw(t, "of")
			twin.RecordedTime = at(recorded)
			if twin.Type == events.TypeReported && rapid.Bool().Draw(t, "of other content") {
				if err := twin.SetData(events.Reported{Status: pick("status", statuses...), Version: "1.0"}); err != nil {
					t.Fatal(err)
				}
			}
			words = append(words, &twin)
			continue
		}
		key := slotOf() + "/" + pick("deployment", "1.0", "1.1", "1.2", events.Missing)
		var e *events.Event
		switch rapid.IntRange(0, 20).Draw(t, "kind") {
		default:
			e = say(events.TypeReported, key, source, id, said, recorded, events.Reported{
				Status: pick("status", statuses...), Version: pick("version", "", "1.0", "1.1", "1.2"), Release: release(), Refs: refs(),
			})
		case 0, 1:
			e = say(events.TypeEvidence, key, source, id, said, recorded, events.Evidence{
				Kind: pick("evidence", "tests", "approval"), Verdict: events.Verdict(pick("verdict", "pass", "fail")), Refs: refs(),
			})
		case 2:
			e = say(events.TypeProgressed, key, source, id, said, recorded, events.Progressed{NextExpectedBy: at(said + 120), Refs: refs()})
		case 3:
			e = say(events.TypeEvidence, "prod/"+pick("of", "r1", "r2"), source, id, said, recorded, events.Evidence{
				Kind: pick("evidence", "tests", "approval"), Verdict: events.Verdict(pick("verdict", "pass", "fail")),
			})
		case 4, 5:
			e = say(events.TypeObserved, slotOf(), source, id, said, recorded, events.Observed{Version: pick("version", "1.0", "1.1", "9.9"), Refs: refs()})
		case 6, 7:
			web := events.Member{Region: "eu", Component: "web", Deployment: pick("planned", "", "1.1")}
			api := events.Member{Region: "eu", Component: "api", Deployment: pick("planned", "", "1.1")}
			if rapid.Bool().Draw(t, "api first") {
				web.DependsOn = []string{"api"}
			} else {
				api.DependsOn = []string{"web"}
			}
			e = say(events.TypeReleaseDeclared, "prod/"+pick("of", "r1", "r2"), source, id, said, recorded, events.ReleaseDeclared{Members: []events.Member{web, api}})
		case 8:
			typ := pick("freeze", events.TypeFreezeDeclared, events.TypeFreezeLifted)
			e = say(typ, "prod", source, id, said, recorded, events.Freeze{Name: "f", From: at(600), To: at(1200)})
		case 9:
			e = say(events.TypeDefinitionActivated, "hasty", source, id, said, recorded, events.DefinitionActivated{
				Kind: "Lifecycle", Name: "hasty", Version: "1", Document: hasty("hasty"), Actor: "user:1",
			})
		case 10:
			e = say(events.TypeDefinitionActivated, "trusted", source, id, said, recorded, events.DefinitionActivated{
				Kind: "Source", Name: "trusted", Version: "1", Actor: "user:1",
				Document: trusted(pick("pattern", "/argo", "/*"), pick("authority", "", "deployed, failed", "in_progress")),
			})
		}
		words = append(words, e)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "ticks") {
		regions := rapid.SampledFrom([][]string{{"eu"}, {"eu", "us"}, {"us"}}).Draw(t, "regions")
		ticks = append(ticks, tick(pick("recorder", "r1", "r2"), 600*(i+1)*rapid.IntRange(1, 3).Draw(t, "later"), regions...))
	}
	return words, ticks
}

// into puts words and ticks into one stream; the ticks keep their order.
func into(t *rapid.T, words, ticks []*events.Event) *History {
	var list []*events.Event
	words, ticks = append([]*events.Event(nil), words...), append([]*events.Event(nil), ticks...)
	for len(words)+len(ticks) > 0 {
		from := &words
		if len(words) == 0 || len(ticks) > 0 && rapid.Bool().Draw(t, "tick") {
			from = &ticks
		}
		list, *from = append(list, (*from)[0]), (*from)[1:]
	}
	return Read(stored(list), view.Watermarks{})
}
