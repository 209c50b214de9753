package demo

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// trueFacts returns facts as they are when everything went well.
func trueFacts() *facts {
	base := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	f := &facts{heard: map[string][]view.Heard{}, beliefs: map[string][]change{}}
	for _, region := range regions() {
		for _, component := range components() {
			f.slots = append(f.slots, view.SlotBody{Region: region, Component: component, Version: runs(region, component)})
		}
	}
	f.landings = []view.LandingBody{
		{Version: oldVersion, Landing: "rollback", Restored: true},
		{Version: newVersion, Landing: "forward"},
		{Version: oldVersion, Landing: "forward"},
	}
	var keys []string
	last := make(map[string]string) // status by key
	for i, w := range story() {
		key := w.key()
		h := view.Heard{ID: w.id(), Said: w.status, At: base.Add(-w.ago), Arrival: len(f.heard[key]) + 1}
		if w.act == straggler {
			h.Arrival = 10 // behind all others
		}
		f.heard[key] = append(f.heard[key], h)
		c := change{ID: fmt.Sprintf("x1.%d.0", i+7)}
		c.Data.Key, c.Data.From, c.Data.To = key, last[key], w.status
		if c.Data.From == "" {
			c.Data.From = statemachine.StatusUnknown
			keys = append(keys, key)
		}
		last[key] = w.status
		f.feed = append(f.feed, c)
		f.beliefs[key] = append(f.beliefs[key], c)
		if w.door == raw {
			f.again.Duplicates++
		}
	}
	for _, key := range keys {
		f.deployments = append(f.deployments, view.DeploymentBody{Key: key, Status: last[key]})
	}
	f.feedEnd = uint64(len(f.feed))
	f.digest = digest{Deployments: len(keys), Digest: "sha256:ab"}
	f.before, f.other = baseline{f.digest, f.feedEnd}, f.digest
	f.unusual = []byte(`{"id":"?"}`)
	f.quarantine = []quarantined{{Seq: 1, Code: events.CodeBadID, Detail: "region is not a name", Raw: f.unusual}}
	f.messages = []message{
		{id: "m1", alert: "al_1", status: firing, text: "Deployment " + troubled().String() + "."},
		{id: "m2", alert: "al_1", status: resolved, text: "It was put back."},
	}
	return f
}

func TestTrueFactsPass(t *testing.T) {
	f := trueFacts()
	for _, c := range checks() {
		if err := c.holds(f); err != nil {
			t.Errorf("%q fails on true facts: %v", c.claim, err)
		}
	}
}

