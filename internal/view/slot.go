package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Skew is how long after a landing another word may still mean that landing:
// tools that watch the same rollout do not speak in the same second.
const Skew = 60 * time.Second

// Class says how a landing stands to the one just before it in its slot.
type Class uint8

// The classes of landings. The zero value is no landing.
const (
	ClassForward   Class = iota + 1 // newer, or nothing to compare with
	ClassSame                       // the version that landed just before
	ClassRollback                   // older, and it had landed here before
	ClassOvertaken                  // older, and it lands for the first time
)

var classNames = [...]string{"", "forward", "same", "rollback", "overtaken"}

// String returns the name of the contract, "" for no landing.
func (c Class) String() string { return classNames[c] }

// Landing is one time that a slot began to run an attempt of a deployment.
type Landing struct {
	Deployment string
	Version    string // as said last before the landing; "" when nobody said
	Attempt    uint32
	Tau        int64  // Unix nanoseconds
	Source     string // who said so
	Class      Class
	Restored   bool // nobody reported it: a later deployment was reverted
}

// SlotFold folds the words of one slot into its landings. The result depends on
// the set of words alone, never on the order in which they came; a word costs as
// much as there are words that sort behind it. Make one with [FoldSlot]; it is
// not safe for concurrent use.
//
// A landing word does not count when the slot runs that very attempt, nor
// within [Skew] after the latest landing when that attempt has landed here
// before: an observer that lags behind says what was, not what is. A deployment
// that is reverted while the slot runs it puts back what landed before it; one
// that is removed while the slot runs it leaves the slot empty. Versions that
// cannot be compared by their looks are ordered by the first word of the slot
// that named them.
type SlotFold struct {
	words    []statemachine.SlotWord // in order
	landings []landing
	running  int             // index into landings plus one; 0: nothing runs
	attempts map[attempt]int // the latest landing of each attempt, an index into landings
	heard    map[string]int  // canonical version → the first word that named it
	landed   map[string]bool // canonical version → it has landed
}

// landing is a Landing by reference, to keep long histories small.
type landing struct {
	word     int // index into words
	of       int // index into landings: itself, or for a restored one what it puts back
	emptied  int // index into words of what left the slot empty after it; 0: nothing did
	prior    int // index into landings plus one of the attempt's landing before; 0: none
	class    Class
	restored bool
	first    bool // no landing before it had its version
}

type attempt struct {
	deployment string
	number     uint32
}

// FoldSlot folds words, in any order. It keeps and sorts the slice.
func FoldSlot(words []statemachine.SlotWord) *SlotFold {
	f := &SlotFold{
		words: words, attempts: make(map[attempt]int), heard: make(map[string]int), landed: make(map[string]bool),
	}
	slices.SortFunc(f.words, compareSlotWords)
	for i := range f.words {
		f.step(i)
	}
	return f
}

// Add adds a word and says what that changes. The word must not be there yet.
func (f *SlotFold) Add(w statemachine.SlotWord) Shift {
	i, _ := slices.BinarySearchFunc(f.words, w, compareSlotWords)
	return f.change(i, func() { f.words = slices.Insert(f.words, i, w) })
}

// Replace makes words, in any order, the only ones that deployment has in the
// slot, and reports what that removed and added, and what it changes. Nil and
// nil: nothing did.
func (f *SlotFold) Replace(deployment string, words []statemachine.SlotWord) (removed, added []statemachine.SlotWord, shift Shift) {
	all := make([]statemachine.SlotWord, 0, len(f.words)+len(words))
	for _, w := range f.words {
		switch {
		case w.Deployment != deployment:
			all = append(all, w)
		case !slices.Contains(words, w):
			removed = append(removed, w)
		}
	}
	for _, w := range words {
		if !f.has(w) {
			added = append(added, w)
		}
	}
	if len(removed) == 0 && len(added) == 0 {
		return nil, nil, Shift{}
	}
	all = append(all, words...)
	slices.SortFunc(all, compareSlotWords)
	same := 0
	for same < min(len(all), len(f.words)) && all[same] == f.words[same] {
		same++
	}
	return removed, added, f.change(same, func() { f.words = all })
}

// change folds again from the word at index i on, once edit has changed words
// from there on.
func (f *SlotFold) change(i int, edit func()) Shift {
	kept, _ := slices.BinarySearchFunc(f.landings, i, func(l landing, i int) int { return cmp.Compare(l.word, i) })
	from := max(kept-2, 0) // of those that stay, only the last can change
	before := f.moments(from)
	f.rewind(i)
	edit()
	for ; i < len(f.words); i++ {
		f.step(i)
	}
	return shiftBetween(before, f.moments(from))
}

// Len returns how many words the slot has.
func (f *SlotFold) Len() int { return len(f.words) }

// LandingCount returns how many landings count.
func (f *SlotFold) LandingCount() int { return len(f.landings) }

// Landings returns all landings that count, oldest first.
func (f *SlotFold) Landings() []Landing {
	out := make([]Landing, len(f.landings))
	for i := range f.landings {
		out[i] = f.landing(i)
	}
	return out
}

// Current returns the landing of what the slot runs. ok is false when it runs
// nothing, or nothing is known.
func (f *SlotFold) Current() (l Landing, ok bool) {
	if f.running == 0 {
		return Landing{}, false
	}
	return f.landing(f.running - 1), true
}

