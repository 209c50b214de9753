package projector

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// second is a second of the tests' day.
func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// event makes any event, said at a second and recorded at another.
func event(t testing.TB, typ, subject, source, id string, said, recorded int, data any) said {
	t.Helper()
	e := &events.Event{
		ID: id, Source: source, Type: typ, Subject: subject, RecordedTime: second(recorded), Recorder: "r1", Emitter: "ci",
	}
	e.SetTime(second(said))
	if err := e.SetData(data); err != nil {
		t.Fatal(err)
	}
	return stored(t, e)
}

// tick is a recorder's promise at a second.
func tick(t testing.TB, recorder string, at int, regions ...string) said {
	t.Helper()
	e := &events.Event{
		ID: fmt.Sprint("tick-", at), Source: "/telltale/ingest/" + recorder, Type: events.TypeTick, Subject: recorder,
		Recorder: recorder, RecordedTime: second(at),
	}
	e.SetTime(e.RecordedTime)
	if err := e.SetData(&events.Tick{Regions: regions}); err != nil {
		t.Fatal(err)
	}
	return stored(t, e)
}

// hasty is the standard lifecycle with deadlines that pass within a situation.
func hasty(t testing.TB) string {
	t.Helper()
	head, _, ok := strings.Cut(string(statemachine.StandardDocument()), "  deadlines:\n")
	if !ok {
		t.Fatal("the standard document does not end with its deadlines")
	}
	return head + `  deadlines:
    planned: {overdue_after: 5m}
    blocked: {overdue_after: 10m}
    in_progress: {silent_after: 2m, overdue_after: 10m}
    deployed: {overdue_after: 15m}
`
}

// trusted is a Source document: the word of these sources goes before that of
// others in these statuses.
func trusted(name, version, pattern string, statuses ...string) string {
	return fmt.Sprintf("apiVersion: telltale.dev/v1\nkind: Source\nmetadata: {name: %s, version: %q}\nspec: {match: {source: %q}, authority: [%s]}\n",
		name, version, pattern, strings.Join(statuses, ", "))
}

