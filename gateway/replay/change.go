package replay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/release"
)

// ChangeKind says what becomes of a field.
type ChangeKind string

// The kinds of change.
const (
	// Released is a field that is released with the candidate and not without.
	Released ChangeKind = "released"
	// Withheld is the other way.
	Withheld ChangeKind = "withheld"
	// Treated is a field that is released with another treatment.
	Treated ChangeKind = "treated"
	// Rows is a dataset of which fields are released with and without, but under
	// other conditions on the records.
	Rows ChangeKind = "rows"
)

// Change is one thing that the candidate changes, and for how many.
type Change struct {
	Provider string     `json:"provider"`
	Dataset  string     `json:"dataset"`
	Field    string     `json:"field"`
	Kind     ChangeKind `json:"kind"`
	// From and To are treatments, "withhold" for a field that is not released;
	// for Rows the conditions as JSON.
	From string `json:"from"`
	To   string `json:"to"`
	// Requests and Subjects are as in Counts.
	Requests int64 `json:"requests"`
	Subjects int64 `json:"subjects"`
}

// Counts are how many requests something is true of, and how many subjects at
// most they are about.
type Counts struct {
	Requests int64 `json:"requests"`
	Subjects int64 `json:"subjects"`
}

// changeKey is what of a Change names it.
type changeKey struct {
	provider, dataset, field string
	kind                     ChangeKind
	from, to                 string
}

func (k changeKey) compare(other changeKey) int {
	return cmp.Or(cmp.Compare(k.provider, other.provider), cmp.Compare(k.dataset, other.dataset),
		cmp.Compare(k.kind, other.kind), cmp.Compare(k.field, other.field),
		cmp.Compare(k.from, other.from), cmp.Compare(k.to, other.to))
}

// released are the groups of which a gateway that decides so would release
// something: none where a quota is used up, since the request is then refused
// whole.
func released(d *policy.Decision) map[policy.Group]*policy.GroupDecision {
	out := map[policy.Group]*policy.GroupDecision{}
	if usedUp(d) {
		return out
	}
	for i := range d.Groups {
		if g := &d.Groups[i]; g.Allow {
			out[policy.Group{Provider: g.Provider, Dataset: g.Dataset}] = g
		}
	}
	return out
}

// changes are the differences between two decisions for the data of one
// provider, or of all where it is empty.
func changes(current, candidate *policy.Decision, provider string) []changeKey {
	var out []changeKey
	before, after := released(current), released(candidate)
	none := &policy.GroupDecision{}
	for g, b := range before {
		a := after[g]
		if a == nil {
			a = none
		}
		out = fields(out, g, b, a)
	}
	for g, a := range after {
		if before[g] == nil {
			out = fields(out, g, none, a)
		}
	}
	return slices.DeleteFunc(out, func(k changeKey) bool { return provider != "" && k.provider != provider })
}

// fields adds what differs in one dataset.
func fields(out []changeKey, g policy.Group, before, after *policy.GroupDecision) []changeKey {
	add := func(field string, kind ChangeKind, from, to string) {
		out = append(out, changeKey{g.Provider, g.Dataset, field, kind, from, to})
	}
	for f, b := range before.Fields {
		switch a, ok := after.Fields[f]; {
		case !ok:
			add(f, Withheld, string(b.Treatment), string(release.Withhold))
		case a.Treatment != b.Treatment:
			add(f, Treated, string(b.Treatment), string(a.Treatment))
		}
	}
	for f, a := range after.Fields {
		if _, ok := before.Fields[f]; !ok {
			add(f, Released, string(release.Withhold), string(a.Treatment))
		}
	}
	if before.Allow && after.Allow {
		if from, to := rowsText(before), rowsText(after); from != to {
			add("", Rows, from, to)
		}
	}
	return out
}

func rowsText(g *policy.GroupDecision) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	rows := slices.Clone(g.RowConditions)
	if rows == nil {
		rows = []release.Condition{}
	}
	if err := enc.Encode(rows); err != nil {
		return "?" // not reached: they came out of JSON
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// obliges reports whether two decisions oblige to different things while both
// release something.
func obliges(current, candidate *policy.Decision) bool {
	if !current.Allow || !candidate.Allow {
		return false
	}
	a, b := current.Obligations, candidate.Obligations
	quota := func(q *policy.Quota) policy.Quota {
		if q == nil {
			return policy.Quota{}
		}
		return *q
	}
	return a.Handling != b.Handling || !slices.Equal(a.Instructions, b.Instructions) ||
		a.Review != b.Review || a.Expires != b.Expires || quota(a.Quota) != quota(b.Quota)
}
