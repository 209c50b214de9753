package statemachine

import (
	"fmt"
	"regexp"
	"time"
)

// The API version and kind of a lifecycle document.
const (
	APIVersion    = "telltale.dev/v1"
	KindLifecycle = "Lifecycle"
)

// maxDocument bounds a lifecycle document, in bytes, before it is parsed.
const maxDocument = 256 << 10

// Document is a lifecycle as people write it, in YAML. docs/lifecycle.md
// explains it, schemas/documents/Lifecycle.json describes its form.
type Document struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata"`
	Spec       Spec     `yaml:"spec"`

	places places // where each value stands
}

// Metadata names a document and its version.
type Metadata struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
}

// Spec is what a lifecycle says.
type Spec struct {
	Skew         *Duration               `yaml:"skew"`          // default 60s
	Settle       *Duration               `yaml:"settle"`        // default 10m
	AlertHorizon *Duration               `yaml:"alert_horizon"` // default 6h
	States       []StateSpec             `yaml:"states"`
	Transitions  []TransitionRow         `yaml:"transitions"`
	Implied      []string                `yaml:"implied"`
	Says         []string                `yaml:"says"`
	Guards       []GuardSpec             `yaml:"guards"`
	Auto         []AutoSpec              `yaml:"auto"`
	Policies     []PolicySpec            `yaml:"policies"`
	Deadlines    map[string]DeadlineSpec `yaml:"deadlines"` // by status
	Overrides    []OverrideSpec          `yaml:"overrides"`
	Authority    []AuthoritySpec         `yaml:"authority"`
	Aliases      map[string]string       `yaml:"aliases"` // label → canonical name
}

// StateSpec is one state: its name, its rank among equal times (0 to 14), its
// category, and what it means to attempts and to the slot.
type StateSpec struct {
	Name      string    `yaml:"name"`
	Rank      uint8     `yaml:"rank"`
	Category  string    `yaml:"category"`
	Start     bool      `yaml:"start"`
	Announces bool      `yaml:"announces"`
	Runs      bool      `yaml:"runs"`
	Lands     bool      `yaml:"lands"`
	Fails     bool      `yaml:"fails"`
	Restores  bool      `yaml:"restores"`
	Empties   bool      `yaml:"empties"`
	Marks     []string  `yaml:"marks"`
	Anywhere  *Anywhere `yaml:"anywhere"`
}

// Anywhere lets a state be entered from every other without a path.
type Anywhere struct {
	Except []string `yaml:"except"`
}

// TransitionRow declares what may follow. Judged transitions are judgements:
// they wait for their guard, facts never do.
type TransitionRow struct {
	From   []string    `yaml:"from"`
	To     []string    `yaml:"to"`
	Judged []Judgement `yaml:"judged"`
}

// Judgement is a judged transition's end and its guard. Written as a plain
// name, its guard is "evidence".
type Judgement struct {
	To    string `yaml:"to,short"`
	Guard string `yaml:"guard"`
}

// GuardSpec is a condition that judgements and auto transitions wait for: a CEL
// expression, and what it waits for as a sentence for people.
type GuardSpec struct {
	Name    string `yaml:"name"`
	When    string `yaml:"when"`
	Message string `yaml:"message"`
}

// AutoSpec is a transition that nobody has to report: taken after any word once
// its guard holds. Among several the first counts.
type AutoSpec struct {
	From   []string `yaml:"from"`
	To     string   `yaml:"to"`
	When   string   `yaml:"when"` // a guard's name
	Reason string   `yaml:"reason"`
}

// PolicySpec is what must hold when a fact enters one of these statuses. If it
// does not, the fact is shown all the same, with a violation.
type PolicySpec struct {
	Name    string   `yaml:"name"`
	On      []string `yaml:"on"`
	When    string   `yaml:"when"`
	Message string   `yaml:"message"`
}

// DeadlineSpec says when silence and delay in a status have a name. 0s switches
// one off; an absent one is none, or in an override that of the status.
type DeadlineSpec struct {
	SilentAfter  *Duration `yaml:"silent_after"`  // without any word
	OverdueAfter *Duration `yaml:"overdue_after"` // since the status was entered
}

// OverrideSpec gives other deadlines where Match matches. Of several that match
// and name a status the first counts.
type OverrideSpec struct {
	Match     MatchSpec               `yaml:"match"`
	Deadlines map[string]DeadlineSpec `yaml:"deadlines"`
}

// MatchSpec chooses deployments by patterns, in which * stands for any
// characters, also none. Of a list one has to match; what is left out matches all.
type MatchSpec struct {
	Env       Patterns `yaml:"env"`
	Region    Patterns `yaml:"region"`
	Component Patterns `yaml:"component"`
}

// AuthoritySpec says that sources of this pattern know best whether one of
// these statuses is true. For statuses in no row any source counts.
type AuthoritySpec struct {
	Source   string   `yaml:"source"`
	Statuses []string `yaml:"statuses"`
}

// Patterns are one pattern or a list of them.
type Patterns []string

// Duration is a time.Duration written in whole hours, minutes and seconds:
// "60s", "10m", "1h30m"; "0s" is none.
type Duration time.Duration

var wholeTime = regexp.MustCompile(`^([0-9]{1,4}h([0-9]{1,5}m)?([0-9]{1,6}s)?|[0-9]{1,5}m([0-9]{1,6}s)?|[0-9]{1,6}s)$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || !wholeTime.Match(b) {
		return fmt.Errorf("%q is not a time such as 90s, 15m or 1h30m", b)
	}
	*d = Duration(v)
	return nil
}

// Parse reads a lifecycle document strictly: an unknown key, a key written
// twice, a value of another type and an alias are faults. It fails with
// [Faults], all of them at once. It does not look at what the values mean;
// [Compile] does.
func Parse(doc []byte) (*Document, error) {
	d := new(Document)
	d.places = make(places)
	if faults := decode(doc, d, d.places); len(faults) > 0 {
		return nil, faults
	}
	if d.APIVersion != APIVersion || d.Kind != KindLifecycle {
		return nil, Faults{d.places.fault("apiVersion", "not apiVersion "+APIVersion+", kind "+KindLifecycle)}
	}
	return d, nil
}
