package view

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/pkg/events"
)

// ReleaseFacts are the parts of a release whose change is told.
type ReleaseFacts struct {
	Status  string // composite
	Reason  string // the criterion that decided, for people
	Members []MemberStatus
}

// MemberStatus is a member and its status.
type MemberStatus struct {
	Key    string `json:"key"`
	Status string `json:"status"`
}

// maxTold is how many members a change names: it has to fit into one message.
const maxTold = 1000

// Facts returns what is told of a release. Of one with more than 1,000 members
// only the status and its reason are; the API has the members.
func (r *Release) Facts() ReleaseFacts {
	status, why := Composite(r.Members)
	if len(r.Members) > maxTold {
		return ReleaseFacts{Status: status, Reason: why.Text, Members: []MemberStatus{}}
	}
	f := ReleaseFacts{Status: status, Reason: why.Text, Members: make([]MemberStatus, len(r.Members))}
	for i := range r.Members {
		f.Members[i] = MemberStatus{r.Members[i].Key(), r.Members[i].Status()}
	}
	return f
}

// Digest is a fingerprint of the facts: equal exactly when nothing is to be
// told.
func (f *ReleaseFacts) Digest(key events.Release) [sha256.Size]byte {
	parts := []string{key.Env, key.Name, f.Status, f.Reason}
	for _, m := range f.Members {
		parts = append(parts, m.Key, m.Status)
	}
	// No part holds a line break: they are names, statuses and our own sentences.
	return sha256.Sum256([]byte(strings.Join(parts, "\n")))
}

// ReleaseChange is one step of what we believe of a release. Times are Unix
// nanoseconds.
type ReleaseChange struct {
	ID   events.ChangeID
	Key  events.Release
	From string // composite status before, "unknown" for the first
	ReleaseFacts
	At       int64 // τ of the cause
	Recorded int64 // recordedtime of the cause
	Cause    Cause
}

// releaseChangeEvent is the CloudEvent of a release's change.
type releaseChangeEvent struct {
	SpecVersion string            `json:"specversion"`
	ID          string            `json:"id"`
	Source      string            `json:"source"`
	Type        string            `json:"type"`
	Subject     string            `json:"subject"`
	Time        time.Time         `json:"time"`
	ContentType string            `json:"datacontenttype"`
	Data        releaseChangeData `json:"data"`
}

type releaseChangeData struct {
	Key        string         `json:"key"`
	Env        string         `json:"env"`
	Release    string         `json:"release"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	At         time.Time      `json:"at"`
	RecordedAt time.Time      `json:"recorded_at"`
	Reason     string         `json:"reason"`
	Members    []MemberStatus `json:"members"`
	Cause      struct {
		Source string `json:"source"`
		ID     string `json:"id"`
	} `json:"cause"`
	Digest   string `json:"digest"`
	Revision uint64 `json:"revision"`
}

// JSON returns the change as the CloudEvent that TT_CHANGES holds. It fails only
// on invalid UTF-8, which no event in the stream has.
func (c *ReleaseChange) JSON() ([]byte, error) {
	d := releaseChangeData{
		Key: c.Key.String(), Env: c.Key.Env, Release: c.Key.Name, From: c.From, To: c.Status,
		At: instant(c.At), RecordedAt: instant(c.Recorded), Reason: c.Reason, Members: c.Members,
		Digest: DigestText(c.Digest(c.Key)), Revision: c.ID.Seq,
	}
	d.Cause.Source, d.Cause.ID = c.Cause.Source, c.Cause.ID
	return json.Marshal(releaseChangeEvent{
		SpecVersion: "1.0", ID: c.ID.String(), Source: SourceProjector, Type: events.TypeReleaseChanged,
		Subject: d.Key, Time: d.At, ContentType: "application/json", Data: d,
	})
}

// ParseReleaseChange reads a message of TT_CHANGES. ok is false for changes of
// other things than releases. It fails on what no projector wrote.
func ParseReleaseChange(raw []byte) (c ReleaseChange, ok bool, err error) {
	var kind struct {
		Type string `json:"type"`
	}
	var e releaseChangeEvent
	malformed := json.Unmarshal(raw, &kind) != nil
	if !malformed && kind.Type != events.TypeReleaseChanged {
		return ReleaseChange{}, false, nil
	}
	if malformed || json.Unmarshal(raw, &e) != nil {
		return ReleaseChange{}, false, events.Errorf(events.CodeMalformed, "a change is not the JSON that a projector writes")
	}
	id, err := events.ParseChangeID(e.ID)
	if err != nil {
		return ReleaseChange{}, false, events.Errorf(events.CodeSchema, "the id of a change is not <incarnation>.<sequence>.<index>")
	}
	key, err := events.ParseRelease(e.Data.Key)
	if err != nil {
		return ReleaseChange{}, false, err
	}
	c = ReleaseChange{
		ID: id, Key: key, From: e.Data.From,
		ReleaseFacts: ReleaseFacts{Status: e.Data.To, Reason: e.Data.Reason, Members: e.Data.Members},
		At:           e.Data.At.UnixNano(), Recorded: e.Data.RecordedAt.UnixNano(),
		Cause: Cause{Source: e.Data.Cause.Source, ID: e.Data.Cause.ID},
	}
	if sum := c.Digest(key); e.Data.Digest != DigestText(sum) {
		return ReleaseChange{}, false, events.Errorf(events.CodeSchema, "the digest of a release's change is not that of its facts")
	}
	return c, true, nil
}
