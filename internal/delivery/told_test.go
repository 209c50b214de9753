package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// TestNobodyHearsOnlyTheEnd: who was never told of a problem is not told that it
// is over, unless a call may have reached the endpoint all the same.
func TestNobodyHearsOnlyTheEnd(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer receiver.Result // to the word that the problem stands
		told   bool
	}{
		{"refused", receiver.Result{Class: receiver.Transient, Status: 429}, false},
		{"failed at it", broken, true},
		{"given up", never, false},
		{"perhaps", unsure, true},
		{"told", receiver.Result{Class: receiver.Delivered}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.recv.answers = []receiver.Result{c.answer}
			b.notify(t, "nt_1", "a")
			b.settle(t)
			b.say(t, "nt_2", "a", receiver.StatusResolved)
			b.settle(t)
			if c.told {
				b.recv.wantCalls(t, "nt_1", "nt_2")
			} else {
				b.recv.wantCalls(t, "nt_1")
			}
			b.restart(t, true)
			b.clock.Advance(100 * time.Hour)
			b.settle(t)
			if n := len(b.recv.calls); n > 2 || !c.told && n > 1 {
				t.Errorf("an empty disk calls again: %v", b.recv.calls)
			}
		})
	}
}

// TestARefIsGivenBack: what an endpoint keeps a problem under comes with all later
// calls about it, after a restart too, until it has heard the end.
func TestARefIsGivenBack(t *testing.T) {
	for _, emptyDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("empty disk %t", emptyDisk), func(t *testing.T) {
			b := newBench(t)
			b.recv.answers = []receiver.Result{{Class: receiver.Delivered, Ref: "INC-1"}}
			b.notify(t, "nt_1", "a")
			b.settle(t)
			b.recv.wantCall(t, "", false)
			b.restart(t, emptyDisk)
			b.notify(t, "nt_2", "a") // its answer has no ref: the one before stays
			b.settle(t)
			b.recv.wantCall(t, "INC-1", false)
			b.say(t, "nt_3", "a", receiver.StatusResolved)
			b.settle(t)
			b.recv.wantCall(t, "INC-1", false)
			b.notify(t, "nt_4", "a") // another episode
			b.settle(t)
			b.recv.wantCall(t, "", false)
		})
	}
}

// TestACallKnowsOfDoubt: while the endpoint may have had a message that we do not
// know of, calls say so.
func TestACallKnowsOfDoubt(t *testing.T) {
	b := newBench(t)
	b.recv.answers = []receiver.Result{broken, unsure, broken}
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.recv.wantCall(t, "", false)
	for _, again := range []bool{false, true, true} { // of the calls 2, 3 and 4
		b.clock.Advance(time.Hour)
		b.settle(t)
		b.recv.wantCall(t, "", again)
	}

	b.recv.answers = []receiver.Result{unsure}
	b.notify(t, "nt_2", "a")
	b.settle(t)
	b.recv.wantCall(t, "", false)
	b.notify(t, "nt_3", "a") // takes the place of one that may have arrived
	b.settle(t)
	b.recv.wantCall(t, "", true)
	b.notify(t, "nt_4", "a")
	b.settle(t)
	b.recv.wantCall(t, "", false)
}
