package events

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// set stores one member of the JSON object. A null member counts as absent
// (CloudEvents JSON format, section 2.2).
func (e *Event) set(name string, val jsontext.Value) error {
	if name == "data" {
		data, err := Canonical(val)
		e.Data = data
		return err
	}
	if val.Kind() == 'n' {
		return nil
	}
	if val.Kind() != '"' && mustBeString(name) {
		return Errorf(CodeSchema, "%s is not a string", name)
	}
	s, err := canonicalString(name, val)
	if err != nil {
		return err
	}
	if name == "data_base64" {
		e.DataBase64 = s
		return nil
	}
	return e.SetAttribute(name, s)
}

// mustBeString reports whether an attribute is a string by CloudEvents itself.
// Extensions may come as any kind: their kind is lost in the HTTP binding.
func mustBeString(name string) bool {
	switch name {
	case "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data_base64":
		return true
	}
	return false
}

// canonicalString returns an attribute's canonical string (CloudEvents, section
// "Type System").
func canonicalString(name string, val jsontext.Value) (string, error) {
	switch val.Kind() {
	case '"':
		b, err := jsontext.AppendUnquote(nil, val)
		if err != nil {
			return "", Errorf(CodeMalformed, "an attribute %s", broken)
		}
		return string(b), nil
	case 't', 'f':
		return string(val), nil
	case '0':
		if n, err := strconv.ParseInt(string(val), 10, 32); err == nil {
			return strconv.FormatInt(n, 10), nil
		}
	}
	if !isAttributeName(name) {
		name = "an attribute"
	}
	return "", Errorf(CodeSchema, "%s is not a string, a boolean or a 32-bit integer", name)
}

// SetAttribute sets one context attribute by its CloudEvents name from its
// canonical string: the form in which every binding can say it. It refuses with
// [CodeSchema] a value of the wrong kind, a name outside [a-z0-9]{1,64}, and
// specversion and data, which are not the caller's to set. The other bounds
// are for [Event.Validate].
func (e *Event) SetAttribute(name, s string) error {
	if !utf8.ValidString(s) {
		return Errorf(CodeMalformed, "an attribute is not valid UTF-8")
	}
	if text := e.textAttribute(name); text != nil {
		*text = s
		return nil
	}
	switch name {
	case "time":
		t, ok := parseTime(s)
		if !ok {
			return Errorf(CodeSchema, "time is not RFC 3339")
		}
		e.Time, e.timeText = t, s
	case "recordedtime":
		t, ok := parseTime(s)
		if !ok {
			return Errorf(CodeSchema, "recordedtime is not RFC 3339")
		}
		e.RecordedTime = t
	case "contiguous":
		if s != "true" && s != "false" {
			return Errorf(CodeSchema, "contiguous is not a boolean")
		}
		e.Contiguous = s == "true"
	default:
		if !isExtension(name) {
			return Errorf(CodeSchema, "an attribute name is not [a-z0-9]{1,%d}, or is reserved", maxAttributeName)
		}
		if e.Extensions == nil {
			e.Extensions = make(map[string]string)
		}
		e.Extensions[name] = s
	}
	return nil
}

// textAttribute returns where a string attribute is kept, or nil.
func (e *Event) textAttribute(name string) *string {
	switch name {
	case "id":
		return &e.ID
	case "source":
		return &e.Source
	case "type":
		return &e.Type
	case "subject":
		return &e.Subject
	case "datacontenttype":
		return &e.DataContentType
	case "dataschema":
		return &e.DataSchema
	case "sequence":
		return &e.Sequence
	case "traceparent":
		return &e.TraceParent
	case "tracestate":
		return &e.TraceState
	case "recorder":
		return &e.Recorder
	case "emitter":
		return &e.Emitter
	case "originalid":
		return &e.OriginalID
	}
	return nil
}

// maxAttributeName is generous: CloudEvents recommends 20, but forbids no more.
const maxAttributeName = 64

func isAttributeName(s string) bool {
	if len(s) == 0 || len(s) > maxAttributeName {
		return false
	}
	for i := range len(s) {
		if !isLower(s[i]) {
			return false
		}
	}
	return true
}

// isExtension reports whether a name is free for an extension: a second "id" in
// Extensions would be written beside the first.
func isExtension(name string) bool {
	switch name {
	case "data", "specversion", "time", "recordedtime", "contiguous":
		return false
	}
	return isAttributeName(name) && new(Event).textAttribute(name) == nil
}

// parseTime reads RFC 3339. Package time takes more: a comma for the point, one
// digit for an hour, an offset of 24 hours or 60 minutes.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':' || strings.Contains(s, ",") {
		return time.Time{}, false
	}
	if end := len(s); s[end-1] != 'Z' && (s[end-5:end-3] > "23" || s[end-2:] > "59") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}
