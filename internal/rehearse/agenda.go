package rehearse

import (
	"container/heap"

	"github.com/telltale-dev/telltale/pkg/events"
)

// agenda is when to look at which deployment again: a heap by time. An entry may
// be out of date; then looking changes nothing.
type agenda []entry

type entry struct {
	due int64 // Unix nanoseconds
	key events.Key
}

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due < a[j].due }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (a *agenda) add(due int64, key events.Key) { heap.Push(a, entry{due, key}) }

func (w *walk) agenda(region string) *agenda {
	if w.due[region] == nil {
		w.due[region] = new(agenda)
	}
	return w.due[region]
}

// pass marks the deployments of a region whose deadline its watermark has
// passed.
func (w *walk) pass(region string) {
	now := watermark(w.clock, region)
	for a := w.agenda(region); len(*a) > 0 && (*a)[0].due <= now; {
		w.stale[heap.Pop(a).(entry).key] = true
	}
}
