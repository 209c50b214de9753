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
	running  int              // index into landings plus one; 0: nothing runs
	names    map[string]int32 // index into known
	known    []known
	again    map[attempt]int32 // the latest landing of each attempt but the first ones: index into landings plus one
}

// known is what is known of a name: of the deployment and of the (canonical)
// version that are called so. A server keeps the folds of all slots that are
// spoken of, and where one of the two is named by the other that halves them.
type known struct {
	latest int32 // landing of the deployment's first attempt: index into landings plus one; 0: none
	heard  int32 // index into words plus one of the first that named the version; 0: none did
	landed bool  // the version has landed
}

// landing is a Landing by reference, to keep long histories small.
type landing struct {
	word     int32 // index into words
	of       int32 // index into landings: itself, or for a restored one what it puts back
	emptied  int32 // index into words of what left the slot empty after it; 0: nothing did
	prior    int32 // index into landings plus one of the attempt's landing before; 0: none
	class    Class
	restored bool
	first    bool // no landing before it had its version
}

type attempt struct {
	deployment string
	number     uint32
}

// FoldSlot folds words, in any order. It sorts the slice.
func FoldSlot(words []statemachine.SlotWord) *SlotFold {
	slices.SortFunc(words, compareSlotWords)
	// It may stay for long, so without the room that grown slices have.
	f := &SlotFold{words: slices.Clone(words), names: make(map[string]int32)}
	for i := range f.words {
		if i > 0 {
			share(&f.words[i], &f.words[i-1])
		}
		f.step(i)
	}
	f.landings, f.known = slices.Clone(f.landings), slices.Clone(f.known)
	return f
}

// share lets a word share the texts that it repeats.
func share(w, before *statemachine.SlotWord) {
	if w.Source == before.Source {
		w.Source = before.Source
	}
	if w.Version == w.Deployment {
		w.Version = w.Deployment
	}
}

// own gives a word texts of its own: those of an event are parts of all of it.
func own(w statemachine.SlotWord) statemachine.SlotWord {
	for _, text := range [...]*string{&w.Source, (*string)(&w.Sequence), &w.Deployment, &w.ID, &w.Version} {
		*text = strings.Clone(*text)
	}
	return w
}

// of returns what is known of a name, to be changed.
func (f *SlotFold) of(name string) *known {
	i, there := f.names[name]
	if !there {
		i = int32(len(f.known))
		f.known = append(f.known, known{})
		f.names[name] = i
	}
	return &f.known[i]
}

// latest returns the latest landing of an attempt, as an index into landings
// plus one; 0: it never landed.
func (f *SlotFold) latest(deployment string, number uint32) int32 {
	if number != 1 {
		return f.again[attempt{deployment, number}]
	}
	if i, there := f.names[deployment]; there {
		return f.known[i].latest
	}
	return 0
}

func (f *SlotFold) setLatest(w *statemachine.SlotWord, landing int32) {
	if w.Attempt == 1 {
		f.of(w.Deployment).latest = landing
		return
	}
	if f.again == nil {
		f.again = make(map[attempt]int32)
	}
	f.again[attempt{w.Deployment, w.Attempt}] = landing
}

// Add adds a word and says what that changes. The word must not be there yet.
func (f *SlotFold) Add(w statemachine.SlotWord) Shift {
	i, _ := slices.BinarySearchFunc(f.words, w, compareSlotWords)
	w = own(w)
	if i > 0 {
		share(&w, &f.words[i-1])
	}
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
		all = append(all, own(w))
	}
	if len(removed) == 0 && len(added) == 0 {
		return nil, nil, Shift{}
	}
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
	kept, _ := slices.BinarySearchFunc(f.landings, i, func(l landing, i int) int { return cmp.Compare(int(l.word), i) })
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
	for n := len(f.landings) - 1; n >= 0 && int(f.landings[n].word) >= to; n-- {
		what, l := f.original(n), &f.landings[n]
		f.setLatest(what, l.prior)
		if l.first {
			f.of(canonicalVersion(what.Version)).landed = false
		}
		f.landings = f.landings[:n]
	}
	for i := to; i < len(f.words); i++ {
		if k := f.of(canonicalVersion(f.words[i].Version)); int(k.heard) == i+1 {
			k.heard = 0
		}
	}
	f.running = len(f.landings)
	if f.running == 0 {
		return
	}
	switch last := &f.landings[f.running-1]; {
	case int(last.emptied) >= to:
		last.emptied = 0
	case last.emptied > 0:
		f.running = 0
	}
}

// step moves the slot by the word at index i, which sorts behind all that were
// stepped before.
func (f *SlotFold) step(i int) {
	w := &f.words[i]
	version := f.of(canonicalVersion(w.Version))
	if version.heard == 0 {
		version.heard = int32(i + 1)
	}
	var now *statemachine.SlotWord // the word that landed what runs
	if f.running > 0 {
		now = f.original(f.running - 1)
	}
	runs := now != nil && now.Deployment == w.Deployment
	switch w.Kind {
	case statemachine.SlotLanded:
		if runs && now.Attempt == w.Attempt || f.echoes(w) {
			return
		}
		l := landing{word: int32(i), of: int32(len(f.landings)), class: f.classify(w.Version, version), first: !version.landed}
		version.landed = true
		f.land(l)
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
	what, last := f.original(f.running-1), &f.landings[f.running-1]
	last.prior = f.latest(what.Deployment, what.Attempt)
	f.setLatest(what, int32(f.running))
}

// empty leaves the slot without anything that runs.
func (f *SlotFold) empty(word int) {
	f.landings[f.running-1].emptied = int32(word)
	f.running = 0
}

// echoes reports whether a landing word is about an attempt that landed before,
// so soon after the latest landing that it tells the past.
func (f *SlotFold) echoes(w *statemachine.SlotWord) bool {
	if len(f.landings) == 0 {
		return false
	}
	latest := f.words[f.landings[len(f.landings)-1].word].Tau
	return w.Tau-latest <= int64(Skew) && f.latest(w.Deployment, w.Attempt) != 0
}

// restore puts back the last landing of another deployment. It looks from where
// the running one landed first, not from where it was itself put back: what was
// reverted after it does not come again.
func (f *SlotFold) restore(word int) {
	of := f.landings[f.running-1].of
	for i := of - 1; i >= 0; i-- {
		original := f.landings[i].of
		if f.words[f.landings[original].word].Deployment != f.words[word].Deployment {
			f.land(landing{word: int32(word), of: original, class: ClassRollback, restored: true})
			return
		}
	}
	f.empty(word)
}

// classify compares a version that lands with the one that landed just before.
func (f *SlotFold) classify(text string, version *known) Class {
	if len(f.landings) == 0 {
		return ClassForward
	}
	before := f.original(len(f.landings) - 1).Version
	if text == "" || before == "" {
		return ClassForward
	}
	order, ok := CompareVersions(text, before)
	if !ok {
		order = cmp.Compare(version.heard, f.of(canonicalVersion(before)).heard)
	}
	switch {
	case order == 0:
		return ClassSame
	case order > 0:
		return ClassForward
	case version.landed:
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
