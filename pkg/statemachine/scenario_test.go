package statemachine

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// scenario is one worked situation of testdata/scenarios.txt.
type scenario struct {
	name  string
	words map[string][]Word // by deployment
	base  string
	later string
}

// t0 is where the seconds of a scenario start.
var t0 = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// parseWords reads "source deployment status @seconds …; …".
func parseWords(t testing.TB, line string) map[string][]Word {
	t.Helper()
	out := map[string][]Word{}
	for i, text := range strings.Split(line, ";") {
		f := strings.Fields(text)
		if len(f) < 4 {
			t.Fatalf("word %q: want source deployment status @seconds", text)
		}
		sec, err := strconv.ParseInt(strings.TrimPrefix(f[3], "@"), 10, 64)
		if err != nil {
			t.Fatalf("word %q: %v", text, err)
		}
		tau := t0.Unix()*1e9 + sec*1e9
		w := Word{
			Mark: events.Mark{Source: f[0], ID: fmt.Sprintf("w%02d", i), Tau: tau},
			Kind: KindReported, Status: f[2], Version: f[1], Percent: -1, Recorded: tau, Hash: fmt.Sprint("h", i),
		}
		switch f[2] {
		case "+", "-":
			w.Kind, w.Status, w.Version, w.SubKind = KindEvidence, "", "", "tests"
			w.Verdict = map[string]events.Verdict{"+": events.VerdictPass, "-": events.VerdictFail}[f[2]]
		case "approved", "rejected":
			w.Kind, w.Status, w.Version, w.SubKind = KindEvidence, "", "", EvidenceApproval
			w.Verdict = map[string]events.Verdict{"approved": events.VerdictPass, "rejected": events.VerdictFail}[f[2]]
		case "…":
			w.Kind, w.Status, w.Version = KindProgressed, "", ""
		case "override":
			w.Kind = KindOverridden
		}
		for _, opt := range f[4:] {
			name, value, _ := strings.Cut(opt, "=")
			switch name {
			case "a":
				n, err := strconv.ParseUint(value, 10, 32)
				if err != nil {
					t.Fatal(err)
				}
				w.Attempt = uint32(n)
			case "q":
				seq, ok := events.ParseSequence(value)
				w.Sequence, w.BadSeq = seq, !ok
			case "v":
				w.Version = value
			case "r":
				w.Refs = []string{value}
			case "id":
				w.ID = value
			case "role": // of a follow word, as placement gives it
				role, ok := map[string]Role{"named": RoleNamed, "loose": RoleLoose}[value]
				if !ok {
					t.Fatalf("word %q: unknown role", text)
				}
				w.Role = role
			case "l": // a label, as name:value
				label, is, _ := strings.Cut(value, ":")
				w.Labels = append(w.Labels, Label{label, is})
			case "s": // the status of an override
				w.Status = value
			default:
				t.Fatalf("word %q: unknown option %q", text, opt)
			}
		}
		out[f[1]] = append(out[f[1]], w)
	}
	return out
}

func readScenarios(t testing.TB, file string) []scenario {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := regexp.MustCompile(`^(\w+)\. (.*)$`)
	var all []scenario
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if m := head.FindStringSubmatch(line); m != nil {
			all = append(all, scenario{name: m[1] + " " + m[2]})
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || len(all) == 0 {
			continue
		}
		sc := &all[len(all)-1]
		switch value = strings.TrimSpace(value); name {
		case "words":
			sc.words = parseWords(t, value)
		case "base":
			sc.base = value
		case "later":
			sc.later = value
		}
	}
	return all
}

// show writes states as the scenarios do.
func show(states map[string]*State) string {
	var out []string
	for name, s := range states {
		text := fmt.Sprintf("%s=%s/%d", name, s.Status, s.Attempt)
		if s.Reason != "" {
			text += " (" + s.Reason + ")"
		}
		if s.Says != "" {
			text += " says:" + s.Says
		}
		for _, c := range s.Conditions {
			text += " " + c
		}
		for _, h := range s.Held {
			text += " held:" + h.Status
		}
		if s.AnomalyN > 0 {
			var reasons []string
			for _, a := range s.Anomalies {
				reasons = append(reasons, a.Reason)
			}
			text += fmt.Sprintf(" anom:%d(%s)", s.AnomalyN, strings.Join(reasons, ","))
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func TestScenarios(t *testing.T) {
	l := Standard()
	ran := 0
	for _, file := range []string{"testdata/scenarios.txt", "testdata/rules.txt"} {
		for _, sc := range readScenarios(t, file) {
			if sc.later == "placement" {
				continue // follow words have no meaning of their own yet
			}
			ran++
			t.Run(sc.name, func(t *testing.T) {
				states := map[string]*State{}
				for name, words := range sc.words {
					states[name], _ = l.Fold(events.Key{Deployment: name}, words)
					checkOrders(t, l, name, words)
				}
				if got := show(states); got != sc.base {
					t.Errorf("\n got %s\nwant %s", got, sc.base)
				}
			})
		}
	}
	if ran < 80 {
		t.Errorf("%d situations ran, there should be more", ran)
	}
}

// checkOrders applies words in every order (up to 6 words), or in some, and
// wants byte-identical states, folded at once or stepped along.
func checkOrders(t testing.TB, l *Lifecycle, name string, words []Word) {
	t.Helper()
	want, _ := l.Fold(events.Key{Deployment: name}, words)
	wantBytes := want.AppendBinary(nil)
	check := func(order []Word) {
		whole, _ := l.Fold(events.Key{Deployment: name}, order)
		if string(whole.AppendBinary(nil)) != string(wantBytes) {
			t.Fatalf("Fold depends on the order: %v", ids(order))
		}
		if got := along(l, name, order); string(got.AppendBinary(nil)) != string(wantBytes) {
			t.Fatalf("Apply differs from Fold in the order %v:\n%+v\n%+v", ids(order), got, want)
		}
	}
	if len(words) > 6 {
		rev := slices.Clone(words)
		slices.Reverse(rev)
		check(words)
		check(rev)
		return
	}
	permute(slices.Clone(words), 0, check)
}

// along steps through words as a projector does: O(1) where that is allowed, a
// fold over all words so far where it is not.
func along(l *Lifecycle, name string, words []Word) *State {
	s := NewState()
	for i := range words {
		if _, ok := l.Apply(events.Key{Deployment: name}, s, &words[i]); !ok {
			s, _ = l.Fold(events.Key{Deployment: name}, words[:i+1])
		}
	}
	return s
}

func permute(words []Word, k int, visit func([]Word)) {
	if k == len(words) {
		visit(words)
		return
	}
	for i := k; i < len(words); i++ {
		words[k], words[i] = words[i], words[k]
		permute(words, k+1, visit)
		words[k], words[i] = words[i], words[k]
	}
}

func ids(words []Word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.ID + ":" + w.Status
	}
	return out
}
