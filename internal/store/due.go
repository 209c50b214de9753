package store

import (
	"encoding/binary"
	"strings"
)

// Due says when a deployment has to be looked at again because its next deadline
// may have passed. It may have moved back since.
type Due struct {
	At         int64 // Unix nanoseconds
	Deployment string
}

// PutDue lets a tick of a region find a deployment.
func (w *Writer) PutDue(region string, at int64, deployment string) error {
	return w.Put(w.arena.keep(keyDue(w.arena.next(), region, at, deployment)), nil)
}

// DeleteDue forgets [Writer.PutDue].
func (w *Writer) DeleteDue(region string, at int64, deployment string) error {
	return w.Delete(w.arena.keep(keyDue(w.arena.next(), region, at, deployment)))
}

// DueFrom calls fn for each row of a region that is not before from, the earliest
// first, until fn answers more=false or an error. Rows that are deleted cost a
// scan as much as others, so a tick in parts says where it was.
func (r *Reader) DueFrom(region string, from Due, fn func(Due) (more bool, err error)) error {
	prefix := keyDues(nil, region)
	return r.Scan(prefix, keyDue(nil, region, from.At, from.Deployment), func(k, _ []byte) (bool, error) {
		k = k[len(prefix):]
		if len(k) < 8 {
			return false, ErrCodec
		}
		return fn(Due{timeOf(k), string(k[8:])})
	})
}

// Before reports whether a row is before another one of its region.
func (d Due) Before(o Due) bool { return d.At < o.At || d.At == o.At && d.Deployment < o.Deployment }

// FirstDue returns the earliest row of each region.
func (r *Reader) FirstDue() (map[string]Due, error) {
	out := make(map[string]Due)
	from := []byte{kindDue}
	for more := true; more; {
		more = false
		err := r.Scan([]byte{kindDue}, from, func(k, _ []byte) (bool, error) {
			region, rest, ok := strings.Cut(string(k[1:]), "\x00")
			if !ok || len(rest) < 8 {
				return false, ErrCodec
			}
			out[region] = Due{timeOf([]byte(rest)), rest[8:]}
			from = append(append([]byte{kindDue}, region...), 1) // behind the 0x00 that ends the name
			more = true
			return false, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Watermark is how far everything about a region is known, and what was told.
type Watermark struct {
	At   int64 // Unix nanoseconds
	Dark bool  // it was told that the region is dark
}

// PutWatermark writes the watermark of a region.
func (w *Writer) PutWatermark(region string, m Watermark) error {
	return w.Put(keyWatermark(region), appendFlags(binary.AppendVarint(nil, m.At), m.Dark))
}

// Watermarks returns the watermark of every region.
func (r *Reader) Watermarks() (map[string]Watermark, error) {
	out := make(map[string]Watermark)
	err := r.Scan([]byte{kindWatermark}, nil, func(k, v []byte) (bool, error) {
		d := decoder{b: v}
		m := Watermark{At: d.int()}
		d.flags(&m.Dark)
		out[string(k[1:])] = m
		return true, d.done()
	})
	return out, err
}

// PutUnplaced notes a follow word or an observation that waits for a name.
func (w *Writer) PutUnplaced(slot string, seq uint64, ref Ref) error {
	return w.Put(keyUnplaced(nil, slot, seq), appendRefOf(nil, ref))
}

// DeleteUnplaced forgets one that was placed.
func (w *Writer) DeleteUnplaced(slot string, seq uint64) error {
	return w.Delete(keyUnplaced(nil, slot, seq))
}

// Unplaced calls fn for each event that waits for a name behind after ("" or the
// cursor of the one before), by slot and position, until fn answers more=false
// or an error. prefix is that of the slots' names.
func (r *Reader) Unplaced(prefix, after string, fn func(cursor, slot string, e Event) (more bool, err error)) error {
	from := append([]byte{kindUnplaced}, prefix...)
	start := from
	if after != "" {
		start = append([]byte{kindUnplaced}, after+"\x00"...)
	}
	return r.Scan(from, start, func(k, v []byte) (bool, error) {
		cursor := string(k[1:])
		slot, rest, ok := strings.Cut(cursor, "\x00")
		if !ok || len(rest) != 8 {
			return false, ErrCodec
		}
		d := decoder{b: v}
		ref := Ref(d.uint())
		if err := d.done(); err != nil {
			return false, err
		}
		e, err := r.Event(ref)
		if err != nil {
			return false, must(err)
		}
		return fn(cursor, slot, e)
	})
}

// PutUnsettled notes a release whose status a tick has to look at.
func (w *Writer) PutUnsettled(release string) error { return w.Put(keyUnsettled(release), nil) }

// DeleteUnsettled forgets [Writer.PutUnsettled].
func (w *Writer) DeleteUnsettled(release string) error { return w.Delete(keyUnsettled(release)) }

// Unsettled returns the releases whose status a tick has to look at, sorted.
func (r *Reader) Unsettled() (out []string, err error) {
	err = r.keys([]byte{kindUnsettled}, func(k []byte) error {
		out = append(out, string(k[1:]))
		return nil
	})
	return out, err
}

// ToldRelease is what was last told of a release.
type ToldRelease struct {
	Status   string
	Digest   [32]byte
	Revision uint64
}

// PutToldRelease writes what is told of a release.
func (w *Writer) PutToldRelease(release string, t ToldRelease) error {
	v := binary.AppendUvarint(appendText(nil, t.Status), t.Revision)
	return w.Put(keyToldRelease(release), append(v, t.Digest[:]...))
}

// ToldRelease returns what was last told of a release, or [ErrNotFound].
func (r *Reader) ToldRelease(release string) (t ToldRelease, err error) {
	err = r.get(keyToldRelease(release), func(v []byte) error {
		d := decoder{b: v}
		t.Status, t.Revision = d.text(), d.uint()
		if d.failed || len(d.b) != len(t.Digest) {
			return ErrCodec
		}
		copy(t.Digest[:], d.b)
		return nil
	})
	return t, err
}

func appendRefOf(b []byte, ref Ref) []byte { return binary.AppendUvarint(b, uint64(ref)) }

// timeOf reads a time as a key has it.
func timeOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }
