package statemachine

import (
	"encoding/binary"

	"github.com/go-json-experiment/json/jsontext"
)

func appendText(b []byte, texts ...string) []byte {
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	return appendText(b, texts...)
}

func appendLabels(b []byte, labels []Label) []byte {
	b = binary.AppendUvarint(b, uint64(len(labels)))
	for _, l := range labels {
		b = appendText(b, l.Name, l.Value)
	}
	return b
}

func appendFlags(b []byte, flags ...bool) []byte {
	var f byte
	for i, set := range flags {
		if set {
			f |= 1 << i
		}
	}
	return append(b, f)
}

// reader reads what the append functions wrote. After the first fault it
// returns zero values; done tells.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) fail() { r.failed, r.b = true, nil }

func (r *reader) version(want byte) {
	if r.byte() != want {
		r.fail()
	}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a length. Each item takes a byte at least, so that damaged bytes
// never make us allocate more than they hold.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count()
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) texts() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.text()
	}
	return out
}

func (r *reader) labels() []Label {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]Label, n)
	for i := range out {
		out[i] = Label{r.text(), r.text()}
	}
	return out
}

func (r *reader) json() jsontext.Value {
	if s := r.text(); s != "" {
		return jsontext.Value(s)
	}
	return nil
}

func (r *reader) flags(flags ...*bool) {
	f := r.byte()
	for i, set := range flags {
		*set = f&(1<<i) != 0
	}
}

func (r *reader) done() error {
	if r.failed || len(r.b) != 0 {
		return ErrCodec
	}
	return nil
}
