package events

import "github.com/go-json-experiment/json/jsontext"

// ParseBatch cuts a JSON array of events into its elements, which share memory
// with raw and may be anything. It refuses with [CodeMalformed] what is not one
// array and with [CodeTooLarge] more than maxEvents elements. Duplicate keys
// and invalid UTF-8 inside an element are left to [Decode], so that one bad
// event does not take the others with it.
func ParseBatch(raw []byte, maxEvents int) ([]jsontext.Value, error) {
	s := scan(raw)
	s.anyText = true
	if s.peek() != '[' {
		return nil, Errorf(CodeMalformed, "a batch is a JSON array")
	}
	s.open('[')
	var elements []jsontext.Value
	for n := 0; s.more(']', n); n++ {
		if n == maxEvents {
			return nil, Errorf(CodeTooLarge, "the batch has more than %d events", maxEvents)
		}
		v := s.value()
		elements = append(elements, v[:len(v):len(v)])
	}
	switch {
	case s.bad:
		return nil, Errorf(CodeMalformed, "not valid JSON at byte %d", s.at)
	case !s.end():
		return nil, Errorf(CodeMalformed, "data after the end of the batch")
	}
	return elements, nil
}
