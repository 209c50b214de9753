package view

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// TestScenarios holds every worked situation from its words to what is shown:
// placement, fold, slot and overlay. Each is told in every order, or in some
// when it has more than six words, to a world that looks only at what a word
// touches; and it must end as the definitions say.
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
			words := tell(t, rows["words"])
			want := cmp.Or(rows["shown"], rows["base"]) + "\nslot " + rows["slot"]
			if got := evaluate(words); got != want {
				t.Fatalf("\n got %s\nwant %s", got, want)
			}
			eachOrder(words, func(order []told) {
				w := newWorld()
				for _, word := range order {
					w.add(word)
				}
				if got := w.text(); got != want {
					t.Fatalf("in the order %v\n got %s\nwant %s", order, got, want)
				}
			})
		})
	}
	if ran != 58 {
		t.Errorf("%d situations ran, there are 58", ran)
	}
}

// A world that looks only at what a word touches ends as the definitions say,
// for whatever tools may say in whatever order.
func TestWorldIsItsDefinition(t *testing.T) {
	statuses := append(statemachine.Standard().Statuses(), "in_progress", "deployed", "deployed", "failed", "stalled", "superseded")
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		var words []told
		for i := range rapid.IntRange(1, 14).Draw(t, "words") {
			word := told{deployment: rapid.SampledFrom([]string{"1", "2", "3", events.Missing}).Draw(t, "deployment")}
			word.Source, word.ID = rapid.SampledFrom([]string{"ci", "argo"}).Draw(t, "source"), fmt.Sprint(i)
			word.Tau = (1000 + rapid.SampledFrom([]int64{0, 10, 20, 90, 700, 1500, 1510}).Draw(t, "tau")) * 1e9
			word.Recorded, word.Percent = word.Tau, -1
			word.Kind, word.Status = statemachine.KindReported, rapid.SampledFrom(statuses).Draw(t, "status")
			word.Version = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "version")
			if rapid.IntRange(0, 4).Draw(t, "evidence") == 0 {
				word.Kind, word.Status, word.SubKind, word.Verdict = statemachine.KindEvidence, "", "tests", events.VerdictPass
			}
			if rapid.Bool().Draw(t, "ref") {
				word.Refs = []string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "which")}
			}
			words = append(words, word)
			w.add(word)
			if got, want := w.text(), evaluate(words); got != want {
				t.Fatalf("word by word\n%s\nat once\n%s", got, want)
			}
		}
		if got, want := evaluate(rapid.Permutation(words).Draw(t, "order")), w.text(); got != want {
			t.Fatalf("in another order\n%s\nwant\n%s", got, want)
		}
	})
}

