package events

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what a single event may be. The zero value of a field means its
// default.
type Limits struct {
	Bytes int // whole event, default 64 KiB
	Depth int // nesting of JSON, default 32
	Keys  int // members of all objects together, default 1,000
}

// DefaultLimits are the limits of the contract.
func DefaultLimits() Limits { return Limits{Bytes: 64 << 10, Depth: 32, Keys: 1000} }

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	if l.Keys == 0 {
		l.Keys = d.Keys
	}
	return l
}

// Decode reads one structured-mode event. It refuses with [CodeTooLarge] what
// is over the limits in bytes and with [CodeMalformed] what is not JSON that
// every parser reads alike: a byte-order mark, duplicate keys, trailing data,
// invalid UTF-8, deeper or more keys than the limits, integers beyond 2^53 and
// numbers beyond a float64; with [CodeSchema] attributes of the wrong kind. The
// data is in canonical form. The result shares no memory with raw; its
// attributes but the subject share memory with each other, so that whoever keeps
// one for long clones it. It is not yet validated.
func Decode(raw []byte, limits Limits) (*Event, error) {
	limits = limits.orDefault()
	if len(raw) > limits.Bytes {
		return nil, Errorf(CodeTooLarge, "event has %d bytes, the limit is %d", len(raw), limits.Bytes)
	}
	s := scanner{in: raw, depth: limits.Depth, keys: limits.Keys}
	if e, ok := s.event(); ok {
		return e, nil
	}
	if err := inspect(raw, limits); err != nil {
		return nil, err
	}
	return decode(raw)
}

// DecodeStored reads an event that ingest has written: what [Decode] does, but
// without the limits, which were checked at the door.
func DecodeStored(raw []byte) (*Event, error) {
	s := scan(raw)
	if e, ok := s.event(); ok {
		return e, nil
	}
	return decode(raw)
}

// decode reads any event, at the pace of package json, and says what is wrong
// with what is none.
func decode(raw []byte) (*Event, error) {
	r := envelopeReader{new(Event)}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, malformed(err)
	}
	return r.event, nil
}

// envelopeReader reads an event with a decoder that package json lends: it has
// a pool of them, and sees to it that nothing follows.
type envelopeReader struct{ event *Event }

// UnmarshalJSONFrom reads one JSON object.
func (r *envelopeReader) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	e, version := r.event, ""
	tok, err := d.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '{' {
		return Errorf(CodeMalformed, "an event is a JSON object")
	}
	for {
		tok, err := d.ReadToken()
		if err != nil {
			return err
		}
		if tok.Kind() == '}' {
			break
		}
		name := tok.String()
		val, err := d.ReadValue()
		if err != nil {
			return err
		}
		if name == "specversion" {
			version = val.String()
		} else if err := e.set(name, val); err != nil {
			return err
		}
	}
	if version != `"`+specVersion+`"` {
		return Errorf(CodeSchema, "specversion is not %q", specVersion)
	}
	if e.Data != nil && e.DataBase64 != "" {
		return Errorf(CodeSchema, "data and data_base64 exclude each other")
	}
	return nil
}

// malformed passes our own refusals on and hides the parser's text: it may
// quote the payload.
func malformed(err error) error {
	var refused *Error
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, jsontext.ErrDuplicateName):
		return Errorf(CodeMalformed, "JSON has a duplicate key")
	case errors.As(err, &syn):
		return Errorf(CodeMalformed, "not valid JSON at byte %d", syn.ByteOffset)
	default:
		return Errorf(CodeMalformed, "not valid JSON")
	}
}