// situation draws the words of a few rollouts in a few slots, all that may
// happen around them, and ticks of two recorders in their order.
func situation(t testing.TB, rt *rapid.T) (words, ticks []said) {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, label) }
	crowded := rapid.Bool().Draw(rt, "all in one slot")
	slot := func() string {
		if crowded {
			return "prod/eu/api"
		}
		return "prod/" + pick("region", "eu", "us") + "/" + pick("component", "api", "web")
	}
	refs := func() []string {
		if rapid.IntRange(0, 3).Draw(rt, "with refs") > 0 {
			return nil
		}
		return []string{pick("ref", "git:a@1", "git:a@2")}
	}
	verdict := func() events.Verdict { return events.Verdict(pick("verdict", "pass", "fail")) }
	statuses := append(statemachine.Standard().Statuses(), "planned", "in_progress", "in_progress", "deployed", "deployed", "failed", "stalled", "no-such")
	if crowded { // landings and what follows
		statuses = []string{"in_progress", "deployed", "deployed", "failed", "reverted", "removed"}
	}
	var drawn []*events.Event // to make other copies of
	for i := range rapid.IntRange(1, 14).Draw(rt, "words") {
		at := 60 * rapid.IntRange(0, 30).Draw(rt, "minute")
		recorded := at + rapid.SampledFrom([]int{0, 0, 1, 90, 7 * 3600}).Draw(rt, "on its way")
		e := &events.Event{
			ID: fmt.Sprint("w", i), Source: "/" + pick("source", "ci", "argo"), RecordedTime: second(recorded), Recorder: "r1", Emitter: "ci",
		}
		e.SetTime(second(at))
		var data any
		switch kind := rapid.IntRange(0, 23).Draw(rt, "kind"); {
		case kind == 0 && len(drawn) > 0: // another copy, perhaps of other content or about something else
			twin := *rapid.SampledFrom(drawn).Draw(rt, "copy of")
			twin.RecordedTime = second(recorded)
			if rapid.Bool().Draw(rt, "of other content") {
				twin.Type, twin.Subject = events.TypeReported, slot()+"/"+pick("deployment", "1.0", "1.1", events.Missing)
				data = events.Reported{Status: pick("status", statuses...), Version: "1.0"}
			}
			e = &twin
		case kind <= 2:
			e.Type, e.Subject = events.TypeEvidence, slot()+"/"+pick("deployment", "1.0", "1.1", "1.2", events.Missing)
			data = events.Evidence{Kind: pick("evidence", "tests", "approval"), Verdict: verdict(), Refs: refs()}
		case kind == 3:
			e.Type, e.Subject = events.TypeProgressed, slot()+"/"+pick("deployment", "1.0", "1.1", events.Missing)
			data = events.Progressed{NextExpectedBy: second(at + 120), Refs: refs()}
		case kind == 4:
			e.Type, e.Subject = events.TypeEvidence, "prod/"+pick("of", "r1", "r2", "r3")
			data = events.Evidence{Kind: pick("evidence", "tests", "approval"), Verdict: verdict()}
		case kind == 5:
			e.Type, e.Subject = events.TypeAnnotated, "prod/"+pick("of", "r1", "r2", "r3")
			data = events.Annotated{Kind: "comment", Text: "said of all"}
		case kind <= 7:
			e.Type, e.Subject = events.TypeObserved, slot()
			data = events.Observed{Version: pick("version", "1.0", "1.1", "9.9"), Refs: refs()}
		case kind <= 9:
			web := events.Member{Region: "eu", Component: "web", Deployment: pick("planned", "", "1.1")}
			api := events.Member{Region: "eu", Component: "api", Deployment: pick("planned", "", "1.1")}
			if rapid.Bool().Draw(rt, "api first") {
				web.DependsOn = []string{"api"}
			} else {
				api.DependsOn = []string{"web"}
			}
			e.Type, e.Subject = events.TypeReleaseDeclared, "prod/"+pick("of", "r1", "r2")
			data = events.ReleaseDeclared{Members: []events.Member{web, api}}
		case kind == 10:
			e.Type, e.Subject = pick("freeze", events.TypeFreezeDeclared, events.TypeFreezeLifted), "prod"
			data = events.Freeze{Name: "f", From: second(600), To: second(1200)}
		case kind == 11:
			e.Type, e.Subject = events.TypeDefinitionActivated, "hasty"
			data = events.DefinitionActivated{
				Kind: kindLifecycle, Name: "hasty", Version: "1", Document: hasty(t), Actor: "user:1",
			}
		case kind <= 13:
			activated := events.DefinitionActivated{
				Kind: definition.KindSource, Name: pick("document", "argo", "all"), Version: fmt.Sprint(i), Actor: "user:1",
				EffectiveFrom: rapid.SampledFrom([]time.Time{{}, epoch, second(600)}).Draw(rt, "from"),
				Envs:          rapid.SampledFrom([][]string{nil, {"prod"}, {"stage"}}).Draw(rt, "envs"),
			}
			authority := rapid.SampledFrom([][]string{nil, {"in_progress", "deployed"}, {"failed", "no_such"}}).Draw(rt, "authority")
			activated.Document = trusted(activated.Name, activated.Version, pick("pattern", "/argo", "/ci", "/*"), authority...)
			e.Type, e.Subject, data = events.TypeDefinitionActivated, activated.Name, activated
		default:
			e.Type, e.Subject = events.TypeReported, slot()+"/"+pick("deployment", "1.0", "1.1", "1.2", events.Missing)
			data = events.Reported{
				Status: pick("status", statuses...), Version: pick("version", "", "1.0", "1.1", "1.2"),
				Release: pick("release", "", "", "r1", "r2", "r3"), Refs: refs(),
			}
		}
		if data != nil {
			if err := e.SetData(data); err != nil {
				rt.Fatal(err)
			}
		}
		drawn = append(drawn, e)
		words = append(words, stored(t, e))
	}
	last := 0
	for range rapid.IntRange(0, 4).Draw(rt, "ticks") {
		last += 60 * rapid.IntRange(0, 20).Draw(rt, "later")
		regions := rapid.SampledFrom([][]string{{"eu"}, {"eu", "us"}, {"us"}}).Draw(rt, "regions")
		ticks = append(ticks, tick(t, pick("recorder", "r1", "r2"), last, regions...))
	}
	return words, ticks
}

// among puts words into one stream with ticks, which keep their order.
func among(rt *rapid.T, words, ticks []said) []said {
	var out []said
	for len(words)+len(ticks) > 0 {
		from := &words
		if len(words) == 0 || len(ticks) > 0 && rapid.IntRange(0, 3).Draw(rt, "tick") == 0 {
			from = &ticks
		}
		out, *from = append(out, (*from)[0]), (*from)[1:]
	}
	return out
}
