package store

import (
	"encoding/binary"

	"github.com/telltale-dev/telltale/internal/view"
)

// SourceRow is what was heard of a source that is to speak every so often, or to
// number without gaps.
type SourceRow struct {
	Last       int64 // when its last event was recorded, Unix nanoseconds
	Contiguous bool  // it says of itself that it numbers without gaps
	Numbers    view.Numbers
}

// PutSource writes what was heard of a source.
func (w *Writer) PutSource(source string, s *SourceRow) error {
	b := appendFlags(nil, s.Contiguous)
	b = binary.AppendVarint(b, s.Last)
	b = binary.AppendUvarint(b, s.Numbers.Lost)
	b = binary.AppendUvarint(b, uint64(len(s.Numbers.Heard)))
	for _, r := range s.Numbers.Heard {
		b = binary.AppendUvarint(binary.AppendUvarint(b, r.From), r.To)
	}
	return w.Put(keySource(source), b)
}

// Sources returns every source of which that was kept.
func (r *Reader) Sources() (map[string]*SourceRow, error) {
	out := make(map[string]*SourceRow)
	err := r.Scan([]byte{kindSource}, nil, func(k, v []byte) (bool, error) {
		d := decoder{b: v}
		s := new(SourceRow)
		d.flags(&s.Contiguous)
		s.Last, s.Numbers.Lost = d.int(), d.uint()
		for range d.count() {
			s.Numbers.Heard = append(s.Numbers.Heard, view.Range{From: d.uint(), To: d.uint()})
		}
		out[string(k[1:])] = s
		return true, d.done()
	})
	return out, err
}
