package events

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Event types of the contract, words that come in.
const (
	TypeReported   = "dev.telltale.deployment.reported.v1"
	TypeProgressed = "dev.telltale.deployment.progressed.v1"
	TypeEvidence   = "dev.telltale.deployment.evidence.v1"
	TypeAnnotated  = "dev.telltale.deployment.annotated.v1"
	TypeOverridden = "dev.telltale.deployment.overridden.v1"

	TypeObserved = "dev.telltale.slot.observed.v1"

	TypeReleaseDeclared = "dev.telltale.release.declared.v1"
	TypeFreezeDeclared  = "dev.telltale.freeze.declared.v1"
	TypeFreezeLifted    = "dev.telltale.freeze.lifted.v1"

	TypeAlertAcknowledged   = "dev.telltale.alert.acknowledged.v1"
	TypeAlertUnacknowledged = "dev.telltale.alert.unacknowledged.v1"
	TypeAlertNoise          = "dev.telltale.alert.noise.v1"
	TypeSilenceCreated      = "dev.telltale.silence.created.v1"
	TypeSilenceExpired      = "dev.telltale.silence.expired.v1"

	TypeDefinitionActivated = "dev.telltale.definition.activated.v1"
	TypeTick                = "dev.telltale.tick.v1"
)

// Event types of the contract, what we say.
const (
	TypeDeploymentChanged = "dev.telltale.deployment.changed.v1"
	TypeSlotChanged       = "dev.telltale.slot.changed.v1"
	TypeReleaseChanged    = "dev.telltale.release.changed.v1"
	TypeRegionChanged     = "dev.telltale.region.changed.v1"

	TypeAlertFired        = "dev.telltale.alert.fired.v1"
	TypeAlertResolved     = "dev.telltale.alert.resolved.v1"
	TypeDeliveryIntended  = "dev.telltale.delivery.intended.v1"
	TypeDeliveryConcluded = "dev.telltale.delivery.concluded.v1"
)

// Class says what kind of failure a failure is. The zero value is unknown.
type Class string

// The classes of failure.
const (
	ClassPermanent     Class = "permanent"
	ClassTransient     Class = "transient"
	ClassEnvironmental Class = "environmental"
)

// Artifact is what was rolled out.
type Artifact struct {
	Name   string `json:"name,omitzero"`
	Digest string `json:"digest,omitzero"`
}

// Reported says what a tool says of a deployment's status.
type Reported struct {
	Status   string            `json:"status"`           // a state of the lifecycle, or a team's label for one
	Attempt  uint32            `json:"attempt,omitzero"` // 0: the one under way at its time
	Version  string            `json:"version,omitzero"`
	Release  string            `json:"release,omitzero"`
	Native   jsontext.Value    `json:"native,omitzero"` // the tool's own words, {field: value}
	Class    Class             `json:"class,omitzero"`
	Reason   string            `json:"reason,omitzero"`
	Message  string            `json:"message,omitzero"`
	URL      string            `json:"url,omitzero"`
	Actor    string            `json:"actor,omitzero"` // an opaque id, never an e-mail or a name
	Owner    string            `json:"owner,omitzero"`
	Artifact *Artifact         `json:"artifact,omitzero"`
	Labels   map[string]string `json:"labels,omitzero"`
	Refs     []string          `json:"refs,omitzero"` // at most 16, each at most 256 bytes
}

// Progressed is a sign of life that changes no status.
type Progressed struct {
	Attempt        uint32    `json:"attempt,omitzero"`
	Percent        *float64  `json:"percent,omitzero"` // 0 to 100
	Message        string    `json:"message,omitzero"`
	NextExpectedBy time.Time `json:"next_expected_by,omitzero"`
	Refs           []string  `json:"refs,omitzero"`
}

// Verdict is what an evidence says.
type Verdict string

// The verdicts.
const (
	VerdictPass    Verdict = "pass"
	VerdictFail    Verdict = "fail"
	VerdictUnknown Verdict = "unknown"
)

// Evidence is a verdict that guards use.
type Evidence struct {
	Kind    string         `json:"kind"` // tests, health, approval, scan, …
	Verdict Verdict        `json:"verdict"`
	Attempt uint32         `json:"attempt,omitzero"`
	Name    string         `json:"name,omitzero"`
	URL     string         `json:"url,omitzero"`
	Actor   string         `json:"actor,omitzero"`
	Details jsontext.Value `json:"details,omitzero"`
	Refs    []string       `json:"refs,omitzero"`
}

// Annotated is something a person or a tool adds to a deployment or a release.
type Annotated struct {
	Kind  string `json:"kind"` // root_cause, comment, link, incident, impact
	Text  string `json:"text,omitzero"`
	URL   string `json:"url,omitzero"`
	Actor string `json:"actor,omitzero"`
}

