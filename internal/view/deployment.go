package view

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// DeploymentBody is a deployment as the contract shows it. Times that are not
// yet are left out; lists are never null.
type DeploymentBody struct {
	Key        string `json:"key"`
	Env        string `json:"env"`
	Region     string `json:"region"`
	Component  string `json:"component"`
	Deployment string `json:"deployment"`

	Release string `json:"release"`
	Version string `json:"version"`
	Attempt uint32 `json:"attempt"`

	Status     string         `json:"status"`
	Since      time.Time      `json:"since,omitzero"`
	Previous   string         `json:"previous"`
	Reason     string         `json:"reason"`
	Class      string         `json:"class"`
	Native     jsontext.Value `json:"native,omitzero"`
	By         string         `json:"by,omitzero"` // the deployment that superseded it, or runs again in its place
	Conditions []string       `json:"conditions"`
	WaitingFor []Waiting      `json:"waiting_for"`
	Violations []Broken       `json:"violations"`
	Observed   *SeenToRun     `json:"observed,omitzero"` // the other side of a drift

	WhoBody               // an owner or a label that words name goes before the Component's
	URL         string    `json:"url"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	LandedAt    time.Time `json:"landed_at,omitzero"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	LastEventAt time.Time `json:"last_event_at,omitzero"`
	Percent     *float64  `json:"percent"`
	Message     string    `json:"message"`

	Artifact    *events.Artifact `json:"artifact,omitzero"`
	Refs        []string         `json:"refs"`
	Evidence    []EvidenceBody   `json:"evidence"`
	Claims      []Said           `json:"claims"`
	Annotations []AnnotationBody `json:"annotations"`

	Events    uint32        `json:"events"`    // how many words count
	Anomalies uint32        `json:"anomalies"` // how many could not be followed
	Lifecycle LifecycleBody `json:"lifecycle"`
	Revision  uint64        `json:"revision"`
	Digest    string        `json:"digest"`
}

// EvidenceBody is a verdict that was heard.
type EvidenceBody struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Verdict string    `json:"verdict"`
	Source  string    `json:"source"`
	At      time.Time `json:"at"`
	Attempt uint32    `json:"attempt"`
	URL     string    `json:"url"`
}

// AnnotationBody is something that a person or a tool added.
type AnnotationBody struct {
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`
	URL   string    `json:"url"`
	Actor string    `json:"actor"`
	At    time.Time `json:"at"`
}

// LifecycleBody is the version of the lifecycle that a deployment follows.
type LifecycleBody struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// DigestText returns the digest of a state as the contract writes it.
func DigestText(sum [32]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

// Waiting is what holds a status: a judgement that was heard, a step that goes by
// itself, or a dependency; and what it waits for.
type Waiting struct {
	Status  string `json:"status"`
	Guard   string `json:"guard"`
	Message string `json:"message"`
	Source  string `json:"source"`
	ID      string `json:"id"`
}

// Broken is a policy that a fact broke. The fact is shown all the same.
type Broken struct {
	Policy  string    `json:"policy"`
	Message string    `json:"message"`
	Source  string    `json:"source"` // of the event that broke it, "" when it was none of its own
	ID      string    `json:"id"`
	At      time.Time `json:"at,omitzero"`
}

// SeenToRun is what was seen to run where the record says something else.
type SeenToRun struct {
	Version string    `json:"version"`
	Source  string    `json:"source"`
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
}

// Conditions that are joined when a deployment is read: facts about its region
// and its sources, which never rewrite thousands of deployments.
const (
	ConditionDark       = "dark"       // what happens in its region is not known
	ConditionOffline    = "offline"    // a source of it is quiet for longer than it said it would be
	ConditionIncomplete = "incomplete" // a source of it numbers without gaps, and has one
)

// Around is what is joined to a deployment when it is read. The zero value joins
// nothing.
type Around struct {
	Conditions []string // of those above
	Who
}

// Deployment renders a deployment as it is shown. The result shares memory with s
// and shown.
func Deployment(key events.Key, s *statemachine.State, shown *statemachine.Shown, revision uint64, around *Around) *DeploymentBody {
	d := &DeploymentBody{
		Key: key.String(), Env: key.Env, Region: key.Region, Component: key.Component, Deployment: key.Deployment,
		Release: s.Release, Version: s.Version, Attempt: s.Attempt,
		Status: shown.Status, Since: instant(shown.Since), Previous: shown.Previous, Reason: shown.Reason,
		Class: string(s.Class), Native: s.Native, By: shown.By,
		Conditions: around.conditions(shown), WaitingFor: waitingFor(shown), Violations: broken(shown), Observed: seenToRun(shown),
		WhoBody: around.body(s.Owner), URL: s.URL,
		StartedAt: instant(s.Started), LandedAt: instant(s.Landed), FinishedAt: instant(s.Finished),
		LastEventAt: instant(s.LastTau), Message: s.Message,
		Refs:     orEmpty(s.Refs),
		Evidence: make([]EvidenceBody, 0, len(s.Evidence)), Claims: claims(s),
		Annotations: make([]AnnotationBody, 0, len(s.Annotations)),
		Events:      s.Words, Anomalies: s.AnomalyN,
		Lifecycle: LifecycleBody(s.Lifecycle), Revision: revision, Digest: DigestText(shown.Digest(s)),
	}
	if s.Percent >= 0 {
		d.Percent = &s.Percent
	}
	if s.Artifact != (events.Artifact{}) {
		d.Artifact = &s.Artifact
	}
	for _, l := range s.Labels {
		d.Labels[l.Name] = l.Value
	}
	for _, e := range s.Evidence {
		d.Evidence = append(d.Evidence, EvidenceBody{e.Kind, e.Name, string(e.Verdict), e.Source, instant(e.Tau), e.Attempt, e.URL})
	}
	for _, a := range s.Annotations {
		d.Annotations = append(d.Annotations, AnnotationBody{a.Kind, a.Text, a.URL, a.Actor, instant(a.Tau)})
	}
	return d
}

// conditions returns those of a deployment and those that are joined, sorted.
func (a *Around) conditions(shown *statemachine.Shown) []string {
	all := slices.Concat(shown.Conditions, a.Conditions)
	slices.Sort(all)
	return orEmpty(slices.Compact(all))
}

func waitingFor(shown *statemachine.Shown) []Waiting {
	out := make([]Waiting, len(shown.WaitingFor))
	for i, h := range shown.WaitingFor {
		out[i] = Waiting(h)
	}
	return out
}

func broken(shown *statemachine.Shown) []Broken {
	out := make([]Broken, len(shown.Violations))
	for i, v := range shown.Violations {
		out[i] = Broken{v.Policy, v.Message, v.Source, v.ID, instant(v.Tau)}
	}
	return out
}

func seenToRun(shown *statemachine.Shown) *SeenToRun {
	if o := shown.Observed; o != nil {
		return &SeenToRun{o.Version, o.Source, o.ID, instant(o.Tau)}
	}
	return nil
}

func claims(s *statemachine.State) []Said {
	out := make([]Said, len(s.Claims))
	for i, c := range s.Claims {
		out[i] = Said{c.Source, c.Status, instant(c.Tau)}
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