// eachOrder visits every order of up to six words, and forty of more.
func eachOrder(words []told, visit func([]told)) {
	order := slices.Clone(words)
	if len(order) > 6 {
		rng := rand.New(rand.NewPCG(5, 8))
		for range 40 {
			rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			visit(order)
		}
		slices.Reverse(order)
		visit(order)
		return
	}
	var permute func(int)
	permute = func(k int) {
		if k == len(order) {
			visit(order)
			return
		}
		for i := k; i < len(order); i++ {
			order[k], order[i] = order[i], order[k]
			permute(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	permute(0)
}

// told is one word of a situation and the deployment that it names, "_" for a
// follow word.
type told struct {
	statemachine.Word
	deployment string
}

func (w told) String() string { return w.ID }

// tell reads "source deployment status @seconds …; …".
func tell(t *testing.T, line string) []told {
	t.Helper()
	const day = 24 * 3600 * 1e9
	var out []told
	for i, text := range strings.Split(line, ";") {
		f := strings.Fields(text)
		second, err := strconv.ParseInt(strings.TrimPrefix(f[3], "@"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := told{deployment: f[1]}
		w.Source, w.ID, w.Tau, w.Recorded = f[0], fmt.Sprintf("w%02d", i), day+second*1e9, day+second*1e9
		w.Kind, w.Status, w.Version, w.Percent = statemachine.KindReported, f[2], f[1], -1
		if verdict, ok := map[string]events.Verdict{"+": events.VerdictPass, "-": events.VerdictFail}[f[2]]; ok {
			w.Kind, w.Status, w.Version, w.SubKind, w.Verdict = statemachine.KindEvidence, "", "", "tests", verdict
		}
		for _, o := range f[4:] {
			switch name, value, _ := strings.Cut(o, "="); name {
			case "a":
				n, err := strconv.ParseUint(value, 10, 32)
				if err != nil {
					t.Fatal(err)
				}
				w.Attempt = uint32(n)
			case "q":
				w.Sequence, _ = events.ParseSequence(value)
			case "v":
				w.Version = value
			case "r":
				w.Refs = []string{value}
			}
		}
		out = append(out, w)
	}
	return out
}

// evaluate is the definition: everything at once, by brute force.
func evaluate(words []told) string {
	l := statemachine.Standard()
	var leads []statemachine.Lead
	var follows []statemachine.FollowWord
	for i := range words {
		if w := &words[i]; w.deployment == events.Missing {
			follows = append(follows, statemachine.FollowOf(&w.Word))
		} else {
			leads = append(leads, l.LeadOf(w.deployment, &w.Word))
		}
	}
	own := map[string][]statemachine.Word{}
	unplaced := 0
	placements := statemachine.Place(leads, follows)
	for _, w := range words {
		name := w.deployment
		if name == events.Missing {
			name, w.Role = placements[0].Deployment, placements[0].Role
			placements = placements[1:]
		}
		if name == "" {
			unplaced++
			continue
		}
		own[name] = append(own[name], w.Word)
	}
	states := map[string]*statemachine.State{}
	var landings []statemachine.SlotWord
	entries := map[string]LaneEntry{}
	for name, words := range own {
		s, spoken := fold(name, words)
		states[name], entries[name] = s, LaneEntryOf(l, s.Head())
		landings = append(landings, spoken...)
	}
	slot := FoldSlot(landings)
	texts := map[string]string{}
	for name, s := range states {
		texts[name] = show(name, s, slot, newerOf(entries, name))
	}
	return end(texts, slot, unplaced)
}

// fold folds a deployment, and says what it tells its slot.
func fold(name string, words []statemachine.Word) (*statemachine.State, []statemachine.SlotWord) {
	s, steps := statemachine.Standard().Fold(events.Key{Deployment: name}, words)
	var spoken []statemachine.SlotWord
	for _, step := range steps {
		if step.Slot != nil {
			spoken = append(spoken, *step.Slot)
		}
	}
	return s, spoken
}

// show renders what is shown of a deployment as the situations do.
func show(name string, s *statemachine.State, slot *SlotFold, newer *statemachine.Start) string {
	shown := statemachine.Standard().Overlay(events.Key{Deployment: name}, s, &statemachine.Neighbours{
		Newer: newer, PutBack: slot.PutBack(name, s.Attempt, cmp.Or(s.StartedAt(), s.Since)),
		Landed: slot.PresentLanding(name, s.Attempt),
	})
	text := fmt.Sprintf("%s=%s/%d", name, shown.Status, s.Attempt)
	for _, c := range shown.Conditions {
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
	return text
}

func end(texts map[string]string, slot *SlotFold, unplaced int) string {
	text := strings.Join(slices.Sorted(maps.Values(texts)), "; ") + "\nslot " + slotText(slot)
	if unplaced > 0 {
		text += fmt.Sprintf("; unplaced %d", unplaced)
	}
	return text
}

// world is one slot that hears one word after another and looks only at what
// each may change.
type world struct {
	placer  *statemachine.Placer
	leads   map[string][]statemachine.Word // by deployment
	follows []statemachine.Word
	states  map[string]*statemachine.State
	slot    *SlotFold
	lane    Lane
	texts   map[string]string
}

func newWorld() *world {
	return &world{
		placer: statemachine.NewPlacer(), leads: map[string][]statemachine.Word{}, states: map[string]*statemachine.State{},
		slot: FoldSlot(nil), texts: map[string]string{},
	}
}

func (w *world) add(word told) {
	touched := map[string]bool{}
	if word.deployment == events.Missing {
		w.follows = append(w.follows, word.Word)
		touched[w.placer.AddFollow(statemachine.FollowOf(&word.Word)).Deployment] = true
	} else {
		w.leads[word.deployment] = append(w.leads[word.deployment], word.Word)
		touched[word.deployment] = true
		for _, m := range w.placer.AddLead(statemachine.Standard().LeadOf(word.deployment, &word.Word)) {
			touched[m.From.Deployment], touched[m.To.Deployment] = true, true
		}
	}
	delete(touched, "")
	stale := maps.Clone(touched)
	for name := range touched {
		for _, other := range w.refold(name) {
			stale[other] = true
		}
	}
	for name := range stale {
		w.texts[name] = show(name, w.states[name], w.slot, w.lane.Newer(name))
	}
}

// refold folds a deployment again and returns those that this may concern.
func (w *world) refold(name string) []string {
	words := slices.Clone(w.leads[name])
	for _, f := range w.follows {
		if p, _ := w.placer.Placement(f.Source, f.ID); p.Deployment == name {
			f.Role = p.Role
			words = append(words, f)
		}
	}
	s, spoken := fold(name, words)
	w.states[name] = s
	_, _, shift := w.slot.Replace(name, spoken)
	concerned := w.lane.Set(name, LaneEntryOf(statemachine.Standard(), s.Head()))
	for other, s := range w.states {
		if shift.Concerns(other, cmp.Or(s.StartedAt(), s.Since)) {
			concerned = append(concerned, other)
		}
	}
	return concerned
}

func (w *world) text() string { return end(w.texts, w.slot, w.placer.Unplaced()) }
