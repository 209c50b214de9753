package statemachine

import (
	"encoding/binary"
	"math"
	"math/bits"

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

// Texts and times of a state repeat: a source stands in its claim, in the memory
// and in the last mark, a moment in Since, Landed and Finished. The first few of
// each are written once and referred to after that.
const (
	maxTable = 32  // texts and times that can be referred to
	maxKnown = 127 // bytes of a text that can
)

// writer appends a state.
type writer struct {
	b      []byte
	texts  [maxTable]string
	places [4 * maxTable]uint8 // by hash of a text: its place in texts plus 1
	times  [maxTable]int64
	textN  int
	timeN  int
	before int64 // the last time written in full
}

func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) byte(v byte)   { w.b = append(w.b, v) }

func (w *writer) text(texts ...string) {
	for _, s := range texts {
		w.text1(s)
	}
}

// text1 writes twice the length and the bytes, or twice the place of the same
// text before, plus one. Two texts of one hash hide each other, which costs
// bytes only: the reader needs no hash.
func (w *writer) text1(s string) {
	if n := len(s); n > 0 && n <= maxKnown {
		h := (uint(s[0])*7 + uint(s[n/2])*5 + uint(s[n-1])*3 + uint(n)) % uint(len(w.places))
		if at := w.places[h]; at > 0 && w.texts[at-1] == s {
			w.uint(uint64(at-1)<<1 | 1)
			return
		}
		if w.textN < maxTable {
			w.texts[w.textN] = s
			w.textN++
			w.places[h] = uint8(w.textN)
		}
	}
	w.uint(uint64(len(s)) << 1)
	w.b = append(w.b, s...)
}

func (w *writer) list(texts []string) {
	w.uint(uint64(len(texts)))
	w.text(texts...)
}

func (w *writer) labels(labels []Label) {
	w.uint(uint64(len(labels)))
	for _, l := range labels {
		w.text(l.Name, l.Value)
	}
}

// time writes 0 for none, the place of the same time before plus 1, or the
// distance to the last one written in full behind the number that no place has.
func (w *writer) time(times ...int64) {
	for _, t := range times {
		w.time1(t)
	}
}

func (w *writer) time1(t int64) {
	if t == 0 {
		w.byte(0)
		return
	}
	for i := range w.timeN {
		if w.times[i] == t {
			w.byte(byte(i + 1))
			return
		}
	}
	if w.timeN < maxTable {
		w.times[w.timeN] = t
		w.timeN++
	}
	w.byte(maxTable + 1)
	w.b = binary.AppendVarint(w.b, t-w.before)
	w.before = t
}

// appendPercent writes a percentage; most words and states have none, which is
// one byte.
func appendPercent(b []byte, p float64) []byte {
	if p == -1 {
		return append(b, 0)
	}
	// Round numbers have their bits in front.
	return binary.AppendUvarint(append(b, 1), bits.ReverseBytes64(math.Float64bits(p)))
}

// reader reads what the append functions wrote. After the first fault it
// returns zero values; done tells.
type reader struct {
	b      []byte
	failed bool

	// What a writer referred to.
	texts  [maxTable]string
	times  [maxTable]int64
	textN  int
	timeN  int
	before int64
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

// known reads what [writer.text1] wrote.
func (r *reader) known() string {
	n := r.uint()
	if n&1 != 0 {
		if n>>1 >= uint64(r.textN) {
			r.fail()
			return ""
		}
		return r.texts[n>>1]
	}
	if n >>= 1; n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	if s != "" && len(s) <= maxKnown && r.textN < maxTable {
		r.texts[r.textN] = s
		r.textN++
	}
	return s
}

// time reads what [writer.time1] wrote.
func (r *reader) time() int64 {
	switch n := int(r.byte()); {
	case n == 0:
		return 0
	case n <= r.timeN:
		return r.times[n-1]
	case n != maxTable+1:
		r.fail()
		return 0
	}
	t := r.before + r.int()
	if r.before = t; r.timeN < maxTable {
		r.times[r.timeN] = t
		r.timeN++
	}
	return t
}

// list reads a list of texts, each by read.
func (r *reader) list(read func() string) []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = read()
	}
	return out
}

func (r *reader) labels(read func() string) []Label {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]Label, n)
	for i := range out {
		out[i] = Label{read(), read()}
	}
	return out
}

func (r *reader) percent() float64 {
	if r.byte() == 0 {
		return -1
	}
	return math.Float64frombits(bits.ReverseBytes64(r.uint()))
}

func asJSON(s string) jsontext.Value {
	if s == "" {
		return nil
	}
	return jsontext.Value(s)
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
