package record

import (
	"encoding/binary"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Marks say of what quality a record is, and travel with it wherever it is released
// (Data Protection Act 2018 s.38(4) and (5)).
type Marks struct {
	// Completeness is how many of the fields that the agreement lists and the dataset
	// has are filled in, in per cent. Zero is not known: a record of before there
	// were marks.
	Completeness int `json:"completeness"`
	// Masked are the pointers of free text in which identifiers were masked.
	Masked []string `json:"masked,omitempty"`
	// Dropped are the pointers of fields that were sent and not kept, because the
	// agreement does not list them.
	Dropped []string `json:"dropped,omitempty"`
}

// The content of a sealed body is one of two things:
//
//	{...}                        the row alone, as it was before there were marks
//	0x01 completeness masked dropped row
//
// where a number is a uvarint, a list is its number of texts and then each text
// after its length, and the row is the rest. Canonical JSON of an object begins
// with '{', so the first byte tells the two apart.
const contentMarked = 0x01

// maxMarks is the most texts in one list of a content, so that a damaged one does
// not ask for much memory.
const maxMarks = 4096

// EncodeContent joins the canonical row and its marks to what is sealed.
func EncodeContent(row []byte, m Marks) []byte {
	b := make([]byte, 0, len(row)+16+size(m.Masked)+size(m.Dropped))
	b = append(b, contentMarked)
	b = binary.AppendUvarint(b, uint64(max(m.Completeness, 0)))
	b = appendList(b, m.Masked)
	b = appendList(b, m.Dropped)
	return append(b, row...)
}

// DecodeContent takes apart what EncodeContent made, or a body of before there
// were marks, whose marks are zero. The row shares the memory of plain. The error
// is of kind Internal: the body is not one that was sealed.
func DecodeContent(plain []byte) (row []byte, m Marks, err error) {
	if len(plain) > 0 && plain[0] == '{' {
		return plain, Marks{}, nil
	}
	if len(plain) == 0 || plain[0] != contentMarked {
		return nil, Marks{}, damaged()
	}
	rest := plain[1:]
	percent, rest, ok := number(rest, 100)
	var masked, dropped []string
	if ok {
		masked, rest, ok = readList(rest)
	}
	if ok {
		dropped, rest, ok = readList(rest)
	}
	if !ok || len(rest) == 0 || rest[0] != '{' {
		return nil, Marks{}, damaged()
	}
	return rest, Marks{Completeness: percent, Masked: masked, Dropped: dropped}, nil
}

func damaged() error {
	return fault.New(fault.Internal, "record.DecodeContent", "The content of a record is not in a form that is known.")
}

func size(texts []string) int {
	n := 0
	for _, s := range texts {
		n += len(s) + 2
	}
	return n
}

func appendList(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, s := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// number reads a uvarint of at most limit, in its shortest form.
func number(b []byte, limit int) (n int, rest []byte, ok bool) {
	v, read := binary.Uvarint(b)
	if read <= 0 || v > uint64(limit) || read > 1 && b[read-1] == 0 {
		return 0, nil, false
	}
	return int(v), b[read:], true
}

func readList(b []byte) (texts []string, rest []byte, ok bool) {
	count, b, ok := number(b, maxMarks)
	if !ok || count > len(b) { // each text has a length at least
		return nil, nil, false
	}
	for range count {
		var n int
		if n, b, ok = number(b, len(b)); !ok || n > len(b) {
			return nil, nil, false
		}
		texts, b = append(texts, string(b[:n])), b[n:]
	}
	return texts, b, true
}
