package events

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Event is a CloudEvent 1.0 as Telltale reads and writes it. The zero value is
// not valid. An Event is a value: functions of this package never keep one.
type Event struct {
	ID              string
	Source          string
	Type            string
	Subject         string
	Time            time.Time // zero: the time of recording counts
	DataContentType string    // "" means application/json
	DataSchema      string
	Sequence        string // as sent; see [ParseSequence]
	Contiguous      bool   // this source numbers without gaps
	TraceParent     string
	TraceState      string

	// Stamped by ingest, overwriting what came from outside.
	RecordedTime time.Time // strictly increasing per recorder
	Recorder     string    // configured name of the ingest
	Emitter      string    // authenticated identity
	OriginalID   string    // the tool's own id, when an adapter derived ID

	// Extensions holds all other context attributes. Booleans and integers are
	// kept as their canonical strings, since the HTTP binding tells no kinds.
	Extensions map[string]string

	// Data is the payload as JSON, nil when there is none. It is canonical once
	// decoded.
	Data jsontext.Value

	// DataBase64 holds a binary payload, as sent.
	DataBase64 string

	// timeText keeps the time as it was sent, so that content does not depend
	// on how we would have written it.
	timeText string
}

// Content returns what the emitter sent as canonical JSON (RFC 8785), without
// what ingest stamps: the bytes that decide whether two events are one. Nothing
// that differs between the bindings is in it: extensions are strings, and a
// content type that says application/json is left out.
// It fails only on data that is not JSON.
func (e *Event) Content() ([]byte, error) {
	// In canonical order, which extensions may disturb.
	fields := make([]field, 0, 16)
	add := func(name, s string) {
		if s != "" {
			fields = append(fields, field{name: name, text: s})
		}
	}
	if e.Contiguous {
		fields = append(fields, field{name: "contiguous", json: jsontext.Value("true")})
	}
	if e.Data != nil {
		fields = append(fields, field{name: "data", json: e.Data})
	}
	add("data_base64", e.DataBase64)
	if !saysPlainJSON(e.DataContentType) {
		add("datacontenttype", e.DataContentType)
	}
	add("dataschema", e.DataSchema)
	add("id", e.ID)
	add("sequence", e.Sequence)
	add("source", e.Source)
	add("specversion", specVersion)
	add("subject", e.Subject)
	add("time", e.timeString())
	add("traceparent", e.TraceParent)
	add("tracestate", e.TraceState)
	add("type", e.Type)
	if len(e.Extensions) > 0 {
		for name, s := range e.Extensions {
			fields = append(fields, field{name: name, text: s})
		}
		slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	}
	// With room for the names and the stamps.
	size := 448 + len(e.Data) + len(e.ID) + len(e.Source) + len(e.Subject) + len(e.Type)
	return appendObject(make([]byte, 0, size), fields)
}

// specVersion is the version of CloudEvents that we speak.
const specVersion = "1.0"

// saysPlainJSON reports whether a content type says what its absence says.
func saysPlainJSON(contentType string) bool {
	switch strings.ToLower(strings.ReplaceAll(contentType, " ", "")) {
	case "application/json", "application/json;charset=utf-8":
		return true
	}
	return false
}

// Stamped returns the stored form of an event: its content, as [Event.Content]
// returned it, with the attributes that ingest stamps behind it. It writes into
// content, which is the caller's no more: whoever needs its [MsgID] takes it
// before.
func (e *Event) Stamped(content []byte) []byte {
	out := content[:len(content)-1]
	stamp := func(name, s string) {
		if s == "" {
			return
		}
		out = append(out, `,"`...)
		out = append(out, name...)
		out = append(out, `":`...)
		out = appendString(out, s)
	}
	stamp("emitter", e.Emitter)
	stamp("originalid", e.OriginalID)
	if !e.RecordedTime.IsZero() {
		out = append(out, `,"recordedtime":"`...)
		out = e.RecordedTime.UTC().AppendFormat(out, RecordedFormat)
		out = append(out, '"')
	}
	stamp("recorder", e.Recorder)
	return append(out, '}')
}

// Encode returns the event as structured-mode JSON, stamps included.
func (e *Event) Encode() ([]byte, error) {
	content, err := e.Content()
	if err != nil {
		return nil, err
	}
	return e.Stamped(content), nil
}

// RecordedFormat is the layout of recordedtime: always nanoseconds, always UTC.
const RecordedFormat = "2006-01-02T15:04:05.000000000Z"

// MsgID returns the Nats-Msg-Id of an event: a hash over (source, id, content).
// The server then drops a repeat and never a different content under the same
// identity. It is 32 characters of URL-safe base64 and doubles as the content
// hash of the projection.
func MsgID(source, id string, content []byte) string {
	h := sha256.New()
	var n [4]byte
	for _, s := range [...]string{source, id} {
		n[0], n[1], n[2], n[3] = byte(len(s)>>24), byte(len(s)>>16), byte(len(s)>>8), byte(len(s))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	h.Write(content)
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0])[:24])
}

func (e *Event) timeString() string {
	switch {
	case e.timeText != "":
		return e.timeText
	case e.Time.IsZero():
		return ""
	default:
		return e.Time.Format(time.RFC3339Nano)
	}
}

// SetTime sets the time of occurrence, forgetting how it was written before.
func (e *Event) SetTime(t time.Time) { e.Time, e.timeText = t, "" }

// field is one member of the envelope: JSON where there is some, else text.
type field struct {
	name, text string
	json       jsontext.Value
}

func appendObject(b []byte, fields []field) (_ []byte, err error) {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f.name...)
		b = append(b, `":`...)
		if f.json == nil {
			b = appendString(b, f.text)
		} else if b, err = appendCanonical(b, f.json); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendString appends s as a JSON string as RFC 8785 writes it. Invalid UTF-8,
// which Decode and Validate refuse, becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0 // from here on s stands as it is
	for i := 0; i < len(s); {
		if c := s[i]; 0x20 <= c && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		b = appendRune(append(b, s[plain:i]...), r)
		i += n
		plain = i
	}
	return append(append(b, s[plain:]...), '"')
}

// appendRune appends a rune that may need an escape.
func appendRune(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if r < 0x20 {
		const digits = "0123456789abcdef"
		return append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
	return utf8.AppendRune(b, r)
}
