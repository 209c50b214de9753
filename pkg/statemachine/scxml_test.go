package statemachine_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// scxmlCases is a conformance suite of state charts, by other people. We are no
// state chart: a word names the state it leads to, and where a deployment is
// follows from the words alone. What such a suite says of flat machines, of
// order, of guards and of events without a target must hold for us all the same.
const scxmlCases = "statemachine-scxml/jbeard4+scxml-test-framework/test"

// notOurs lists the cases that have no meaning here, each with the reason.
var notOurs = map[string]string{
	"hierarchy/hier0":            "a state has no states inside: what contains deployments is a release",
	"hierarchy/hier1":            "an inner transition wins over an outer one; without nesting there is nothing to win over",
	"hierarchy/hier2":            "as hier1, the other way round",
	"history/history0":           "a history state remembers where its parent was: an attempt begins from nothing, and what was before it is another attempt",
	"history/history1":           "deep history, see history0",
	"history/history2":           "shallow history, see history0",
	"history/history3":           "history over regions in parallel, see history0 and parallel/test0",
	"history/history4":           "see history3",
	"history/history4b":          "see history3",
	"history/history5":           "see history3",
	"history/history6":           "history; its conditions count in variables that actions assign, and ours read what was said and change nothing",
	"internal-transitions/test1": "an internal transition in one of two regions in parallel, see parallel/test0",
	"parallel/test0":             "a deployment has one status; what goes on in parallel are deployments",
	"parallel/test1":             "see parallel/test0",
	"parallel/test2":             "see parallel/test0",
	"parallel/test3":             "see parallel/test0",
}

// flatDocument is the head of the lifecycles below.
const flatDocument = `apiVersion: telltale.dev/v1
kind: Lifecycle
metadata: {name: flat, version: "1"}
spec:
`

// The machines of the cases below.
const (
	oneState  = flatDocument + "  states: [{name: idle, rank: 0, category: waiting}]\n"
	twoStates = flatDocument + `  states:
    - {name: idle, rank: 0, category: waiting}
    - {name: busy, rank: 1, category: active}
  transitions: [{from: [idle], to: [busy]}]
`
	threeStates = flatDocument + `  states:
    - {name: idle, rank: 0, category: waiting}
    - {name: busy, rank: 1, category: active}
    - {name: done, rank: 2, category: final-good}
  transitions:
    - {from: [idle], to: [busy]}
    - {from: [busy], to: [done]}
`
	twoWays = flatDocument + `  states:
    - {name: idle, rank: 0, category: waiting}
    - {name: left, rank: 1, category: active}
    - {name: right, rank: 1, category: active}
    - {name: done, rank: 2, category: final-good}
  transitions:
    - {from: [idle], to: [left, right]}
    - {from: [left, right], to: [done]}
`
	judgedStates = flatDocument + `  states:
    - {name: running, rank: 0, category: landed, runs: true, lands: true}
    - {name: trusted, rank: 1, category: landed, runs: true}
    - {name: proven, rank: 2, category: final-good, runs: true}
  transitions:
    - {from: [running], judged: [{to: trusted, guard: tested}]}
    - {from: [trusted], to: [proven]}
  guards:
    - {name: tested, when: 'evidence.exists(e, e.after && e.verdict == "pass")', message: waits for tests}
`
)

// ourOwn are the cases that apply, told with lifecycles and words of our own.
// Each word is a status; "+" is evidence that passes, "…" a sign of life, "#" a
// note: events without a target. seen has the status after each word.
var ourOwn = []struct {
	file, name string
	document   string
	words      string
	seen       string
	previous   string // in the end
	held       string // the judgement that waits in the end
}{
	{file: "basic/basic0", name: "one state, no word", document: oneState, seen: "unknown"},
	{file: "basic/basic0", name: "one state", document: oneState, words: "idle", seen: "idle", previous: "unknown"},
	{
		file: "basic/basic1", name: "one transition", document: twoStates,
		words: "idle busy", seen: "idle busy", previous: "idle",
	},
	{
		file: "basic/basic2", name: "two transitions", document: threeStates,
		words: "idle busy done", seen: "idle busy done", previous: "busy",
	},
	{
		file: "basic/basic2", name: "no transition leads there", document: threeStates,
		words: "idle done", seen: "idle idle", previous: "unknown",
	},
	{
		file: "default-initial-state/initial1", name: "where nothing is said to be first, the first word says it",
		document: twoStates, words: "busy", seen: "busy", previous: "unknown",
	},
	{
		file: "default-initial-state/initial2", name: "the state that the document has first is no better",
		document: twoStates, words: "idle busy", seen: "idle busy", previous: "idle",
	},
	{
		file: "documentOrder/documentOrder0", name: "of two ways the one that the document has first",
		document: twoWays + "  implied: [left, right]\n", words: "idle done", seen: "idle done", previous: "left",
	},
	{
		file: "documentOrder/documentOrder0", name: "and it is the document's order that decides",
		document: twoWays + "  implied: [right, left]\n", words: "idle done", seen: "idle done", previous: "right",
	},
	{
		file: "internal-transitions/test0", name: "events without a target enter nothing anew",
		document: judgedStates, words: "running … # running …", seen: "running running running running running",
		previous: "unknown",
	},
	{
		file: "internal-transitions/test0", name: "a guard that does not hold holds back",
		document: judgedStates, words: "running … trusted …", seen: "running running running running",
		previous: "unknown", held: "trusted",
	},
	{
		file: "internal-transitions/test0", name: "a guard looks at what came after the state was entered",
		document: judgedStates, words: "+ running trusted", seen: "unknown running running",
		previous: "unknown", held: "trusted",
	},
	{
		file: "internal-transitions/test0", name: "and lets go by itself",
		document: judgedStates, words: "running trusted + proven", seen: "running running trusted proven",
		previous: "trusted",
	},
}

