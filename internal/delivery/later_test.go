package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/pkg/events"
)

// tell makes any notification, as its cause would.
func (b *bench) tell(t *testing.T, in Intent) {
	t.Helper()
	e := &events.Event{ID: "cause-" + in.ID, Source: "/test", Type: typeCause, Subject: in.Lane}
	in.Receiver, in.Subject, in.Born = "on-call", events.AlertSubject("warning", "prod", "checkout"), b.clock.Now()
	in.Message.Alert, in.Message.Title = in.Lane, in.ID
	if err := e.SetData(in); err != nil {
		t.Fatal(err)
	}
	if err := b.journal.Append(t.Context(), Entry{Subject: in.Subject, Event: e}); err != nil {
		t.Fatal(err)
	}
}

var (
	stands = receiver.Message{Status: receiver.StatusFiring}
	isOver = receiver.Message{Status: receiver.StatusResolved}
)

// TestNothingIsToldBeforeItsTime: a notification waits, through restarts too, and
// goes out at its time, however long that was.
func TestNothingIsToldBeforeItsTime(t *testing.T) {
	for _, emptyDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("empty disk %t", emptyDisk), func(t *testing.T) {
			b := newBench(t)
			b.recv.answers = []receiver.Result{broken}
			b.tell(t, Intent{ID: "nt_1", Lane: "a", Message: stands, NotBefore: noon.Add(100 * time.Hour)})
			b.clock.Advance(100*time.Hour - 1)
			b.settle(t)
			b.restart(t, emptyDisk)
			b.settle(t)
			b.recv.wantCalls(t)
			b.clock.Advance(1)
			b.settle(t)
			b.recv.wantCalls(t, "nt_1")
			b.clock.Advance(time.Hour) // it failed, and is not too old to be tried again
			b.settle(t)
			b.recv.wantCalls(t, "nt_1", "nt_1")
		})
	}
}

// TestWhatIsOverInTimeIsToldToNobody, unless it was told before.
func TestWhatIsOverInTimeIsToldToNobody(t *testing.T) {
	b := newBench(t)
	b.tell(t, Intent{ID: "nt_1", Lane: "a", Message: stands, NotBefore: noon.Add(time.Hour)})
	b.tell(t, Intent{ID: "nt_2", Lane: "a", Message: isOver})
	b.settle(t)
	b.clock.Advance(2 * time.Hour)
	b.settle(t)
	b.recv.wantCalls(t)
	b.wantRecords(t, "concluded nt_1 0 superseded", "concluded nt_2 0 superseded")

	b.tell(t, Intent{ID: "nt_3", Lane: "a", Message: stands})
	b.settle(t)
	b.tell(t, Intent{ID: "nt_4", Lane: "a", Message: stands, NotBefore: noon.Add(24 * time.Hour)})
	b.tell(t, Intent{ID: "nt_5", Lane: "a", Message: isOver})
	b.settle(t)
	b.recv.wantCalls(t, "nt_3", "nt_5")
}

// TestAnEndThatIsNotSaidClosesTheLane: who does not want to hear the end is not
// called for it, nor for what it ended, and a new problem is a new one.
func TestAnEndThatIsNotSaidClosesTheLane(t *testing.T) {
	b := newBench(t)
	b.recv.answers = []receiver.Result{{Class: receiver.Delivered, Ref: "INC-1"}}
	b.tell(t, Intent{ID: "nt_1", Lane: "a", Message: stands})
	b.settle(t)
	b.tell(t, Intent{ID: "nt_2", Lane: "a", Message: isOver, Unsaid: true})
	b.settle(t)
	b.recv.wantCalls(t, "nt_1")
	b.tell(t, Intent{ID: "nt_3", Lane: "a", Message: stands})
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_3")
	b.recv.wantCall(t, "", false)

	b.recv.answers = []receiver.Result{broken}
	b.tell(t, Intent{ID: "nt_4", Lane: "b", Message: stands})
	b.settle(t)
	b.tell(t, Intent{ID: "nt_5", Lane: "b", Message: isOver, Unsaid: true})
	b.settle(t)
	b.clock.Advance(time.Hour)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_3", "nt_4")
}
