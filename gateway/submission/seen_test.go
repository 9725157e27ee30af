package submission

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// TestSeen holds the table of rows against a map, also through a journal.
func TestSeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, model := newSeen(), map[[32]byte]int{}
		restored := newSeen()
		digest := [8]byte{1, 2, 3, 4}
		for row := 1; row <= rapid.IntRange(0, 2000).Draw(t, "rows"); row++ {
			var source [32]byte
			if rapid.Bool().Draw(t, "near") { // keys that meet in one table
				binary.BigEndian.PutUint64(source[:], uint64(rapid.IntRange(0, 300).Draw(t, "n"))*seenParts)
			} else {
				source = sha256.Sum256([]byte{byte(rapid.IntRange(0, 255).Draw(t, "id"))})
			}
			before, again := s.add(source[:], digest[:], row, true)
			if want, ok := model[source]; ok != again || again && int(before.row) != want {
				t.Fatalf("row %d: before %+v, again %v; want %d, %v", row, before, again, want, ok)
			}
			if !again {
				model[source] = row
			}
			if rapid.IntRange(0, 50).Draw(t, "mark") == 0 {
				restored.take(s.since)
				s.since = s.since[:0]
			}
		}
		restored.take(s.since)
		for source, row := range model {
			if before, again := restored.add(source[:], digest[:], 1<<20, false); !again || int(before.row) != row || !before.same(digest[:]) {
				t.Fatalf("restored: %+v, %v; want %d", before, again, row)
			}
		}
	})
}
