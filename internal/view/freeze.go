package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// FreezeWord declares or lifts a change freeze of an environment.
type FreezeWord struct {
	Tau        int64 // Unix nanoseconds
	Source, ID string
	Lifted     bool
	events.Freeze
}

func compareFreezeWords(a, b FreezeWord) int {
	return cmp.Or(
		strings.Compare(a.Name, b.Name), cmp.Compare(a.Tau, b.Tau),
		strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID),
	)
}

// Freezes are the change freezes of one environment. What is in force follows
// from the set of words alone: at any instant the latest word about a freeze, by
// (τ, source, id), counts, so that a declaration is never felt before it was
// made, and a freeze that was lifted had been one until then. The zero value has
// none. It is not safe for concurrent use.
type Freezes struct {
	words []FreezeWord // by name, then in order
}

// Add adds a word, which must not be there yet.
func (f *Freezes) Add(w FreezeWord) {
	i, _ := slices.BinarySearchFunc(f.words, w, compareFreezeWords)
	f.words = slices.Insert(f.words, i, w)
}

// Remove removes a word by what orders it: name, τ, source and id.
func (f *Freezes) Remove(w FreezeWord) {
	if i, found := slices.BinarySearchFunc(f.words, w, compareFreezeWords); found {
		f.words = slices.Delete(f.words, i, i+1)
	}
}

// At returns the freezes in force for a slot at an instant, by name. A freeze
// holds from its beginning up to, and not at, its end.
func (f *Freezes) At(slot events.Slot, tau int64) []statemachine.Freeze {
	var out []statemachine.Freeze
	for i := 0; i < len(f.words); {
		var latest *FreezeWord
		for name := f.words[i].Name; i < len(f.words) && f.words[i].Name == name; i++ {
			if f.words[i].Tau <= tau {
				latest = &f.words[i]
			}
		}
		if latest != nil && latest.covers(slot, tau) {
			out = append(out, statemachine.Freeze{Name: latest.Name, Reason: latest.Reason})
		}
	}
	return out
}

// covers reports whether a word by itself freezes a slot at an instant.
func (w *FreezeWord) covers(slot events.Slot, tau int64) bool {
	return !w.Lifted && w.From.UnixNano() <= tau && tau < w.To.UnixNano() &&
		(len(w.Regions) == 0 || slices.Contains(w.Regions, slot.Region)) &&
		(len(w.Components) == 0 || slices.Contains(w.Components, slot.Component))
}

// Concerns reports whether a word about a freeze, which is among f, can make a
// difference to what started in a slot at an instant: it was not before the
// word, and some declaration of that freeze covers it.
func (f *Freezes) Concerns(w FreezeWord, slot events.Slot, started int64) bool {
	return started >= w.Tau && slices.ContainsFunc(f.words, func(o FreezeWord) bool {
		return o.Name == w.Name && o.covers(slot, started)
	})
}

// FreezeBody is a change freeze as the API shows it.
type FreezeBody struct {
	Env        string    `json:"env"`
	Name       string    `json:"name"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Regions    []string  `json:"regions"`    // empty: all
	Components []string  `json:"components"` // empty: all
	Reason     string    `json:"reason"`
	Actor      string    `json:"actor"`
	Source     string    `json:"source"` // who declared it
	DeclaredAt time.Time `json:"declared_at"`
	LiftedAt   time.Time `json:"lifted_at,omitzero"`
	InForce    bool      `json:"in_force"` // at the instant that was asked for
}

// Bodies renders every freeze as its latest declaration says, by name. A freeze
// of which only the lifting was heard is none. InForce is that of an instant,
// Unix nanoseconds: a watermark, not a clock.
func (f *Freezes) Bodies(env string, tau int64) []FreezeBody {
	out := []FreezeBody{}
	for i := 0; i < len(f.words); {
		var declared, lifted, latest *FreezeWord
		for name := f.words[i].Name; i < len(f.words) && f.words[i].Name == name; i++ {
			w := &f.words[i]
			if w.Tau <= tau {
				latest = w
			}
			if w.Lifted {
				lifted = w
				continue
			}
			declared, lifted = w, nil
		}
		if declared == nil {
			continue
		}
		b := FreezeBody{
			Env: env, Name: declared.Name, From: declared.From.UTC(), To: declared.To.UTC(),
			Regions: orEmpty(declared.Regions), Components: orEmpty(declared.Components),
			Reason: declared.Reason, Actor: declared.Actor, Source: declared.Source, DeclaredAt: instant(declared.Tau),
		}
		b.InForce = latest != nil && !latest.Lifted && latest.From.UnixNano() <= tau && tau < latest.To.UnixNano()
		if lifted != nil {
			b.LiftedAt = instant(lifted.Tau)
		}
		out = append(out, b)
	}
	return out
}