// word makes the n-th word of a case.
func word(n int, text string) statemachine.Word {
	tau := int64(n+1) * 1e9
	w := statemachine.Word{
		Mark: events.Mark{Source: "/suite", ID: string(rune('a' + n)), Tau: tau}, Kind: statemachine.KindReported,
		Status: text, Percent: -1, Recorded: tau,
	}
	switch text {
	case "+":
		w.Kind, w.Status, w.SubKind, w.Verdict = statemachine.KindEvidence, "", "tests", events.VerdictPass
	case "…":
		w.Kind, w.Status = statemachine.KindProgressed, ""
	case "#":
		w.Kind, w.Status, w.SubKind, w.Text = statemachine.KindAnnotated, "", "comment", "a note"
	}
	return w
}

func TestSCXML(t *testing.T) {
	key := events.Key{Slot: events.Slot{Env: "suite", Region: "here", Component: "machine"}, Deployment: "1"}
	for _, tc := range ourOwn {
		t.Run(tc.file+"/"+tc.name, func(t *testing.T) {
			l, err := statemachine.Compile([]byte(tc.document))
			if err != nil {
				t.Fatal(err)
			}
			var words []statemachine.Word
			for n, text := range strings.Fields(tc.words) {
				words = append(words, word(n, text))
			}
			s, steps := l.Fold(key, words)
			var seen []string
			entered := s.Began
			for _, step := range steps {
				seen = append(seen, step.To)
				if step.From != step.To {
					entered = step.Mark.Tau
				}
			}
			if len(steps) == 0 {
				seen = []string{s.Status}
			}
			if got := strings.Join(seen, " "); got != tc.seen || s.Previous != tc.previous {
				t.Errorf("it goes through %s, before the last one %q; want %s and %q", got, s.Previous, tc.seen, tc.previous)
			}
			if s.Since != entered {
				t.Errorf("since %d, though the status was entered at %d", s.Since, entered)
			}
			var held []string
			for _, h := range s.Held {
				held = append(held, h.Status)
			}
			if got := strings.Join(held, " "); got != tc.held {
				t.Errorf("held: %q, want %q", got, tc.held)
			}
			// A state chart is told what happens in order; we need not be.
			backwards := slices.Clone(words)
			slices.Reverse(backwards)
			if again, _ := l.Fold(key, backwards); again.Digest() != s.Digest() {
				t.Error("told backwards it is another machine")
			}
		})
	}
}

// TestSCXMLIsCovered wants every case of the suite told or turned down, and no
// name that the suite does not have.
func TestSCXMLIsCovered(t *testing.T) {
	root := testkit.RealInputs(t, filepath.FromSlash(scxmlCases))
	there := map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			there[strings.TrimSuffix(name, filepath.Ext(name))] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, tc := range ourOwn {
		covered[tc.file] = true
	}
	for name, reason := range notOurs {
		if covered[name] || reason == "" {
			t.Errorf("%s is told and turned down, or turned down without a reason", name)
		}
		covered[name] = true
	}
	for name := range there {
		if !covered[name] {
			t.Errorf("%s is neither told nor turned down", name)
		}
	}
	for name := range covered {
		if !there[name] {
			t.Errorf("the suite has no %s", name)
		}
	}
	if len(there) == 0 {
		t.Error("the suite is empty")
	}
}
