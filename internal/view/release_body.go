package view

import (
	"slices"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Release is what is known of one release.
type Release struct {
	Key     events.Release
	Plan    *Plan    // nil: nobody declared one that counts
	Refused *Refusal // the latest declaration, when it does not count
	Members []ReleaseMember

	// Said of the release as a whole; it counts for each member.
	Evidence    []EvidenceBody
	Annotations []AnnotationBody

	Revision uint64 // position in EVENTS of what last changed it
}

// ReleaseBody is a release as the API shows it. Lists are never null.
type ReleaseBody struct {
	Env     string       `json:"env"`
	Release string       `json:"release"`
	Status  string       `json:"status"` // composite
	Reason  Reason       `json:"reason"` // the reason tree
	Planned bool         `json:"planned"`
	Members []MemberBody `json:"members"`

	Owner   string   `json:"owner"` // from here to Impact as declared
	Ticket  string   `json:"ticket"`
	Risk    string   `json:"risk"`
	Impact  string   `json:"impact"`
	Impacts []string `json:"impacts"`          // of the members' components, sorted
	Refused string   `json:"refused,omitzero"` // why the latest declaration does not count

	Evidence    []EvidenceBody   `json:"evidence"`
	Annotations []AnnotationBody `json:"annotations"`
	Revision    uint64           `json:"revision"`
	Digest      string           `json:"digest"`
}

// MemberBody is one member of a release. A member that was not seen has no
// since.
type MemberBody struct {
	Key        string    `json:"key"` // of the slot, when no deployment is known
	Region     string    `json:"region"`
	Component  string    `json:"component"`
	Deployment string    `json:"deployment"`
	Version    string    `json:"version"`
	Status     string    `json:"status"`
	Since      time.Time `json:"since,omitzero"`
	Reason     string    `json:"reason"`
	Conditions []string  `json:"conditions"`
	DependsOn  []string  `json:"depends_on"`
	WaitingFor []Waiting `json:"waiting_for"`
	Violations []Broken  `json:"violations"`
	WhoBody
}

// Body renders a release.
func (r *Release) Body() ReleaseBody {
	facts := r.Facts()
	b := ReleaseBody{
		Env: r.Key.Env, Release: r.Key.Name, Status: facts.Status, Planned: r.Plan != nil,
		Members: make([]MemberBody, 0, len(r.Members)), Impacts: []string{},
		Evidence: r.Evidence, Annotations: r.Annotations, Revision: r.Revision, Digest: DigestText(facts.Digest(r.Key)),
	}
	_, b.Reason = Composite(r.Members)
	if r.Plan != nil {
		b.Owner, b.Ticket, b.Risk, b.Impact = r.Plan.Owner, r.Plan.Ticket, r.Plan.Risk, r.Plan.Impact
	}
	if r.Refused != nil {
		b.Refused = r.Refused.Err.Error()
	}
	if b.Evidence == nil {
		b.Evidence = []EvidenceBody{}
	}
	if b.Annotations == nil {
		b.Annotations = []AnnotationBody{}
	}
	for i := range r.Members {
		m := r.Members[i].body()
		b.Members = append(b.Members, m)
		if m.Impact != "" {
			b.Impacts = append(b.Impacts, m.Impact)
		}
	}
	slices.Sort(b.Impacts)
	b.Impacts = slices.Compact(b.Impacts)
	return b
}

func (m *ReleaseMember) body() MemberBody {
	b := MemberBody{
		Key: m.Key(), Region: m.Slot.Region, Component: m.Slot.Component, Deployment: m.Deployment,
		Status: m.Status(), Conditions: []string{}, DependsOn: orEmpty(m.DependsOn), WaitingFor: []Waiting{},
		Violations: []Broken{}, WhoBody: m.Who.body(""),
	}
	s := m.Seen
	if s == nil {
		return b
	}
	b.Deployment, b.Version, b.Since, b.Reason = s.Key.Deployment, s.Version, instant(s.Since), s.Reason
	b.Conditions, b.WhoBody = orEmpty(s.Conditions), m.Who.body(s.Owner)
	b.WaitingFor, b.Violations = waitingFor(&s.Shown), broken(&s.Shown)
	return b
}