// TestEachUntruthIsFound feeds every check with facts that are wrong in one
// point, which no other check has to notice.
func TestEachUntruthIsFound(t *testing.T) {
	bad := troubled().String()
	swap := func(h []view.Heard, i, j int) { h[i], h[j] = h[j], h[i] }
	for _, tt := range []struct {
		name  string
		holds func(*facts) error
		spoil func(*facts)
	}{
		{"a slot runs the old version", slotsRun, func(f *facts) { f.slots[0].Version = oldVersion }},
		{"the failed slot runs the new one", slotsRun, func(f *facts) { f.slots[3].Version = newVersion }},
		{"a slot is missing", slotsRun, func(f *facts) { f.slots = f.slots[1:] }},
		{"nothing is known", slotsRun, func(f *facts) { *f = facts{} }},

		{"it still fails", putBack, func(f *facts) {
			at := slices.IndexFunc(f.deployments, func(d view.DeploymentBody) bool { return d.Key == bad })
			f.deployments[at].Status = statemachine.StatusFailed
		}},
		{"it is not there", putBack, func(f *facts) { f.deployments = nil }},
		{"the old version went forward", putBack, func(f *facts) { f.landings[0].Landing = "forward" }},
		{"the old version was deployed anew", putBack, func(f *facts) { f.landings[0].Restored = false }},
		{"it was never put back", putBack, func(f *facts) { f.landings = f.landings[1:] }},

		{"nothing was late", lateInPlace, func(f *facts) { f.heard[bad][1].Arrival = 2 }},
		{"the late word counts last", lateInPlace, func(f *facts) { swap(f.heard[bad], 1, 5) }},
		{"the late word is missing", lateInPlace, func(f *facts) { f.heard[bad] = slices.Delete(f.heard[bad], 1, 2) }},
		{"another story is out of order", lateInPlace, func(f *facts) { swap(f.heard["prod/eu-west-1/cart/1.5.0"], 0, 1) }},

		{"a copy counts", heardOnce, func(f *facts) { f.heard[bad] = append(f.heard[bad], f.heard[bad][0]) }},
		{"a word is lost", heardOnce, func(f *facts) { f.heard[bad] = f.heard[bad][1:] }},
		{"a word came with two contents", heardOnce, func(f *facts) { f.heard[bad][0].Twins = 1 }},
		{"a deployment too many", heardOnce, func(f *facts) { f.heard["prod/eu-west-1/till/1"] = nil }},

		{"a copy was taken", nothingMoved, func(f *facts) { f.again.Accepted, f.again.Duplicates = 1, f.again.Duplicates-1 }},
		{"a copy was refused", nothingMoved, func(f *facts) { f.again.Refused = []emit.Refusal{{}} }},
		{"not all was said again", nothingMoved, func(f *facts) { f.again.Duplicates-- }},
		{"the digest moved", nothingMoved, func(f *facts) { f.before.digest.Digest = "sha256:cd" }},
		{"a change was told", nothingMoved, func(f *facts) { f.feedEnd++ }},

		{"two changes are swapped", inOrder, func(f *facts) { f.feed[0], f.feed[1] = f.feed[1], f.feed[0] }},
		{"a change came twice", inOrder, func(f *facts) { f.feed = slices.Insert(f.feed, 1, f.feed[0]) }},
		{"a change is missing", inOrder, func(f *facts) { f.feed = f.feed[:len(f.feed)-1] }},
		{"a change goes on from elsewhere", inOrder, func(f *facts) { f.feed[12].Data.From = "blocked" }},
		{"a change of another stream", inOrder, func(f *facts) { f.feed[3].ID = "x2.9.0" }},
		{"an id that is none", inOrder, func(f *facts) { f.feed[3].ID = "9" }},
		{"the status was never told", inOrder, func(f *facts) { f.deployments[0].Status = "removed" }},

		{"nobody was told", toldOnce, func(f *facts) { f.messages = nil }},
		{"nobody was told the end", toldOnce, func(f *facts) { f.messages = f.messages[:1] }},
		{"someone was told twice", toldOnce, func(f *facts) { f.messages = append(f.messages, f.messages[1]) }},
		{"the end came first", toldOnce, func(f *facts) { slices.Reverse(f.messages) }},
		{"the signature is wrong", toldOnce, func(f *facts) { f.messages[1].fault = errors.New("no") }},
		{"the messages are of two problems", toldOnce, func(f *facts) { f.messages[1].alert = "al_2" }},
		{"the messages share an id", toldOnce, func(f *facts) { f.messages[1].id = "m1" }},
		{"the message is about another", toldOnce, func(f *facts) { f.messages[0].text = "Deployment prod/a/b/c." }},

		{"the quarantine is empty", keptWhole, func(f *facts) { f.quarantine = nil }},
		{"more is in quarantine", keptWhole, func(f *facts) { f.quarantine = append(f.quarantine, f.quarantine[0]) }},
		{"the reason is another", keptWhole, func(f *facts) { f.quarantine[0].Code = events.CodeSchema }},
		{"there is no sentence", keptWhole, func(f *facts) { f.quarantine[0].Detail = "" }},
		{"the bytes are cut", keptWhole, func(f *facts) { f.quarantine[0].Raw = f.unusual[1:] }},

		{"the other digest differs", sameAnswer, func(f *facts) { f.other.Digest = "sha256:cd" }},
		{"the other has fewer", sameAnswer, func(f *facts) { f.other.Deployments-- }},
		{"neither has a digest", sameAnswer, func(f *facts) { f.digest, f.other = digest{}, digest{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := trueFacts()
			tt.spoil(f)
			if tt.holds(f) == nil {
				t.Error("the check does not notice")
			}
		})
	}
}

func TestFactsSettle(t *testing.T) {
	words := len(story())
	for _, tt := range []struct {
		name    string
		settled bool
		notYet  func(*facts)
	}{
		{"all is told", true, func(*facts) {}},
		{"a word is not projected", false, func(f *facts) { f.heard[troubled().String()] = nil }},
		{"a change is not published", false, func(f *facts) { f.feed = f.feed[1:] }},
		{"the notifier is behind", false, func(f *facts) { f.notified.position-- }},
		{"a message is under way", false, func(f *facts) { f.notified.calls-- }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := trueFacts()
			f.notified = notified{position: f.feedEnd, alerts: 2, calls: 2}
			tt.notYet(f)
			if err := f.settled(words); (err == nil) != tt.settled {
				t.Errorf("settled says %v, want settled=%v", err, tt.settled)
			}
		})
	}
}

func TestUntrueFactsAreCountedAndShown(t *testing.T) {
	var out output
	f := trueFacts()
	f.messages, f.quarantine = nil, nil
	err := (&teller{out: &out}).check(t.Context(), f)
	var untrue *UntrueError
	if !errors.As(err, &untrue) || untrue.Untrue != 2 || untrue.Claims != len(checks()) {
		t.Errorf("check returns %v", err)
	}
	if yes, no := out.count("✓"), out.count("✗"); yes != len(checks())-2 || no != 2 {
		t.Errorf("%d claims are shown to hold and %d not:\n%s", yes, no, out.String())
	}
}
