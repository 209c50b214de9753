package statemachine

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// strictDocument is the standard lifecycle with one of everything that it has
// not.
var strictDocument = sync.OnceValue(func() []byte {
	doc := string(StandardDocument())
	for _, change := range [][2]string{
		{"  name: standard\n", "  name: strict\n"},
		{"judged: [verified]", "judged: [{to: verified, guard: soaked}]"},
		{"    - {from: [deployed, verifying], to: verified, when: evidence}\n", "    - {from: [queued], to: blocked, when: picky}\n"},
		{"category: landed, runs: true, lands: true}", "category: landed, runs: true, lands: true, marks: [live, counted, live]}"},
		{"  guards:\n", `  guards:
    - {name: soaked, when: 'evidence.exists(e, e.after && e.name == "smoke" && e.verdict == "pass")', message: waits for the smoke test}
    - {name: picky, when: 'labels[1].value == "no"', message: waits for a second label}
`},
		{"  policies:\n", `  policies:
    - {name: robot, on: [deployed, failed], when: 'emitter != "robot" || native.exists(n, n.key == "by" && n.value == "1")', message: a robot said so}
    - {name: broken, on: [blocked], when: '1 / size(labels) == 1', message: it has one label}
`},
	} {
		if !strings.Contains(doc, change[0]) {
			panic("the standard document has no " + change[0])
		}
		doc = strings.ReplaceAll(doc, change[0], change[1])
	}
	return []byte(doc + `
  authority:
    - {source: "a*", statuses: [in_progress, deployed, verifying, verified]}
    - {source: k8s, statuses: [deployed, failed]}
  aliases: {jira: ticket, todo: ticket}
  overrides:
    - {match: {env: dev}, deadlines: {in_progress: {silent_after: 0s}}}
    - {match: {component: ["report-*", "api"], region: "eu*"}, deadlines: {in_progress: {overdue_after: 8h}, deployed: {overdue_after: 1h}}}
`)
})

