package demo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// check is a claim about the facts.
type check struct {
	claim string
	holds func(*facts) error // why not, nil when it holds
}

// checks returns what the story claims.
func checks() []check {
	return []check{
		{"every region runs what it should", slotsRun},
		{"checkout 1.5.0 was rolled back in us-east-1, and 1.4.1 is back in its place", putBack},
		{"a word that came late was put where it belongs", lateInPlace},
		{"a word that came twice counts once", heardOnce},
		{"all of it said again, through other doors, changed nothing", nothingMoved},
		{"every change was published once, in order", inOrder},
		{"one message said that it failed and one that it is over, both signed", toldOnce},
		{"the event that nobody can use is in quarantine, whole, with its reason", keptWhole},
		{"another server that heard it in another order says the same", sameAnswer},
	}
}

func slotsRun(f *facts) error {
	if want := len(regions()) * len(components()); len(f.slots) != want {
		return fmt.Errorf("there are %d slots, want %d", len(f.slots), want)
	}
	for _, s := range f.slots {
		if want := runs(s.Region, s.Component); s.Version != want {
			return fmt.Errorf("%s in %s runs %q, want %s", s.Component, s.Region, s.Version, want)
		}
	}
	return nil
}

func putBack(f *facts) error {
	key := troubled()
	at := slices.IndexFunc(f.deployments, func(d view.DeploymentBody) bool { return d.Key == key.String() })
	if at < 0 {
		return fmt.Errorf("nothing is known of %s", key)
	}
	if got := f.deployments[at].Status; got != statemachine.StatusReverted {
		return fmt.Errorf("%s is %s, want reverted", key, got)
	}
	var path []string
	for _, l := range slices.Backward(f.landings) {
		mark := l.Landing
		if l.Restored {
			mark += ", restored"
		}
		path = append(path, l.Version+" ("+mark+")")
	}
	if got, want := strings.Join(path, ", "), "1.4.1 (forward), 1.5.0 (forward), 1.4.1 (rollback, restored)"; got != want {
		return fmt.Errorf("%s has run %s, want %s", key.Slot, got, want)
	}
	return nil
}

func lateInPlace(f *facts) error {
	heard := f.heard[troubled().String()]
	began := slices.IndexFunc(heard, func(h view.Heard) bool { return h.Said == statemachine.StatusInProgress })
	failed := slices.IndexFunc(heard, func(h view.Heard) bool { return h.Said == statemachine.StatusFailed })
	switch {
	case began < 0 || failed < 0:
		return fmt.Errorf("%s has not heard that it began and failed", troubled())
	case heard[began].Arrival < heard[failed].Arrival:
		return errors.New("the word that it began was not late")
	case began > failed:
		return errors.New("the word that it began counts after the failure")
	}
	for key, heard := range f.heard {
		if !slices.IsSortedFunc(heard, func(a, b view.Heard) int { return a.At.Compare(b.At) }) {
			return fmt.Errorf("%s was not heard in the order in which it happened", key)
		}
	}
	return nil
}

func heardOnce(f *facts) error {
	want := make(map[string][]string) // ids of words by key
	for _, w := range story() {
		want[w.key()] = append(want[w.key()], w.id())
	}
	if len(f.heard) != len(want) {
		return fmt.Errorf("there are %d deployments, want %d", len(f.heard), len(want))
	}
	for key, ids := range want {
		var got []string
		for _, h := range f.heard[key] {
			got = append(got, h.ID)
			if h.Twins > 0 {
				return fmt.Errorf("%s was heard with two contents", h.ID)
			}
		}
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(got, ids) {
			return fmt.Errorf("%s has heard %q, want %q", key, got, ids)
		}
	}
	return nil
}

func nothingMoved(f *facts) error {
	copies := 0
	for _, w := range story() {
		if otherDoor(w.door) != raw {
			copies++ // the HTTP door answers what became of it
		}
	}
	switch {
	case f.again.Accepted != 0 || f.again.Duplicates != copies || len(f.again.Refused) != 0:
		return fmt.Errorf("of %d copies %d were taken, %d known and %d refused",
			copies, f.again.Accepted, f.again.Duplicates, len(f.again.Refused))
	case f.before.digest != f.digest:
		return fmt.Errorf("the digest went from %v to %v", f.before.digest, f.digest)
	case f.before.feedEnd != f.feedEnd:
		return fmt.Errorf("the changes went from %d to %d", f.before.feedEnd, f.feedEnd)
	}
	return nil
}

func inOrder(f *facts) error {
	var last events.ChangeID
	published := make(map[string][]change)
	for _, c := range f.feed {
		id, err := events.ParseChangeID(c.ID)
		if err != nil {
			return err
		}
		if last.Incarnation != "" && (id.Incarnation != last.Incarnation || id.Seq < last.Seq || id.Seq == last.Seq && id.Index <= last.Index) {
			return fmt.Errorf("%s comes after %s", id, last)
		}
		last = id
		before := statemachine.StatusUnknown
		if so := published[c.Data.Key]; len(so) > 0 {
			before = so[len(so)-1].Data.To
		}
		if c.Data.From != before {
			return fmt.Errorf("%s goes on from %s where %s was", c.ID, c.Data.From, before)
		}
		published[c.Data.Key] = append(published[c.Data.Key], c)
	}
	for _, d := range f.deployments {
		told := published[d.Key]
		if !slices.Equal(told, f.beliefs[d.Key]) {
			return fmt.Errorf("%d changes of %s are published, %d are believed", len(told), d.Key, len(f.beliefs[d.Key]))
		}
		if len(told) == 0 || told[len(told)-1].Data.To != d.Status {
			return fmt.Errorf("the changes of %s do not end with %s", d.Key, d.Status)
		}
	}
	return nil
}

func toldOnce(f *facts) error {
	if len(f.messages) != 2 {
		return fmt.Errorf("%d messages came", len(f.messages))
	}
	first, second := f.messages[0], f.messages[1]
	switch err := cmp.Or(first.fault, second.fault); {
	case err != nil:
		return err
	case first.status != firing || second.status != resolved:
		return fmt.Errorf("the messages say %s and %s", first.status, second.status)
	case first.alert != second.alert || first.id == second.id:
		return errors.New("the messages are not two about one problem")
	case !strings.Contains(first.text, troubled().String()):
		return fmt.Errorf("the message is not about %s", troubled())
	}
	return nil
}

func keptWhole(f *facts) error {
	if len(f.quarantine) != 1 {
		return fmt.Errorf("%d events are in quarantine", len(f.quarantine))
	}
	q := f.quarantine[0]
	switch {
	case q.Code != events.CodeBadID || q.Detail == "":
		return fmt.Errorf("the reason is %s %q, want %s and a sentence", q.Code, q.Detail, events.CodeBadID)
	case !bytes.Equal(q.Raw, f.unusual):
		return errors.New("its bytes are not those that were sent")
	}
	return nil
}

func sameAnswer(f *facts) error {
	if f.other != f.digest || f.digest.Digest == "" {
		return fmt.Errorf("the other says %v, this one %v", f.other, f.digest)
	}
	return nil
}
