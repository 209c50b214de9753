package stream

import "time"

// recentIDs bounds the memory of a committer, in ids of two generations; an id
// and its sequence take about 100 bytes.
const recentIDs = 1 << 15

// recent remembers the ids of what was stored a moment ago, so that the common
// repeat (a shipper that sends its batch again) costs no batch that the server
// would refuse. It forgets no later than the server does. Not safe for
// concurrent use.
type recent struct {
	half      time.Duration // an id is remembered for one to two halves
	young     map[string]uint64
	old       map[string]uint64
	turned    time.Time
	connected uint64 // number of reconnects at the last look
}

func newRecent(window time.Duration) recent {
	return recent{half: window / 2, young: map[string]uint64{}, old: map[string]uint64{}}
}

// turn makes the young generation old when its time has come. After a reconnect
// all is forgotten: it may be another server with other streams.
func (r *recent) turn(now time.Time, reconnects uint64) {
	if r.connected != reconnects {
		r.connected = reconnects
		clear(r.young)
		clear(r.old)
	}
	since := now.Sub(r.turned)
	if since < r.half && len(r.young) < recentIDs {
		return
	}
	r.young, r.old = r.old, r.young
	clear(r.young)
	if since >= 2*r.half {
		clear(r.old)
	}
	r.turned = now
}

func (r *recent) add(id string, seq uint64) { r.young[id] = seq }

func (r *recent) find(id string) (seq uint64, ok bool) {
	if seq, ok = r.young[id]; !ok {
		seq, ok = r.old[id]
	}
	return seq, ok
}
