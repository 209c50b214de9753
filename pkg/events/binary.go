package events

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// DecodeBinary reads an event in binary mode of the CloudEvents HTTP binding:
// the attributes from ce-* headers, whose names may be in any case, the content
// type from Content-Type, and the data from body. A JSON body is held to what
// [Decode] demands and becomes Data; without a content type a body is JSON;
// any other body becomes DataBase64. The limit in bytes counts attributes and
// body together. It refuses with [CodeSchema] a header that is given twice, or
// is not encoded as the binding says (section 3.1.3.2). The result shares no
// memory with body.
func DecodeBinary(header map[string][]string, body []byte, limits Limits) (*Event, error) {
	limits = limits.orDefault()
	e := new(Event)
	size, version := len(body), ""
	seen := make(map[string]bool, len(header))
	for key, values := range header {
		key = strings.ToLower(key)
		name, isAttribute := strings.CutPrefix(key, "ce-")
		if key == "content-type" {
			name, isAttribute = "datacontenttype", true
		} else if name == "datacontenttype" {
			return nil, Errorf(CodeSchema, "ce-datacontenttype: the content type belongs in Content-Type")
		}
		if !isAttribute {
			continue
		}
		if len(values) != 1 || seen[name] {
			return nil, Errorf(CodeSchema, "a CloudEvents header is given more than once")
		}
		seen[name] = true
		size += len(name) + len(values[0])
		value := values[0]
		if name != "datacontenttype" {
			var ok bool
			if value, ok = decodeHeader(value); !ok {
				return nil, Errorf(CodeSchema, "a CloudEvents header is not percent-encoded UTF-8")
			}
		}
		if name == "specversion" {
			version = value
		} else if err := e.SetAttribute(name, value); err != nil {
			return nil, err
		}
	}
	if size > limits.Bytes {
		return nil, Errorf(CodeTooLarge, "event has %d bytes, the limit is %d", size, limits.Bytes)
	}
	if version != specVersion {
		return nil, Errorf(CodeSchema, "ce-specversion is not %q", specVersion)
	}
	if err := e.SetBody(body, limits); err != nil {
		return nil, err
	}
	return e, nil
}

// SetBody sets the payload of e from the bytes that a binding carries beside the
// attributes, by e.DataContentType: JSON, also without a content type, becomes
// Data, and refuses with [CodeMalformed] what [Decode] refuses in an event's
// data; all else becomes DataBase64. An empty body changes nothing. The limit in
// bytes is the caller's to check, who knows the attributes. e shares no memory
// with body.
func (e *Event) SetBody(body []byte, limits Limits) error {
	if len(body) == 0 {
		return nil
	}
	limits = limits.orDefault()
	if !isJSON(e.DataContentType) {
		e.DataBase64 = base64.StdEncoding.EncodeToString(body)
		return nil
	}
	// One level for the envelope that the body has not.
	limits.Depth--
	if err := inspect(body, limits); err != nil {
		return err
	}
	data, err := Canonical(body)
	if err != nil {
		return err
	}
	e.Data = data
	return nil
}

// decodeHeader undoes what the HTTP binding does to an attribute: first a
// quoted string, which older senders use, then one round of percent-encoding.
func decodeHeader(s string) (string, bool) {
	if strings.HasPrefix(s, `"`) {
		var ok bool
		if s, ok = unquoteHeader(s); !ok {
			return "", false
		}
	}
	if strings.IndexByte(s, '%') >= 0 {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				b = append(b, s[i])
				continue
			}
			if i+2 >= len(s) || !isHex(s[i+1:i+3]) {
				return "", false
			}
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		}
		s = string(b)
	}
	return s, utf8.ValidString(s)
}

// unquoteHeader reads a quoted-string of RFC 7230, section 3.2.6.
func unquoteHeader(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return string(b), i == len(s)-1
		case '\\':
			if i++; i == len(s) {
				return "", false
			}
		}
		b = append(b, s[i])
	}
	return "", false
}

// unhex returns the value of one hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
