package sqlite

import (
	"cmp"
	"encoding/binary"
	"encoding/json"

	"github.com/concord-gateway/concord/gateway/record"
)

// joinRefs is the column value of a list of references: 32 bytes each.
func joinRefs(refs []record.Ref) []byte {
	b := make([]byte, 0, len(refs)*len(record.Ref{}))
	for i := range refs {
		b = append(b, refs[i][:]...)
	}
	return b
}

// splitRefs undoes joinRefs; no references are nil.
func splitRefs(b []byte) []record.Ref {
	if len(b) == 0 {
		return nil
	}
	refs := make([]record.Ref, len(b)/len(record.Ref{}))
	for i := range refs {
		copy(refs[i][:], b[i*len(refs[i]):])
	}
	return refs
}

// joinList is the column value of a list of strings: JSON, or empty for none.
func joinList(list []string) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// splitList undoes joinList; no strings are nil.
func splitList(s string) (list []string, err error) {
	if s != "" {
		err = json.Unmarshal([]byte(s), &list)
	}
	return list, err
}

// compareReferences is the order of record_index.
func compareReferences(a, b reference) int {
	return cmp.Or(cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.record, b.record))
}

// prefix is the first eight bytes of a blind index, as SQLite stores integers.
func prefix(r record.Ref) int64 { return int64(binary.BigEndian.Uint64(r[:])) }
