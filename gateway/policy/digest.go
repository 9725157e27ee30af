package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

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
//	string       length, bytes            length and count are unsigned varints
//	number       eight bytes, big-endian
//	truth        one byte
//	list, map    count, then the elements; a map in the order of its keys
//	any          a byte that names the type, then the value
//	pointer      a truth (is there one), then what it points to
func (d Decision) Digest() [sha256.Size]byte {
	const usual = 32 << 10 // a decision on a dozen datasets takes about that
	e := encoder{buf: make([]byte, 0, usual)}
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
	return sha256.Sum256(e.buf)
}

// encoder appends to buf; keys is reused from map to map.
type encoder struct {
	buf  []byte
	keys []string
}

func (e *encoder) count(n int) { e.buf = binary.AppendUvarint(e.buf, uint64(n)) }

func (e *encoder) number(n int) { e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(n)) }

func (e *encoder) truth(b bool) {
	if b {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) text(s string) {
	e.count(len(s))
	e.buf = append(e.buf, s...)
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
		e.number(grant.Version)
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
		e.number(o.Quota.PerHour)
		e.number(o.Quota.PerDay)
	}
}

// any encodes what encoding/json decodes into an any, which is what the decoder
// of answers gives. Any other type is named by its Go type.
func (e *encoder) any(v any) {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, 'z')
	case bool:
		e.buf = append(e.buf, 'b')
		e.truth(v)
	case string:
		e.buf = append(e.buf, 's')
		e.text(v)
	case float64:
		e.buf = append(e.buf, 'n')
		e.buf = binary.BigEndian.AppendUint64(e.buf, math.Float64bits(v))
	case []any:
		e.buf = append(e.buf, 'a')
		e.count(len(v))
		for _, x := range v {
			e.any(x)
		}
	case map[string]any:
		e.buf = append(e.buf, 'o')
		e.count(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e.text(k)
			e.any(v[k])
		}
	default:
		e.buf = append(e.buf, 'x')
		e.text(fmt.Sprintf("%T", v))
		e.text(fmt.Sprintf("%#v", v))
	}
}