func (f *SlotFold) landing(i int) Landing {
	l := f.landings[i]
	by, what := &f.words[l.word], &f.words[f.landings[l.of].word]
	return Landing{
		Deployment: what.Deployment, Version: what.Version, Attempt: what.Attempt,
		Tau: by.Tau, Source: by.Source, Class: l.class, Restored: l.restored,
	}
}

func (f *SlotFold) has(w statemachine.SlotWord) bool {
	i, found := slices.BinarySearchFunc(f.words, w, compareSlotWords)
	return found && f.words[i] == w
}

// rewind undoes the words from index to on.
func (f *SlotFold) rewind(to int) {
	for n := len(f.landings) - 1; n >= 0 && f.landings[n].word >= to; n-- {
		what, l := f.original(n), &f.landings[n]
		if key := (attempt{what.Deployment, what.Attempt}); l.prior > 0 {
			f.attempts[key] = l.prior - 1
		} else {
			delete(f.attempts, key)
		}
		if l.first {
			delete(f.landed, canonicalVersion(what.Version))
		}
		f.landings = f.landings[:n]
	}
	for i := to; i < len(f.words); i++ {
		version := canonicalVersion(f.words[i].Version)
		if first, known := f.heard[version]; known && first == i {
			delete(f.heard, version)
		}
	}
	f.running = len(f.landings)
	if f.running == 0 {
		return
	}
	switch last := &f.landings[f.running-1]; {
	case last.emptied >= to:
		last.emptied = 0
	case last.emptied > 0:
		f.running = 0
	}
}

// step moves the slot by the word at index i, which sorts behind all that were
// stepped before.
func (f *SlotFold) step(i int) {
	w := &f.words[i]
	version := canonicalVersion(w.Version)
	if _, known := f.heard[version]; !known {
		f.heard[version] = i
	}
	var now *statemachine.SlotWord // the word that landed what runs
	if f.running > 0 {
		now = &f.words[f.landings[f.landings[f.running-1].of].word]
	}
	runs := now != nil && now.Deployment == w.Deployment
	switch w.Kind {
	case statemachine.SlotLanded:
		if runs && now.Attempt == w.Attempt || f.echoes(w) {
			return
		}
		f.land(landing{word: i, of: len(f.landings), class: f.classify(w.Version, version), first: !f.landed[version]})
		f.landed[version] = true
	case statemachine.SlotReverted:
		if runs {
			f.restore(i)
		}
	case statemachine.SlotRemoved:
		if runs {
			f.empty(i)
		}
	}
}

func (f *SlotFold) land(l landing) {
	f.landings = append(f.landings, l)
	f.running = len(f.landings)
	what := f.original(f.running - 1)
	key := attempt{what.Deployment, what.Attempt}
	last := &f.landings[f.running-1]
	if prior, landed := f.attempts[key]; landed {
		last.prior = prior + 1
	}
	f.attempts[key] = f.running - 1
}

// empty leaves the slot without anything that runs.
func (f *SlotFold) empty(word int) {
	f.landings[f.running-1].emptied = word
	f.running = 0
}

// echoes reports whether a landing word is about an attempt that landed before,
// so soon after the latest landing that it tells the past.
func (f *SlotFold) echoes(w *statemachine.SlotWord) bool {
	if len(f.landings) == 0 {
		return false
	}
	latest := f.words[f.landings[len(f.landings)-1].word].Tau
	_, landed := f.attempts[attempt{w.Deployment, w.Attempt}]
	return landed && w.Tau-latest <= int64(Skew)
}

// restore puts back the last landing of another deployment. It looks from where
// the running one landed first, not from where it was itself put back: what was
// reverted after it does not come again.
func (f *SlotFold) restore(word int) {
	of := f.landings[f.running-1].of
	for i := of - 1; i >= 0; i-- {
		original := f.landings[i].of
		if f.words[f.landings[original].word].Deployment != f.words[word].Deployment {
			f.land(landing{word: word, of: original, class: ClassRollback, restored: true})
			return
		}
	}
	f.empty(word)
}

// classify compares a version that lands with the one that landed just before.
func (f *SlotFold) classify(text, version string) Class {
	if len(f.landings) == 0 {
		return ClassForward
	}
	before := f.words[f.landings[f.landings[len(f.landings)-1].of].word].Version
	if text == "" || before == "" {
		return ClassForward
	}
	order, ok := CompareVersions(text, before)
	if !ok {
		order = cmp.Compare(f.heard[version], f.heard[canonicalVersion(before)])
	}
	switch {
	case order == 0:
		return ClassSame
	case order > 0:
		return ClassForward
	case f.landed[version]:
		return ClassRollback
	default:
		return ClassOvertaken
	}
}

// compareSlotWords is the order of a slot's words. It is total: no two words
// share (source, id), and a word lands, reverts or removes once.
func compareSlotWords(a, b statemachine.SlotWord) int {
	return cmp.Or(
		cmp.Compare(a.Tau, b.Tau),
		strings.Compare(a.Source, b.Source),
		a.Sequence.Compare(b.Sequence),
		strings.Compare(a.Deployment, b.Deployment),
		strings.Compare(a.ID, b.ID),
	)
}
