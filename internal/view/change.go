package view

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// SourceProjector is the source of the changes.
const SourceProjector = "/telltale/projector"

// ReasonRedefined is the reason of a change that no event caused: the fold or a
// definition gives another answer now than what was believed.
const ReasonRedefined = "redefined"

// Cause is the event that made us believe something.
type Cause struct{ Source, ID string }

// Facts are the parts of a deployment whose change is told. Conditions are
// sorted.
type Facts struct {
	Status     string
	Attempt    uint32
	Conditions []string
	Version    string
	Release    string
	Owner      string
	Percent    float64 // negative: not said
	Message    string
}

// Change is one step of what we believe of a deployment, or of something else.
// Times are Unix nanoseconds.
type Change struct {
	ID events.ChangeID

	// Raw is the whole CloudEvent of a change of something else than a
	// deployment: a slot, a release, a region. Of such a change only ID, Key (its
	// subject) and At are set beside it. Nil for a deployment's.
	Raw []byte

	Before   events.ChangeID // the deployment's change before this one; zero: it is the first. Not published.
	Key      string
	From     string // status before
	Facts           // what holds now
	At       int64  // τ of the cause
	Recorded int64  // recordedtime of the cause
	Reason   string
	Late     bool            // the cause came out of order and changed the status
	Amends   events.ChangeID // when late: what we had believed; zero otherwise
	Cause    Cause
	Marks    []string
	Digest   [32]byte // of the deployment's state
}

// Revision is the position of the cause in EVENTS.
func (c *Change) Revision() uint64 { return c.ID.Seq }

// AppendJSON appends the change as the CloudEvent that TT_CHANGES holds,
// without going through reflection: one is rendered for nearly every event.
func (c *Change) AppendJSON(b []byte) []byte {
	if c.Raw != nil {
		return append(b, c.Raw...)
	}
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = append(b, c.ID.String()...)
	b = append(b, `","source":"`+SourceProjector+`","type":"`+events.TypeDeploymentChanged+`","subject":`...)
	b = appendQuoted(b, c.Key)
	b = appendMember(b, "time")
	b = appendTime(b, c.At)
	b = append(b, `,"datacontenttype":"application/json","data":`...)
	return append(c.AppendData(b), '}')
}

// AppendData appends the data of the change's CloudEvent.
func (c *Change) AppendData(b []byte) []byte {
	b = append(b, `{"key":`...)
	b = appendQuoted(b, c.Key)
	b = appendText(b, "from", c.From)
	b = appendText(b, "to", c.Status)
	b = appendMember(b, "attempt")
	b = strconv.AppendUint(b, uint64(c.Attempt), 10)
	b = appendMember(b, "at")
	b = appendTime(b, c.At)
	b = appendMember(b, "recorded_at")
	b = appendTime(b, c.Recorded)
	b = appendText(b, "reason", c.Reason)
	b = appendMember(b, "late")
	b = strconv.AppendBool(b, c.Late)
	b = appendMember(b, "amends")
	if c.Amends.Incarnation == "" {
		b = append(b, "null"...)
	} else {
		b = appendQuoted(b, c.Amends.String())
	}
	b = appendMember(b, "cause")
	b = append(b, `{"source":`...)
	b = appendQuoted(b, c.Cause.Source)
	b = appendText(b, "id", c.Cause.ID)
	b = append(b, '}')
	b = appendTexts(b, "conditions", c.Conditions)
	b = appendText(b, "version", c.Version)
	b = appendText(b, "release", c.Release)
	b = appendText(b, "owner", c.Owner)
	b = appendMember(b, "percent")
	if c.Percent < 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendFloat(b, c.Percent, 'f', -1, 64)
	}
	b = appendText(b, "message", c.Message)
	b = appendTexts(b, "marks", c.Marks)
	b = append(b, `,"digest":"sha256:`...)
	b = hex.AppendEncode(b, c.Digest[:])
	b = append(b, `","revision":`...)
	b = strconv.AppendUint(b, c.Revision(), 10)
	return append(b, '}')
}

func appendMember(b []byte, name string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	return append(b, `":`...)
}

func appendText(b []byte, name, s string) []byte { return appendQuoted(appendMember(b, name), s) }

func appendTexts(b []byte, name string, texts []string) []byte {
	b = append(appendMember(b, name), '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, s)
	}
	return append(b, ']')
}

func appendTime(b []byte, ns int64) []byte {
	b = append(b, '"')
	b = time.Unix(0, ns).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendQuoted appends a JSON string. What reaches it was read from JSON, so
// that it is valid UTF-8; AppendQuote would mangle, not refuse, anything else.
func appendQuoted(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}
