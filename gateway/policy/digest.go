package policy

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/concord-gateway/concord/gateway/release"
)

// digestForm names the encoding that Digest hashes. Whoever changes the encoding
// changes the name: a digest stays in the log for as long as the log is kept.
const digestForm = "concord.decision/1"

// Digest is the SHA-256 of everything in the decision but its Revision. The log
// keeps it beside the facts, so that a replay can be held against what was
// decided without the log holding the decision itself.
//
// The encoding is injective: two decisions have the same only if they are the
// same, where a list or a map that is nil counts as empty. It is the name of the
// encoding and then each member in the order of its declaration:
//
//	number       unsigned varint; a float by its bits
//	string       length, bytes
//	truth        one byte
//	list, map    count, then the elements; a map in the order of its keys
//	any          a byte that names the type, then the value
//	pointer      a truth (is there one), then what it points to
func (d Decision) Digest() [sha256.Size]byte {
	e := newEncoder()
	defer e.free()
	e.text(digestForm)
	e.truth(d.Allow)
	e.count(len(d.Groups))
	for i := range d.Groups {
		e.group(&d.Groups[i])
	}
	e.obligations(&d.Obligations)
	e.count(len(d.Withheld))
	for i := range d.Withheld {
		w := &d.Withheld[i]
		e.texts(w.Clause, w.Code, w.Dataset)
		e.list(w.Fields)
		e.texts(w.Provider, w.Reason)
	}
	return e.sum()
}

// encoder hashes what it encodes, by way of a buffer; keys is reused from map to
// map.
type encoder struct {
	hash hash.Hash
	buf  [4 << 10]byte
	used int
	keys []string
}

// encoders are those that nobody uses just now: one holds some kilobytes.
var encoders = sync.Pool{New: func() any { return &encoder{hash: sha256.New()} }}

func newEncoder() *encoder {
	e, _ := encoders.Get().(*encoder) // the pool holds nothing else
	return e
}

// free gives the encoder back, empty.
func (e *encoder) free() {
	e.hash.Reset()
	e.used = 0
	encoders.Put(e)
}

// sum ends the encoding.
func (e *encoder) sum() (sum [sha256.Size]byte) {
	e.flush()
	e.hash.Sum(sum[:0])
	return sum
}

func (e *encoder) flush() {
	e.hash.Write(e.buf[:e.used]) // never fails (documented)
	e.used = 0
}

func (e *encoder) byte(b byte) {
	if e.used == len(e.buf) {
		e.flush()
	}
	e.buf[e.used] = b
	e.used++
}

func (e *encoder) count(n int) { e.number(uint64(n)) }

func (e *encoder) number(n uint64) {
	for ; n >= 0x80; n >>= 7 {
		e.byte(byte(n) | 0x80)
	}
	e.byte(byte(n))
}

func (e *encoder) truth(b bool) {
	if b {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) text(s string) {
	e.count(len(s))
	for {
		n := copy(e.buf[e.used:], s)
		e.used += n
		if s = s[n:]; s == "" {
			return
		}
		e.flush()
	}
}

func (e *encoder) texts(list ...string) {
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) list(list []string) {
	e.count(len(list))
	e.texts(list...)
}

func (e *encoder) group(g *GroupDecision) {
	e.texts(g.Provider, g.Dataset)
	e.truth(g.Allow)
	e.count(len(g.Fields))
	e.keys = e.keys[:0]
	for k := range g.Fields {
		e.keys = append(e.keys, k)
	}
	slices.Sort(e.keys)
	for _, k := range e.keys {
		grant := g.Fields[k]
		e.texts(k, string(grant.Treatment), grant.Agreement)
		e.number(uint64(grant.Version))
		e.text(grant.Clause)
	}
	e.count(len(g.RowConditions))
	for i := range g.RowConditions {
		e.condition(&g.RowConditions[i])
	}
	e.texts(g.Basis.Provider, g.Basis.Recipient)
	e.count(len(g.Reasons))
	for _, r := range g.Reasons {
		e.texts(r.Code, r.Message, r.Clause)
	}
}

func (e *encoder) condition(c *release.Condition) {
	e.texts(c.Attr, c.Op)
	e.any(c.Value)
}

func (e *encoder) obligations(o *Obligations) {
	e.text(o.Handling)
	e.list(o.Instructions)
	e.texts(o.Review, o.Expires)
	e.truth(o.Quota != nil)
	if o.Quota != nil {
		e.number(uint64(o.Quota.PerHour))
		e.number(uint64(o.Quota.PerDay))
		e.number(uint64(o.Quota.AgencyPerHour))
		e.number(uint64(o.Quota.AgencyPerDay))
	}
}

// any encodes what encoding/json decodes into an any, which is what the decoder
// of answers gives. Any other type is named by its Go type.
func (e *encoder) any(v any) {
	switch v := v.(type) {
	case nil:
		e.byte('z')
	case bool:
		e.byte('b')
		e.truth(v)
	case string:
		e.byte('s')
		e.text(v)
	case float64:
		e.byte('n')
		e.number(math.Float64bits(v))
	case []any:
		e.byte('a')
		e.count(len(v))
		for _, x := range v {
			e.any(x)
		}
	case map[string]any:
		e.byte('o')
		e.count(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e.text(k)
			e.any(v[k])
		}
	default:
		e.byte('x')
		e.text(fmt.Sprintf("%T", v))
		e.text(fmt.Sprintf("%#v", v))
	}
}
