package submission

import "encoding/binary"

// first is the first row of a source id: by it a row that comes twice is known.
type first struct {
	key    uint64
	row    uint32
	digest uint32
}

const (
	// seenBytes is the length of an entry of seen in a mark.
	seenBytes = 8 + 4 + 4
	// seenParts is into how many tables the rows are divided, so that only one of them
	// grows at a time.
	seenParts = 256
)

// seen are the rows of a submission by the first eight bytes of their blind source id,
// in some 24 bytes a row. Two ids that agree in these by chance would be taken for one:
// in a file of a million rows that happens once in forty million files. Of two contents
// of one id four bytes of their keyed digests are compared.
type seen struct {
	parts [seenParts]table
	// since are the entries that were added since the last mark.
	since []byte
}

// table is a hash table with open addressing: the first bytes of a keyed hash need no
// hashing. A slot whose row is 0 is free, since rows count from 1.
type table struct {
	slots []first
	n     int
}

func newSeen() *seen { return &seen{} }

// add notes a row, or returns the first that had its source id.
func (s *seen) add(source, digest []byte, row int, journaled bool) (before first, again bool) {
	f := first{
		key: binary.BigEndian.Uint64(source), row: uint32(row),
		digest: binary.BigEndian.Uint32(digest),
	}
	before, again = s.parts[f.key%seenParts].add(f)
	if !again && journaled {
		s.since = binary.BigEndian.AppendUint64(s.since, f.key)
		s.since = binary.BigEndian.AppendUint32(s.since, f.row)
		s.since = binary.BigEndian.AppendUint32(s.since, f.digest)
	}
	return before, again && before.row != f.row // a row that is looked at a second time is itself
}

// take adds what a mark says.
func (s *seen) take(raw []byte) {
	for ; len(raw) >= seenBytes; raw = raw[seenBytes:] {
		f := first{binary.BigEndian.Uint64(raw), binary.BigEndian.Uint32(raw[8:]), binary.BigEndian.Uint32(raw[12:])}
		s.parts[f.key%seenParts].add(f)
	}
}

// same reports whether the row had the content of a digest.
func (f first) same(digest []byte) bool { return f.digest == binary.BigEndian.Uint32(digest) }

// add puts a row into the table, or returns the one that is there for its key.
func (t *table) add(f first) (before first, again bool) {
	if 5*(t.n+1) > 4*len(t.slots) { // four fifths full
		t.grow()
	}
	slot := t.find(f.key)
	if slot.row != 0 {
		return *slot, true
	}
	*slot = f
	t.n++
	return f, false
}

// find returns the slot of a key, or the free one where it belongs.
func (t *table) find(key uint64) *first {
	for i := key / seenParts % uint64(len(t.slots)); ; {
		if s := &t.slots[i]; s.row == 0 || s.key == key {
			return s
		}
		if i++; i == uint64(len(t.slots)) {
			i = 0
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]first, max(16, len(old)+len(old)/3))
	for _, f := range old {
		if f.row != 0 {
			*t.find(f.key) = f
		}
	}
}
