package store

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrCodec says that a row is not one that this version wrote: the store is
// damaged.
var ErrCodec = errors.New("store: a row cannot be read")

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

// appendTextOr writes one byte for a text that is equal to another one, which
// the reader will know.
func appendTextOr(b []byte, s, known string) []byte {
	if s == known {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(s))+1)
	return append(b, s...)
}

func appendFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
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

// decoder reads what the append functions wrote. After the first fault it
// returns zero values; done tells. What it returns shares no memory with b.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) fail() { d.failed, d.b = true, nil }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a length. Each item takes a byte at least, so that damaged bytes
// never make us allocate more than they hold.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	n := d.count()
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() string { return string(d.bytes()) }

// textOr reads what appendTextOr wrote.
func (d *decoder) textOr(known string) string {
	n := d.uint()
	if n == 0 {
		return known
	}
	if n-1 > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n-1])
	d.b = d.b[n-1:]
	return s
}

func (d *decoder) float() float64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(d.b))
	d.b = d.b[8:]
	return f
}

func (d *decoder) texts() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.text()
	}
	return out
}

func (d *decoder) flags(flags ...*bool) {
	f := d.byte()
	for i, set := range flags {
		*set = f&(1<<i) != 0
	}
}

func (d *decoder) done() error {
	if d.failed || len(d.b) != 0 {
		return ErrCodec
	}
	return nil
}
