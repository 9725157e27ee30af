package linkage

import (
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// compound is the kind of the handle made of compoundTypes.
const compound dataset.IdentifierType = "compound"

// compoundTypes are the parts of the compound, in the order they are hashed.
var compoundTypes = [...]dataset.IdentifierType{
	dataset.GivenName, dataset.FamilyName, dataset.DateOfBirth, dataset.Postcode,
}

// handle is one thing by which a person is found: a strong identifier, whose
// value is parts[0], or the compound.
type handle struct {
	kind  dataset.IdentifierType
	parts [len(compoundTypes)]string
}

// method is the name of the handle's kind in an answer: "strong:nhs_number" or
// "compound".
func (h handle) method() string {
	if h.kind == compound {
		return string(compound)
	}
	return "strong:" + string(h.kind)
}

// hashed returns the parts of the handle's keyed hash: its type and the
// normalised value or values.
func (h handle) hashed() []string {
	if h.kind == compound {
		return append([]string{string(h.kind)}, h.parts[:]...)
	}
	return []string{string(h.kind), h.parts[0]}
}

// order sorts strong identifiers by type and value, and the compound last.
func order(a, b handle) int {
	if (a.kind == compound) != (b.kind == compound) {
		if a.kind == compound {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.kind, b.kind), slices.Compare(a.parts[:], b.parts[:]))
}

// handles returns the handles among normalised identifiers, each once, sorted.
// The compound is one of them if each of its parts has exactly one value.
func handles(ids []dataset.Identifier) []handle {
	out := make([]handle, 0, len(ids))
	parts := map[dataset.IdentifierType]string{}
	several := false
	for _, id := range ids {
		switch {
		case id.Value == "":
		case id.Type.Strong():
			h := handle{kind: id.Type}
			h.parts[0] = id.Value
			out = append(out, h)
		case slices.Contains(compoundTypes[:], id.Type):
			if v, ok := parts[id.Type]; ok && v != id.Value {
				several = true
			}
			parts[id.Type] = id.Value
		}
	}
	if len(parts) == len(compoundTypes) && !several {
		h := handle{kind: compound}
		for i, t := range compoundTypes {
			h.parts[i] = parts[t]
		}
		out = append(out, h)
	}
	slices.SortFunc(out, order)
	return slices.Compact(out)
}

// Indexes returns the blind indexes of a row: one for each strong identifier,
// and one for the compound where all four of its parts are present with one
// value each. Nothing else is indexed. The identifiers must be normalised; h
// must be the hasher of keyring.IndexScope(dataset), so that an index does not
// link across datasets. The result holds each index once, in an order that does
// not depend on the order of ids.
func Indexes(h keyring.Hasher, dataset string, ids []dataset.Identifier) []record.Ref {
	return indexes(h, dataset, handles(ids))
}

// indexes hashes the name of the dataset too: even under one key for all
// datasets the same handle has different indexes.
func indexes(h keyring.Hasher, dataset string, of []handle) []record.Ref {
	refs := make([]record.Ref, len(of))
	for i, one := range of {
		refs[i] = h.Hash(append([]string{"index", dataset}, one.hashed()...)...)
	}
	return refs
}

// Refs returns the references under which a log entry or a case link keeps the
// person asked about: in hexadecimal, HMAC(type, normalised value) of each
// strong identifier given, and of the compound as one where it is complete. A
// name, birth date or postcode alone has none, because it is shared by many. h
// is the hasher of the scope in which the references are kept, for example
// keyring.RefScope.
func Refs(h keyring.Hasher, s Subject) []string {
	refs := make([]string, len(s.handles))
	for i, one := range s.handles {
		sum := h.Hash(one.hashed()...)
		refs[i] = hex.EncodeToString(sum[:])
	}
	return refs
}

// RecordRef returns the reference under which a provider's log entry keeps one
// of its records: HMAC(provider, dataset, source id) in hexadecimal. It holds
// nothing of the person, so references do not link across providers.
func RecordRef(h keyring.Hasher, provider, dataset, sourceID string) string {
	sum := h.Hash(provider, dataset, sourceID)
	return hex.EncodeToString(sum[:])
}
