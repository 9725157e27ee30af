package audit

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The stored form of a batch, as one value:
//
//	version byte, root, writer, head, tips (JSON), salts (JSON; empty for none),
//	number of entries, then for each entry: leaf, entry, sealed private part
//
// where numbers are unsigned varints and everything else is preceded by its
// length. Entries stand in it as they were hashed, byte for byte. Version 1 had
// no salts.
const (
	batchVersion = 2
	withoutSalts = 1
)

var errBatchBody = errors.New("the body of the batch cannot be read")

// MarshalBatch returns the stored form of everything in b but N, First and Size,
// which stores keep beside it. It answers Invalid for a batch that no log makes.
func MarshalBatch(b *Batch) ([]byte, error) {
	const op = "audit.MarshalBatch"
	count := len(b.Entries)
	if count == 0 || len(b.Leaves) != count || len(b.Private) != count || b.Size != b.First+int64(count) {
		return nil, fault.New(fault.Invalid, op, "a batch needs a leaf and a private part for each entry, and a size that fits")
	}
	tips, err := tipsOf(b)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the tips have no JSON form", err)
	}
	var salts []byte
	if len(b.Salts) > 0 {
		if salts, err = json.Marshal(b.Salts); err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "the salts have no JSON form", err)
		}
	}
	size := 1 + len(b.Root) + len(b.Writer) + len(b.Head) + len(tips) + len(salts) + 6*binary.MaxVarintLen64
	for i := range b.Entries {
		size += len(b.Leaves[i]) + len(b.Entries[i]) + len(b.Private[i]) + 3*binary.MaxVarintLen64
	}
	body := append(make([]byte, 0, size), batchVersion)
	for _, part := range [][]byte{b.Root, []byte(b.Writer), b.Head, tips, salts} {
		body = AppendPart(body, part)
	}
	body = binary.AppendUvarint(body, uint64(count))
	for i := range b.Entries {
		body = AppendPart(body, b.Leaves[i])
		body = AppendPart(body, b.Entries[i])
		body = AppendPart(body, b.Private[i])
	}
	return body, nil
}

// UnmarshalBatch fills b, whose N, First and Size are set, from its stored form.
// What it sets points into body.
func UnmarshalBatch(b *Batch, body []byte) error {
	if len(body) == 0 || body[0] != batchVersion && body[0] != withoutSalts {
		return errBatchBody
	}
	r := partReader{rest: body[1:]}
	b.Root = r.part()
	b.Writer = string(r.part())
	b.Head = r.part()
	tips := r.part()
	var salts []byte
	if body[0] != withoutSalts {
		salts = r.part()
	}
	count := r.number()
	const least = 3 // bytes that an entry takes at least
	if r.bad || count > uint64(len(r.rest)/least) {
		return errBatchBody
	}
	if err := json.Unmarshal(tips, &b.Tips); err != nil {
		return err
	}
	if b.Tips == nil {
		return errBatchBody
	}
	if len(salts) > 0 {
		if err := json.Unmarshal(salts, &b.Salts); err != nil {
			return err
		}
	}
	b.Leaves = make([][]byte, count)
	b.Entries = make([][]byte, count)
	b.Private = make([][]byte, count)
	for i := range count {
		b.Leaves[i], b.Entries[i], b.Private[i] = r.part(), r.part(), r.part()
	}
	if r.bad || len(r.rest) != 0 {
		return errBatchBody
	}
	return nil
}

// AppendPart appends part, preceded by its length as an unsigned varint.
func AppendPart(dst, part []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}

// CutPart returns the part at the front of raw, as AppendPart wrote it, and what
// follows it; false when there is none.
func CutPart(raw []byte) (part, rest []byte, ok bool) {
	r := partReader{rest: raw}
	part = r.part()
	return part, r.rest, !r.bad
}

// partReader reads parts from the front of rest; bad is set for good once a part
// is not there.
type partReader struct {
	rest []byte
	bad  bool
}

func (r *partReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *partReader) part() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	part := r.rest[:n:n]
	r.rest = r.rest[n:]
	return part
}

// tipsOf is the stored form of the tips of a batch; maps come out sorted, so that
// identical batches have identical bytes.
func tipsOf(b *Batch) ([]byte, error) {
	if b.Tips == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(b.Tips)
}
