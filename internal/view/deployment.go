package view

import (
	"encoding/hex"
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
	Conditions []string       `json:"conditions"`
	WaitingFor []Waiting      `json:"waiting_for"`

	Owner       string    `json:"owner"`
	URL         string    `json:"url"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	LandedAt    time.Time `json:"landed_at,omitzero"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	LastEventAt time.Time `json:"last_event_at,omitzero"`
	Percent     *float64  `json:"percent"`
	Message     string    `json:"message"`

	Artifact    *events.Artifact  `json:"artifact,omitzero"`
	Labels      map[string]string `json:"labels"`
	Refs        []string          `json:"refs"`
	Evidence    []EvidenceBody    `json:"evidence"`
	Claims      []Said            `json:"claims"`
	Annotations []AnnotationBody  `json:"annotations"`

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

// Deployment renders a deployment. The result shares memory with s.
func Deployment(key events.Key, s *statemachine.State, revision uint64) *DeploymentBody {
	d := &DeploymentBody{
		Key: key.String(), Env: key.Env, Region: key.Region, Component: key.Component, Deployment: key.Deployment,
		Release: s.Release, Version: s.Version, Attempt: s.Attempt,
		Status: s.Status, Since: instant(s.Since), Previous: s.Previous, Reason: s.Reason,
		Class: string(s.Class), Native: s.Native,
		Conditions: orEmpty(s.Conditions), WaitingFor: make([]Waiting, 0, len(s.Held)),
		Owner: s.Owner, URL: s.URL,
		StartedAt: instant(s.Started), LandedAt: instant(s.Landed), FinishedAt: instant(s.Finished),
		LastEventAt: instant(s.LastTau), Message: s.Message,
		Labels: make(map[string]string, len(s.Labels)), Refs: orEmpty(s.Refs),
		Evidence: make([]EvidenceBody, 0, len(s.Evidence)), Claims: make([]Said, 0, len(s.Claims)),
		Annotations: make([]AnnotationBody, 0, len(s.Annotations)),
		Events:      s.Words, Anomalies: s.AnomalyN,
		Lifecycle: LifecycleBody(s.Lifecycle), Revision: revision, Digest: DigestText(s.Digest()),
	}
	if s.Percent >= 0 {
		d.Percent = &s.Percent
	}
	if s.Artifact != (events.Artifact{}) {
		d.Artifact = &s.Artifact
	}
	for _, h := range s.Held {
		d.WaitingFor = append(d.WaitingFor, Waiting(h))
	}
	for _, l := range s.Labels {
		d.Labels[l.Name] = l.Value
	}
	for _, e := range s.Evidence {
		d.Evidence = append(d.Evidence, EvidenceBody{e.Kind, e.Name, string(e.Verdict), e.Source, instant(e.Tau), e.Attempt, e.URL})
	}
	for _, c := range s.Claims {
		d.Claims = append(d.Claims, Said{c.Source, c.Status, instant(c.Tau)})
	}
	for _, a := range s.Annotations {
		d.Annotations = append(d.Annotations, AnnotationBody{a.Kind, a.Text, a.URL, a.Actor, instant(a.Tau)})
	}
	return d
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
