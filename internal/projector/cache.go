package projector

import (
	"fmt"
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
)

// lru keeps what was used last, up to about a total cost. It drops nothing by
// itself: trim does, when nothing is in flight and so everything in it is in the
// store too.
type lru[V any] struct {
	entries *simplelru.LRU[string, *V]
	cost    func(*V) int
	counted func(*V) *int // where a value keeps the cost that total has of it
	most    int
	total   int
}

func newLRU[V any](most int, cost func(*V) int, counted func(*V) *int) (*lru[V], error) {
	entries, err := simplelru.NewLRU[string, *V](math.MaxInt, nil)
	if err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	return &lru[V]{entries: entries, cost: cost, counted: counted, most: most}, nil
}

func (c *lru[V]) get(key string) (*V, bool) { return c.entries.Get(key) }

func (c *lru[V]) add(key string, v *V) {
	c.entries.Add(key, v)
	c.weigh(v)
}

// weigh notes that a value that is in the cache costs something else now.
func (c *lru[V]) weigh(v *V) {
	counted := c.counted(v)
	now := c.cost(v)
	c.total += now - *counted
	*counted = now
}

// over reports that it is time to trim.
func (c *lru[V]) over() bool { return c.total > c.most }

// trim drops what was used longest ago, a tenth more than it must: each trim
// waits for a transaction.
func (c *lru[V]) trim() {
	if !c.over() {
		return
	}
	for c.total > c.most/10*9 {
		_, v, ok := c.entries.RemoveOldest()
		if !ok {
			return
		}
		c.total -= *c.counted(v)
	}
}

// slot is a slot in memory: its row, and its words once one of them mattered.
type slot struct {
	name    string
	row     view.Slot
	fold    *view.SlotFold   // nil: not loaded
	lane    *view.Lane       // nil: not loaded
	failed  map[string]int64 // deployments that failed, and when they started; as far as lane is loaded
	placing *store.Placing   // nil: not loaded
	placed  int              // words in placing
	touched uint64           // the last message that changed row; 0: not in this transaction
	changed bool             // so that the store's row must be written
	told    uint64           // the last transaction in which a change of one of its deployments was told
	counted int              // see lru
}

// What is kept in memory, in bytes, as heap profiles have it.
const (
	slotBytes       = 800  // with its row
	slotWordBytes   = 260  // and what follows from it
	laneBytes       = 130  // a deployment in a lane
	failedBytes     = 80   // a deployment that failed
	placedBytes     = 500  // a word that is placed, or makes others placed
	deploymentBytes = 1600 // with its state, without most of its texts
)

// cost counts what is loaded: a slot without it is a row and little more.
func (s *slot) cost() int {
	cost := slotBytes + s.placed*placedBytes + len(s.failed)*failedBytes
	if s.fold != nil {
		cost += s.fold.Len() * slotWordBytes
	}
	if s.lane != nil {
		cost += s.lane.Len() * laneBytes
	}
	return cost
}

// cost counts the texts as they stand in the store; in memory those of a word
// are parts of its data, which is about as long.
func (d *deployment) cost() int { return deploymentBytes + sizeOf(d.row.State) }