// strict returns the compiled document. It is compiled for each test: a guard
// must not remember.
func strict(t interface{ Fatal(args ...any) }) *Lifecycle {
	l, err := Compile(strictDocument())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func proof(source, kind, name string, verdict events.Verdict, sec int64) Word {
	w := say(source, "", sec)
	w.Kind, w.SubKind, w.Name, w.Verdict, w.ID = KindEvidence, kind, name, verdict, source+kind+name+w.ID
	return w
}

func TestNamedGuard(t *testing.T) {
	l := strict(t)
	words := []Word{say("k8s", StatusDeployed, 0), say("argo", StatusVerified, 5), proof("probe", "tests", "unit", events.VerdictPass, 8)}
	s, _ := l.Fold(key2, words)
	want := Held{Status: StatusVerified, Guard: "soaked", Message: "waits for the smoke test", Source: "argo", ID: words[1].ID}
	if s.Status != StatusDeployed || len(s.Held) != 1 || s.Held[0] != want {
		t.Fatalf("%s, held %+v", s.Status, s.Held)
	}
	s, steps := l.Fold(key2, append(words, proof("probe", "tests", "smoke", events.VerdictPass, 9)))
	if s.Status != StatusVerified || len(s.Held) != 0 || steps[3].Verdict != VerdictTaken || steps[3].Slot != nil {
		t.Errorf("%s, held %+v, step %+v", s.Status, s.Held, steps[3])
	}
	if s, _ = l.Fold(key2, append(words[:1:1], proof("probe", "tests", "smoke", events.VerdictPass, 9))); s.Status != StatusDeployed {
		t.Errorf("without an auto transition evidence alone gives %s", s.Status)
	}
	checkOrders(t, l, "2.0", append(words, proof("probe", "tests", "smoke", events.VerdictPass, 9)))
}

// A condition that cannot be evaluated does not hold, says so, and stops saying
// so when it can be.
func TestGuardThatFails(t *testing.T) {
	l := strict(t)
	queued, labelled := say("ci", StatusQueued, 0), say("ci", StatusQueued, 5)
	s, _ := l.Fold(key2, []Word{queued})
	if len(s.Held) != 1 || s.Held[0].Guard != "picky" || !strings.HasPrefix(s.Held[0].Message, "waits for a second label (the condition cannot be evaluated: ") {
		t.Fatalf("held %+v", s.Held)
	}
	labelled.Labels = []Label{{"a", "no"}, {"b", "yes"}}
	if s, _ = l.Fold(key2, []Word{queued, labelled}); s.Status != StatusQueued || len(s.Held) != 0 {
		t.Errorf("%s, held %+v", s.Status, s.Held)
	}
	labelled.Labels[1].Value = "no"
	if s, _ = l.Fold(key2, []Word{queued, labelled}); s.Status != StatusBlocked || len(s.Held) != 0 {
		t.Errorf("%s, held %+v", s.Status, s.Held)
	}
	s, _ = l.Fold(key2, []Word{say("ci", StatusBlocked, 0)})
	if len(s.Violations) != 1 || !strings.Contains(s.Violations[0].Message, "it has one label (the condition cannot be evaluated: division by zero)") {
		t.Errorf("violations %+v", s.Violations)
	}
}

func TestPolicies(t *testing.T) {
	l := strict(t)
	bot, robot := say("ci", StatusDeployed, 0), say("ci", StatusDeployed, 0)
	bot.Emitter, robot.Emitter = "bot", "robot"
	if s, _ := l.Fold(key2, []Word{bot}); len(s.Violations) != 0 || len(s.Conditions) != 0 {
		t.Errorf("a bot breaks %+v", s.Violations)
	}
	again := say("ci", StatusFailed, 9)
	again.Emitter = "robot"
	s, _ := l.Fold(key2, []Word{robot, again})
	want := Violation{Policy: "robot", Message: "a robot said so", Source: "ci", ID: robot.ID, Tau: robot.Tau}
	if s.Status != StatusFailed || len(s.Violations) != 1 || s.Violations[0] != want || !slices.Contains(s.Conditions, ConditionViolation) {
		t.Errorf("%s, violations %+v, conditions %v", s.Status, s.Violations, s.Conditions)
	}
	for native, broken := range map[string]bool{`{"by":1}`: false, `{"by":"1","a":{"x":[1]}}`: false, `{"by":"2"}`: true, `{}`: true} {
		robot.Native = jsontext.Value(native)
		if s, _ := l.Fold(key2, []Word{robot}); len(s.Violations) > 0 != broken {
			t.Errorf("%s: violations %+v", native, s.Violations)
		}
	}
}

func TestAuthority(t *testing.T) {
	l := strict(t)
	for name, tc := range map[string]struct {
		words   []Word
		against string
	}{
		"nobody contradicts":                 {[]Word{say("ci", StatusInProgress, 0), say("ci", StatusDeployed, 5)}, ""},
		"who knows best says something else": {[]Word{say("argo", StatusInProgress, 0), say("ci", StatusDeployed, 5)}, "argo"},
		"until it agrees":                    {[]Word{say("argo", StatusInProgress, 0), say("ci", StatusDeployed, 5), say("argo", StatusDeployed, 9)}, ""},
		"one of them is enough":              {[]Word{say("argo", StatusInProgress, 0), say("k8s", StatusDeployed, 5), say("ci", StatusDeployed, 9)}, ""},
		"the latest of them is shown":        {[]Word{say("argo", StatusInProgress, 0), say("k8s", StatusInProgress, 3), say("ci", StatusDeployed, 5)}, "k8s"},
		"over another status it has none":    {[]Word{say("argo", StatusInProgress, 0), say("ci", StatusCancelled, 5)}, ""},
		"what waits is no contradiction":     {[]Word{say("ci", StatusDeployed, 0), say("argo", StatusVerified, 5)}, ""},
		"nor is a judgement a claim":         {[]Word{say("argo", StatusDeployed, 0), say("ci", StatusVerified, 1), proof("p", "tests", "smoke", "pass", 2)}, ""},
		"but a fact after it is": {[]Word{
			say("k8s", StatusDeployed, 0), say("ci", StatusVerified, 1), proof("p", "tests", "smoke", "pass", 2), say("ci", StatusFailed, 5),
		}, "k8s"},
		"a landing after the end": {[]Word{say("ci", StatusFailed, 0), say("cli", StatusDeployed, 5)}, "ci"},
		"which authority settles": {[]Word{say("ci", StatusFailed, 0), say("cli", StatusDeployed, 5), say("k8s", StatusDeployed, 9)}, ""},
	} {
		s, _ := l.Fold(key2, tc.words)
		if s.Against() != tc.against || slices.Contains(s.Conditions, ConditionConflicted) != (tc.against != "") {
			t.Errorf("%s: %s against %q, want %q; conditions %v", name, s.Status, s.Against(), tc.against, s.Conditions)
		}
		checkOrders(t, l, "2.0", tc.words)
	}
	person := say("ann", StatusDeployed, 9)
	person.Kind = KindOverridden
	if s, _ := l.Fold(key2, []Word{say("argo", StatusInProgress, 0), person}); s.Against() != "" {
		t.Errorf("a person's word is contradicted by %q", s.Against())
	}
	s, _ := Standard().Fold(key2, []Word{say("argo", StatusInProgress, 0), say("ci", StatusDeployed, 5)})
	if s.Against() != "" {
		t.Errorf("without authority any source counts, but %q contradicts", s.Against())
	}
}

func TestAliasesAndMarks(t *testing.T) {
	l := strict(t)
	w, both := say("ci", StatusDeployed, 0), say("ci", StatusDeployed, 5)
	w.Labels = []Label{{"jira", "A-1"}, {"team", "pay"}}
	both.Labels = []Label{{"ticket", "A-3"}, {"todo", "A-2"}}
	s, _ := l.Fold(key2, []Word{w})
	if want := []Label{{"team", "pay"}, {"ticket", "A-1"}}; !slices.Equal(s.Labels, want) {
		t.Errorf("labels %v", s.Labels)
	}
	if want := []string{"counted", "live"}; !slices.Equal(s.Marks, want) {
		t.Errorf("marks %v", s.Marks)
	}
	if s, _ = l.Fold(key2, []Word{w, both, say("ci", StatusFailed, 9)}); s.Labels[1].Value != "A-3" || s.Marks != nil {
		t.Errorf("labels %v, marks %v", s.Labels, s.Marks)
	}
}

// The guard that documents need not write out is the one of the standard
// lifecycle.
func TestEvidenceIsBuiltIn(t *testing.T) {
	d, err := Parse(StandardDocument())
	if err != nil {
		t.Fatal(err)
	}
	if g := d.Spec.Guards[0]; g.Name != GuardEvidence || g.When != evidenceWhen || g.Message != evidenceMessage {
		t.Errorf("the standard document says %+v", g)
	}
}

// A judgement may wait behind a bad end that was itself only concluded.
func TestHeldBehindAConcludedEnd(t *testing.T) {
	l, err := Compile([]byte(`apiVersion: telltale.dev/v1
kind: Lifecycle
metadata: {name: x, version: "1"}
spec:
  states:
    - {name: waits, category: waiting, start: true}
    - {name: fine, rank: 2, category: final-good}
    - {name: gone, rank: 3, category: final-bad}
  transitions:
    - {from: [waits], judged: [fine]}
  guards:
    - {name: bad, when: 'evidence.exists(e, e.verdict == "fail")', message: waits for bad news}
  auto:
    - {from: [waits], to: gone, when: bad}
`))
	if err != nil {
		t.Fatal(err)
	}
	words := []Word{say("ci", "waits", 0), proof("p", "tests", "", events.VerdictFail, 1), say("ci", "fine", 2)}
	s, _ := l.Fold(key2, words)
	if s.Status != "gone" || len(s.Held) != 1 {
		t.Errorf("%s, held %+v", s.Status, s.Held)
	}
	words = append(words, proof("p", "tests", "", events.VerdictPass, 3))
	if s, _ = l.Fold(key2, words); s.Status != "fine" {
		t.Errorf("%s, held %+v", s.Status, s.Held)
	}
	checkOrders(t, l, "2.0", words)
}
