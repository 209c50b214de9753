package events

import (
	"encoding/base64"
	"mime"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of the attributes, in bytes of UTF-8. The envelope's schema
// (schemas/cloudevent.json) gives the same figures.
const (
	maxID         = 256
	maxSource     = 512
	maxType       = 256
	maxSubject    = 512
	maxMediaType  = 256
	maxSequence   = 64
	maxTrace      = 512
	maxExtensions = 32
	maxExtension  = 1024
)

// Validate holds the event against the vocabulary: the attributes, the subject
// against the type, and the data of the known types. It answers with an
// [*Error] that carries [CodeBadID] for the id and the subject, [CodeType] for
// a type that may not come in, and [CodeSchema] for everything else. It does
// not judge the time ([CheckTime]), nor who may say what, nor duplicate keys in
// the data, which [Decode], [Event.SetData] and [Event.Content] refuse.
func (e *Event) Validate() error { return e.ValidateWith(nil) }

// ValidateWith is [Event.Validate] for a caller that has registered types of
// its own: a type outside ours passes when custom says so, and its data is the
// caller's to check. custom may be nil. It is never asked about a type under
// dev.telltale, which is ours alone.
func (e *Event) ValidateWith(custom func(typ string) bool) error {
	if err := e.checkAttributes(); err != nil {
		return err
	}
	known, ok := vocabulary[e.Type]
	if !ok && (custom == nil || isOurs(e.Type) || !custom(e.Type)) {
		return refuseType(e.Type)
	}
	if _, err := e.Place(); err != nil {
		return err
	}
	if !ok {
		return nil
	}
	return e.checkData(known)
}

// Known reports whether typ is one of our types that may come in through a
// door. A tick is one, although only importers may bring it: that is for
// ingest to decide.
func Known(typ string) bool {
	_, ok := vocabulary[typ]
	return ok
}

// CheckTime refuses with [CodeClock] a time of occurrence that cannot be:
// before 2000, or more than 24 hours ahead of now, the recorder's clock. The
// zero time, which means that the event has none, passes.
func CheckTime(occurred, now time.Time) error {
	switch {
	case occurred.IsZero():
		return nil
	case occurred.Before(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)):
		return Errorf(CodeClock, "time is before the year 2000")
	case occurred.After(now.Add(24 * time.Hour)):
		return Errorf(CodeClock, "time is more than 24 hours ahead of the recorder").
			WithHint("check the clock of the emitter, or leave time out: then the time of recording counts")
	}
	return nil
}

// ours is the name space of types that only Telltale defines.
const ours = "dev.telltale."

func isOurs(typ string) bool { return strings.HasPrefix(typ, ours) }

func refuseType(typ string) error {
	if isOurs(typ) {
		return Errorf(CodeType, "no event of this type may come in").
			WithHint("types under dev.telltale are defined by Telltale; those that it says itself cannot be sent to it")
	}
	return Errorf(CodeType, "the event type is not registered").
		WithHint("register a JSON Schema for the type, or send one of the dev.telltale types")
}

func (e *Event) checkAttributes() error {
	if e.ID == "" || len(e.ID) > maxID || !isPlain(e.ID) {
		return Errorf(CodeBadID, "id is not 1 to %d bytes without control characters", maxID)
	}
	if err := checkSource(e.Source); err != nil {
		return err
	}
	if e.Type == "" || len(e.Type) > maxType || !isPlain(e.Type) {
		return Errorf(CodeSchema, "type is not 1 to %d bytes without control characters", maxType)
	}
	for _, a := range [...]struct {
		name, value string
		limit       int
	}{
		{"datacontenttype", e.DataContentType, maxMediaType},
		{"dataschema", e.DataSchema, maxSource},
		{"sequence", e.Sequence, maxSequence},
		{"traceparent", e.TraceParent, maxTrace},
		{"tracestate", e.TraceState, maxTrace},
		{"recorder", e.Recorder, maxNameLen},
		{"emitter", e.Emitter, maxID},
		{"originalid", e.OriginalID, maxExtension},
	} {
		if len(a.value) > a.limit || !isPlain(a.value) {
			return Errorf(CodeSchema, "%s is not at most %d bytes without control characters", a.name, a.limit)
		}
	}
	if len(e.Extensions) > maxExtensions {
		return Errorf(CodeSchema, "the event has more than %d extension attributes", maxExtensions)
	}
	for name, value := range e.Extensions {
		if !isExtension(name) {
			return Errorf(CodeSchema, "an extension's name is not [a-z0-9]{1,%d}, or is reserved", maxAttributeName)
		}
		if len(value) > maxExtension || !isPlain(value) {
			return Errorf(CodeSchema, "%s is not at most %d bytes without control characters", name, maxExtension)
		}
	}
	return e.checkPayload()
}

// checkSource accepts what net/url takes for a URI-reference: a path like
// /ci/job is the usual one.
func checkSource(s string) error {
	if s == "" || len(s) > maxSource || !isPlain(s) {
		return Errorf(CodeSchema, "source is not 1 to %d bytes without control characters", maxSource)
	}
	if isPath(s) {
		return nil
	}
	if _, err := url.Parse(s); err != nil {
		return Errorf(CodeSchema, "source is not a URI-reference")
	}
	return nil
}

// isPath reports whether s is an absolute path of letters, digits and "/._-",
// which needs no parser to be a URI-reference.
func isPath(s string) bool {
	if s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '/' && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func (e *Event) checkPayload() error {
	if e.DataContentType != "" && e.DataContentType != "application/json" {
		if _, _, err := mime.ParseMediaType(e.DataContentType); err != nil {
			return Errorf(CodeSchema, "datacontenttype is not a media type")
		}
	}
	if e.DataBase64 == "" {
		return nil
	}
	if e.Data != nil {
		return Errorf(CodeSchema, "data and data_base64 exclude each other")
	}
	if _, err := base64.StdEncoding.DecodeString(e.DataBase64); err != nil {
		return Errorf(CodeSchema, "data_base64 is not base64")
	}
	return nil
}

// isPlain reports whether s is a CloudEvents String as far as we care: valid
// UTF-8 without control characters (U+0000–001F, U+007F–009F).
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return isPlainUnicode(s[i:])
		}
	}
	return true
}

func isPlainUnicode(s string) bool {
	for _, r := range s {
		if r < 0x20 || 0x7f <= r && r < 0xa0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
