package events

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseBatch cuts a JSON array of events into its elements, which share memory
// with raw and may be anything. It refuses with [CodeMalformed] what is not one
// array and with [CodeTooLarge] more than maxEvents elements. Duplicate keys
// and invalid UTF-8 inside an element are left to [Decode], so that one bad
// event does not take the others with it.
func ParseBatch(raw []byte, maxEvents int) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '[' {
		return nil, Errorf(CodeMalformed, "a batch is a JSON array")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	var elements []jsontext.Value
	for d.PeekKind() != ']' {
		if len(elements) == maxEvents {
			return nil, Errorf(CodeTooLarge, "the batch has more than %d events", maxEvents)
		}
		v, err := d.ReadValue()
		if err != nil {
			return nil, malformed(err)
		}
		// v is the decoder's only until its next call; the same bytes of raw are
		// the caller's.
		end := int(d.InputOffset())
		elements = append(elements, jsontext.Value(raw[end-len(v):end:end]))
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, Errorf(CodeMalformed, "data after the end of the batch")
	}
	return elements, nil
}
