package view

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/pkg/events"
)

// changeEvent is a change as it is read back.
type changeEvent struct {
	ID   string     `json:"id"`
	Type string     `json:"type"`
	Data changeData `json:"data"`
}

// changeData is the data of a change as it is read back.
type changeData struct {
	Key        string    `json:"key"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	Attempt    uint32    `json:"attempt"`
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Reason     string    `json:"reason"`
	Late       bool      `json:"late"`
	Amends     string    `json:"amends"`
	Cause      struct {
		Source string `json:"source"`
		ID     string `json:"id"`
	} `json:"cause"`
	Conditions []string `json:"conditions"`
	Version    string   `json:"version"`
	Release    string   `json:"release"`
	Owner      string   `json:"owner"`
	Percent    *float64 `json:"percent"`
	Message    string   `json:"message"`
	Marks      []string `json:"marks"`
	Digest     string   `json:"digest"`
}

// ParseChange reads a message of TT_CHANGES. ok is false for changes of other
// things than deployments. It fails on what no projector wrote.
func ParseChange(raw []byte) (c Change, ok bool, err error) {
	var e changeEvent
	if !e.readAsWritten(raw) {
		e = changeEvent{}
		if err := json.Unmarshal(raw, &e); err != nil {
			return Change{}, false, events.Errorf(events.CodeMalformed, "a change is not the JSON that a projector writes")
		}
	}
	if e.Type != events.TypeDeploymentChanged {
		return Change{}, false, nil
	}
	if c, err = e.change(); err != nil {
		return Change{}, false, err
	}
	return c, true, nil
}

func (e *changeEvent) change() (Change, error) {
	id, err := events.ParseChangeID(e.ID)
	if err != nil {
		return Change{}, events.Errorf(events.CodeSchema, "the id of a change is not <incarnation>.<sequence>.<index>")
	}
	d := &e.Data
	c := Change{
		ID: id, Key: d.Key, From: d.From,
		Facts: Facts{
			Status: d.To, Attempt: d.Attempt, Conditions: d.Conditions, Version: d.Version,
			Release: d.Release, Owner: d.Owner, Percent: -1, Message: d.Message,
		},
		At: d.At.UnixNano(), Recorded: d.RecordedAt.UnixNano(), Reason: d.Reason, Late: d.Late,
		Cause: Cause{Source: d.Cause.Source, ID: d.Cause.ID}, Marks: d.Marks,
	}
	if d.Percent != nil {
		c.Percent = *d.Percent
	}
	if d.Amends != "" {
		if c.Amends, err = events.ParseChangeID(d.Amends); err != nil {
			return Change{}, events.Errorf(events.CodeSchema, "what a change amends is not <incarnation>.<sequence>.<index>")
		}
	}
	digest, err := hex.DecodeString(strings.TrimPrefix(d.Digest, "sha256:"))
	if err != nil || copy(c.Digest[:], digest) != len(c.Digest) {
		return Change{}, events.Errorf(events.CodeSchema, "the digest of a change is not sha256:<hex>")
	}
	return c, nil
}

// readAsWritten reads a change that is, byte for byte, laid out as
// [Change.AppendJSON] does it, in less than half the time that reading any JSON
// takes: a rebuild reads all changes there ever were. It gives up (false) on
// what is rare, escapes and percentages, and on any other layout; what it reads
// is what package json would.
func (e *changeEvent) readAsWritten(raw []byte) bool {
	r := changeReader{rest: raw}
	d := &e.Data
	r.skip(`{"specversion":"1.0","id":`)
	e.ID = r.text()
	r.skip(`,"source":"` + SourceProjector + `","type":"` + events.TypeDeploymentChanged + `","subject":`)
	e.Type = events.TypeDeploymentChanged
	r.plain()
	r.skip(`,"time":`)
	r.plain()
	r.skip(`,"datacontenttype":"application/json","data":{"key":`)
	d.Key = r.text()
	r.skip(`,"from":`)
	d.From = r.text()
	r.skip(`,"to":`)
	d.To = r.text()
	r.skip(`,"attempt":`)
	d.Attempt = uint32(r.number(32))
	r.skip(`,"at":`)
	d.At = r.time()
	r.skip(`,"recorded_at":`)
	d.RecordedAt = r.time()
	r.skip(`,"reason":`)
	d.Reason = r.text()
	r.skip(`,"late":`)
	if d.Late = r.has("true"); !d.Late {
		r.skip("false")
	}
	r.skip(`,"amends":`)
	if !r.has("null") {
		d.Amends = r.text()
	}
	r.skip(`,"cause":{"source":`)
	d.Cause.Source = r.text()
	r.skip(`,"id":`)
	d.Cause.ID = r.text()
	r.skip(`},"conditions":`)
	d.Conditions = r.texts()
	r.skip(`,"version":`)
	d.Version = r.text()
	r.skip(`,"release":`)
	d.Release = r.text()
	r.skip(`,"owner":`)
	d.Owner = r.text()
	r.skip(`,"percent":null,"message":`)
	d.Message = r.text()
	r.skip(`,"marks":`)
	d.Marks = r.texts()
	r.skip(`,"digest":`)
	d.Digest = r.text()
	r.skip(`,"revision":`)
	r.number(64)
	r.skip("}}")
	return !r.bad && len(r.rest) == 0
}

// changeReader reads from the front of rest. Once something is not as expected
// bad is set, and what is read means nothing.
type changeReader struct {
	rest []byte
	bad  bool
}

// has reports whether s comes next, and if so skips it.
func (r *changeReader) has(s string) bool {
	ok := len(r.rest) >= len(s) && string(r.rest[:len(s)]) == s
	if ok {
		r.rest = r.rest[len(s):]
	}
	return ok
}

func (r *changeReader) skip(s string) {
	if !r.bad && !r.has(s) {
		r.bad = true
	}
}

// plain returns what is between the quotes of a string of printable ASCII
// without escapes: there is nothing to decode or to check.
func (r *changeReader) plain() []byte {
	if r.skip(`"`); r.bad {
		return nil
	}
	for i, c := range r.rest {
		switch {
		case c == '"':
			s := r.rest[:i]
			r.rest = r.rest[i+1:]
			return s
		case c < ' ' || c > '~' || c == '\\':
			r.bad = true
			return nil
		}
	}
	r.bad = true
	return nil
}

// text returns a copy: a belief outlives its message by far.
func (r *changeReader) text() string { return string(r.plain()) }

func (r *changeReader) texts() []string {
	r.skip("[")
	texts := []string{}
	if r.has("]") {
		return texts
	}
	for !r.bad {
		texts = append(texts, r.text())
		if r.has("]") {
			break
		}
		r.skip(",")
	}
	return texts
}

func (r *changeReader) time() (t time.Time) {
	if err := t.UnmarshalText(r.plain()); err != nil {
		r.bad = true
	}
	return t
}

func (r *changeReader) number(bits int) uint64 {
	n := 0
	for n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	digits := r.rest[:n]
	v, err := strconv.ParseUint(string(digits), 10, bits)
	if err != nil || n > 1 && bytes.HasPrefix(digits, []byte("0")) {
		r.bad = true
	}
	r.rest = r.rest[n:]
	return v
}
