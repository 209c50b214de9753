package statemachine

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// State is what the fold believes of one deployment, its base: a pure function
// of the deployment's own words and its lifecycle. Times are Unix nanoseconds,
// zero meaning not yet. A State is owned by whoever folded it; it is not safe
// for concurrent use while [Lifecycle.Apply] changes it.
type State struct {
	Status   string // a state's name; "unknown" before any usable report
	Previous string // the status before, in this attempt
	Attempt  uint32 // 1, 2, …; 0 before any usable report
	Since    int64  // τ at which Status was entered
	Began    int64  // τ of the attempt's first word
	Started  int64  // τ of the attempt's first active status
	Landed   int64  // τ of the attempt's first landing
	Finished int64  // τ at which the attempt became final
	FirstTau int64  // least τ of all words: chooses the lifecycle's version
	LastTau  int64  // τ of the last word in canonical order
	Verified int64  // τ at which it was first verified, kept when the status or the attempt moves on

	// Of the latest attempt that started, this one or an earlier one: its Began,
	// and τ of its first active status or landing. Both are 0 while none has.
	LastBegan, LastStarted int64

	// When the latest word was heard, and the one that entered the status: the
	// recorded time if it is within the lifecycle's alert horizon of the word's
	// τ, else that τ. Deadlines count from them. They are no belief: the digest
	// leaves them out.
	Heard, SinceHeard int64

	// Says is what a tool itself said last of a rollout that had not landed: one
	// of the lifecycle's says, such as "stalled". A later word of a status ends it.
	Says string

	// From the last word, in canonical order, that said it. Reason, Class,
	// Native, Message, Percent and URL belong to the attempt and are forgotten
	// when a new one begins.
	Version  string
	Release  string
	Owner    string
	URL      string
	Reason   string
	Class    events.Class
	Message  string
	Percent  float64 // negative: not said
	NextBy   int64   // next_expected_by of the last progress in this status, 0: not said
	Artifact events.Artifact
	Native   jsontext.Value
	Labels   []Label
	Refs     []string // union over all words, sorted, at most MaxRefs

	Conditions  []string    // sorted
	Marks       []string    // of the current status, sorted; never changed in place
	Held        []Held      // judgements that wait
	Violations  []Violation // facts of this attempt that broke a policy, the first MaxKept
	Evidence    []Evidence
	Annotations []Annotation
	Claims      []Claim   // by source, sorted
	Anomalies   []Anomaly // the first MaxKept in canonical order
	AnomalyN    uint32    // all of them

	Words     uint32 // words that count
	Lifecycle VersionRef

	// What the next step needs to know, see fold.go.
	memory memory
}

// VersionRef names a version of a lifecycle.
type VersionRef struct{ Name, Version string }

// Bounds of what a state keeps. Beyond them the events still count; they are
// found in the deployment's history.
const (
	MaxKept = 32 // evidence, annotations, anomalies, labels, violations
	MaxRefs = 64
)

// Held is a step that waits for its guard: a judgement that somebody said, or
// one that goes by itself.
type Held struct {
	Status  string
	Guard   string // the guard's name
	Message string // the guard's sentence for people, and why it could not be evaluated
	Source  string // who said it; "" for one that nobody has to say
	ID      string
}

// Violation is a fact that broke a policy of the lifecycle. The fact is shown
// all the same.
type Violation struct {
	Policy  string // its name
	Message string // its sentence for people, and why it could not be evaluated
	Source  string // of the word that entered the status
	ID      string
	Tau     int64
}

// Evidence is a verdict that was heard.
type Evidence struct {
	Kind    string
	Name    string
	Verdict events.Verdict
	Source  string
	Tau     int64
	Attempt uint32
	URL     string
}

// Annotation is something added by a person or a tool.
type Annotation struct {
	Kind, Text, URL, Actor string
	Tau                    int64
}

// Claim is the latest status that one source said in this attempt.
type Claim struct {
	Source string
	Status string
	Tau    int64
}

// Anomaly is a word that could not be followed, with the reason's name.
type Anomaly struct {
	Reason string
	Source string
	ID     string
	Tau    int64
	Detail string
}

// SlotWord is what a word means for the slot: a landing, or its end.
type SlotWord struct {
	Kind       SlotKind
	Tau        int64
	Source     string
	Sequence   events.Sequence
	Deployment string
	ID         string
	Attempt    uint32
	Version    string
}

// SlotKind says what happened to the slot.
type SlotKind uint8

// What can happen to a slot.
const (
	SlotLanded   SlotKind = iota + 1 // it runs this deployment's attempt
	SlotReverted                     // what ran before was put back
	SlotRemoved                      // nothing runs
)

// Verdict is what the fold did with one word, by a name that shows up the same
// way in explain, metrics and tests.
type Verdict string

// The verdicts.
const (
	VerdictTaken      Verdict = "taken"       // a declared transition
	VerdictImplied    Verdict = "implied"     // taken over steps that were never reported
	VerdictEcho       Verdict = "echo"        // known already
	VerdictNewAttempt Verdict = "new_attempt" // began an attempt
	VerdictReLanded   Verdict = "relanded"    // a landing after a final status
	VerdictHeld       Verdict = "held"        // a judgement that waits for its guard
	VerdictRefused    Verdict = "refused"     // changed nothing, an anomaly
	VerdictNoted      Verdict = "noted"       // carries no status
)

// Step is the story of one word in canonical order.
type Step struct {
	Word     *Word       // the caller's, its mark unlifted
	Mark     events.Mark // lifted: where the word stands in the canonical order
	Verdict  Verdict
	Reason   string // the anomaly's or guard's name, "" otherwise
	From, To string // status before and after
	Attempt  uint32 // after
	Slot     *SlotWord
}
