package adapter

import (
	"github.com/telltale-dev/telltale/internal/expr"
)

// Kind is the kind of the documents that this package reads.
const Kind = "Mapping"

// Mapping is a document that says what a tool's requests mean, ready to run.
type Mapping struct {
	Name    string // the {tool} of its URL
	Version string
	Summary string   // one sentence
	Accept  []string // of Accepted, json first
	Auth    []Scheme // with which the tool can sign; the first is the default of a hook that has secrets

	doc   []byte
	lets  []let
	rules []rule
}

// Document returns the text of the document, which is the caller's to keep.
func (m *Mapping) Document() []byte { return append([]byte(nil), m.doc...) }

// Rules returns the names of the rules, in the order in which they are tried.
func (m *Mapping) Rules() []string {
	names := make([]string, len(m.rules))
	for i := range m.rules {
		names[i] = m.rules[i].name
	}
	return names
}

// The content that a mapping may accept.
const (
	AcceptJSON = "json" // application/json and CloudEvents
	AcceptForm = "form" // application/x-www-form-urlencoded with the JSON in payload=
)

// Scheme is a way of signing a request.
type Scheme string

// The schemes.
const (
	SchemeGitHub           Scheme = "github"
	SchemeGitLab           Scheme = "gitlab"
	SchemeStandardWebhooks Scheme = "standard-webhooks"
	SchemeBearer           Scheme = "bearer"
	SchemePagerDuty        Scheme = "pagerduty"
	SchemeSlack            Scheme = "slack"
	SchemeBasic            Scheme = "basic"
	SchemeJira             Scheme = "jira"
	SchemeFlux             Scheme = "flux"
)

// let is an expression under a name, evaluated at most once for a request.
type let struct {
	name  string
	value *expr.Formula
}

// rule says what some of a tool's requests mean.
type rule struct {
	name   string
	when   *expr.Formula // nil: always
	each   *expr.Formula // nil: the request is one thing
	ignore string        // why the request means nothing; then there is nothing else

	status  *statusTable // nil: outcome
	outcome []*outcome
}

// statusTable says what the values of a tool's field mean.
type statusTable struct {
	field string
	value *expr.Formula
	fold  bool // values are compared in lower case

	exact    map[string][]*outcome
	prefixes []prefix // the longest first
}

type prefix struct {
	text     string
	outcomes []*outcome
}

// of returns what a value means, nil when nobody said.
func (t *statusTable) of(value string) []*outcome {
	if o, ok := t.exact[value]; ok {
		return o
	}
	for _, p := range t.prefixes {
		if len(value) >= len(p.text) && value[:len(p.text)] == p.text {
			return p.outcomes
		}
	}
	return nil
}

// outcomeKind is what an outcome makes of a request.
type outcomeKind uint8

const (
	outcomeStatus outcomeKind = iota
	outcomeHeartbeat
	outcomeEvidence
	outcomeObserved
	outcomeAnnotate
	outcomeIgnore
)

// outcome is one meaning that a request may have.
type outcome struct {
	when *expr.Formula // nil: always
	kind outcomeKind

	status, class, reason string        // status; class and reason "" leave it to the event's own
	evidence, name        string        // evidence: its kind and its name, "" leaves it to the status field
	verdict               string        // evidence
	annotation            string        // annotate: its kind
	text                  *expr.Formula // annotate; nil: the message
	ignore                string        // ignore: why

	event *eventFields // the fields of the mapping, the rule and this outcome put together
	and   []*outcome   // what the same request means besides; each when its own condition holds
}

// field is a field of an event that is one text.
type field uint8

const (
	fieldID field = iota
	fieldSource
	fieldTime
	fieldEnv
	fieldRegion
	fieldComponent
	fieldDeployment
	fieldVersion
	fieldCommit
	fieldRun
	fieldRelease
	fieldAttempt
	fieldActor
	fieldURL
	fieldOwner
	fieldMessage
	fieldReason
	fieldClass
	fieldPercent
	fieldNextExpectedBy
	fieldArtifactName
	fieldArtifactDigest
	fieldHealth
	fieldSequence
	fieldTraceParent
	fieldName   // of evidence whose outcome gives none
	fieldImages // a text or a list
	fields
)

// fieldNames are the keys of event, by field.
var fieldNames = [fields]string{
	"id", "source", "time", "env", "region", "component", "deployment", "version", "commit", "run", "release",
	"attempt", "actor", "url", "owner", "message", "reason", "class", "percent", "next_expected_by", "artifact_name", "artifact_digest",
	"health", "sequence", "traceparent", "name", "images",
}

// eventFields are the expressions of an event. A field that is not given is nil.
type eventFields struct {
	one    [fields]*expr.Formula
	labels []named
	native []named
	refs   []*expr.Formula
}

// named is an expression under a name that goes into the event.
type named struct {
	name  string
	value *expr.Formula
}

// over returns the fields of e with what its defaults say where e says nothing:
// field by field, labels and native by their names, refs as a whole.
func (e *eventFields) over(defaults *eventFields) *eventFields {
	all := *defaults
	for i, f := range e.one {
		if f != nil {
			all.one[i] = f
		}
	}
	all.labels = overNamed(e.labels, defaults.labels)
	all.native = overNamed(e.native, defaults.native)
	if e.refs != nil {
		all.refs = e.refs
	}
	return &all
}

func overNamed(own, defaults []named) []named {
	var all []named
	for _, d := range defaults {
		if !hasName(own, d.name) {
			all = append(all, d)
		}
	}
	return append(all, own...)
}

func hasName(list []named, name string) bool {
	for _, n := range list {
		if n.name == name {
			return true
		}
	}
	return false
}