// Overridden is a person's word against the record.
type Overridden struct {
	Status         string `json:"status"`
	Reason         string `json:"reason"`
	Actor          string `json:"actor"`
	ExpectedDigest string `json:"expected_digest,omitzero"` // checked once, at the door
}

// Observed says what really runs in a slot.
type Observed struct {
	Version string   `json:"version"`
	Health  string   `json:"health,omitzero"` // healthy, degraded, unknown
	Refs    []string `json:"refs,omitzero"`
}

// Member is one planned deployment of a release.
type Member struct {
	Region     string   `json:"region"`
	Component  string   `json:"component"`
	Deployment string   `json:"deployment,omitzero"`
	DependsOn  []string `json:"depends_on,omitzero"` // components of the same plan
}

// ReleaseDeclared is the plan of a release.
type ReleaseDeclared struct {
	Members []Member `json:"members"`
	Owner   string   `json:"owner,omitzero"`
	Ticket  string   `json:"ticket,omitzero"`
	Risk    string   `json:"risk,omitzero"`
	Impact  string   `json:"impact,omitzero"`
}

// Freeze declares or lifts a change freeze of an environment.
type Freeze struct {
	Name       string    `json:"name"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Regions    []string  `json:"regions,omitzero"`    // empty: all
	Components []string  `json:"components,omitzero"` // empty: all
	Reason     string    `json:"reason,omitzero"`
	Actor      string    `json:"actor,omitzero"`
}

// AlertWord is what a person says about an alert.
type AlertWord struct {
	Alert  string `json:"alert"`
	Actor  string `json:"actor"`
	Reason string `json:"reason,omitzero"`
}

// SilenceWord creates or ends a silence.
type SilenceWord struct {
	Silence string `json:"silence"`
	Actor   string `json:"actor"`
	Reason  string `json:"reason,omitzero"`
}

// Origin is where a definition was kept.
type Origin struct {
	Repo   string `json:"repo,omitzero"`
	Commit string `json:"commit,omitzero"`
}

// Deprecated says that a definition is on its way out.
type Deprecated struct {
	Since      string `json:"since,omitzero"`
	ReplacedBy string `json:"replaced_by,omitzero"`
	Ends       string `json:"ends,omitzero"`
}

// DefinitionActivated puts a document in force.
type DefinitionActivated struct {
	Kind          string      `json:"kind"` // Lifecycle, Mapping, Component, Source
	Name          string      `json:"name"`
	Version       string      `json:"version"`
	Digest        string      `json:"digest"`                  // sha256:<hex> over document
	EffectiveFrom time.Time   `json:"effective_from,omitzero"` // zero: from the event's time
	Envs          []string    `json:"envs,omitzero"`           // empty: all
	Actor         string      `json:"actor"`
	Origin        *Origin     `json:"origin,omitzero"`
	Reason        string      `json:"reason,omitzero"`
	Deprecated    *Deprecated `json:"deprecated,omitzero"`
	Document      string      `json:"document"` // the whole document, YAML
}

// Tick is a recorder's promise: all that was acknowledged at my doors before my
// time stands before me in the stream.
type Tick struct {
	Regions []string `json:"regions"`
	Closing bool     `json:"closing,omitzero"` // the recorder's last tick
}

// DataAs decodes the data of e into v, a pointer to a zero value of one of the
// types above. It refuses with [CodeSchema] data of another shape. Unknown
// members are ignored: within v1 things are added; duplicate keys are for
// [Decode] to refuse. The strings of a [Reported] share one copy of the data.
func (e *Event) DataAs(v any) error {
	if len(e.Data) == 0 {
		return Errorf(CodeSchema, "the event has no data")
	}
	// Nearly all events are of this type.
	if r, ok := v.(*Reported); ok && r.read(e.Data) {
		return nil
	}
	return e.dataAs(v)
}

func (e *Event) dataAs(v any) error {
	if json.Unmarshal(e.Data, v) == nil {
		return nil
	}
	// 1.0 and 1e0 are integers to a JSON Schema, and to Go once they are
	// canonical, as they are in the stream.
	data := e.Data.Clone()
	if data.Canonicalize() != nil || json.Unmarshal(data, v) != nil {
		return Errorf(CodeSchema, "data does not fit %s", e.Type)
	}
	return nil
}

// SetData sets the data of e to the JSON of v, one of the types above. It fails
// with [CodeSchema], leaving e as it was, on what JSON cannot say: invalid UTF-8
// and numbers that are none.
func (e *Event) SetData(v any) error {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return Errorf(CodeSchema, "the data of %s has no JSON: invalid UTF-8, or a number that is none", e.Type)
	}
	e.Data = data
	return nil
}
