package projector

import "encoding/binary"

// seen is a Bloom filter over what the store has: identities, and the names of
// deployments and slots as far as engine.seenNames says.
// Nearly every event is new, and to learn that from the store costs more than
// to fold it. A false "perhaps" costs that look-up, nothing else; there is never
// a false "no". The filter is as large as it gets from the start, 16 MiB: at ten
// million entries one answer in a hundred is false, at fifty million one in
// three. It belongs to one goroutine.
type seen struct {
	blocks []block
}

// block is one cache line: all bits of an entry are in one.
type block [8]uint64

const (
	seenBlocks = 1 << 18
	seenBits   = 6 // per entry
)

func newSeen() *seen { return &seen{blocks: make([]block, seenBlocks)} }

// add puts a hash in.
func (s *seen) add(h [16]byte) {
	b, bits := s.at(h)
	for range seenBits {
		b[bits>>6&7] |= 1 << (bits & 63)
		bits >>= 9
	}
}

// has reports whether a hash may be in.
func (s *seen) has(h [16]byte) bool {
	b, bits := s.at(h)
	for range seenBits {
		if b[bits>>6&7]&(1<<(bits&63)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}

func (s *seen) at(h [16]byte) (*block, uint64) {
	return &s.blocks[binary.LittleEndian.Uint64(h[:8])%seenBlocks], binary.LittleEndian.Uint64(h[8:])
}
