package dataset

import (
	"math"
	"slices"
	"unicode/utf8"
)

// rule is a compiled schema in a form that answers only whether a value fits,
// in a fraction of the time that the library takes to say why it does not. It
// gives the same answer as the library for every value that decoder reads; a
// test holds the two against each other. A schema with something that rule does
// not know has none, and its rows go to the library.
type rule struct {
	never  bool
	types  types // zero admits every type
	enum   *enum
	format func(string) error
	all    []*rule
	any    []*rule
	one    []*rule
	not    *rule
	when   *rule
	then   *rule
	els    *rule
	object *objectRule
	array  *arrayRule
	text   *textRule
	number *numberRule
}

// types is a set of JSON types.
type types uint8

const (
	isNull types = 1 << iota
	isBool
	isText
	isNumber
	isInteger // a number without a fraction
	isArray
	isMap
)

// enum is a list of scalars.
type enum struct {
	texts   map[string]bool
	numbers []float64
	other   types // null
	yes, no bool
}

type objectRule struct {
	properties []property // sorted by name
	closed     bool
	// required are the names that properties does not have.
	required  []string
	dependent map[string][]string
}

type property struct {
	name     string
	required bool
	rule     *rule
}

type arrayRule struct {
	items, contains *rule
	low, high       int
	unique          bool // only over scalars
}

type textRule struct {
	low, high int
	matches   func(string) bool // nil matches all
}

type numberRule struct {
	low, high, above, below float64
	multiple                float64 // zero: any
}

// accepts reports whether the schema admits the value.
func (r *rule) accepts(v any) bool {
	if r.never || !r.shape(v) {
		return false
	}
	for _, each := range r.all {
		if !each.accepts(v) {
			return false
		}
	}
	return r.choices(v)
}

// choices applies the keywords that choose between schemas.
func (r *rule) choices(v any) bool {
	if r.not != nil && r.not.accepts(v) {
		return false
	}
	if r.any != nil && count(r.any, v, 1) == 0 {
		return false
	}
	if r.one != nil && count(r.one, v, 2) != 1 {
		return false
	}
	if r.when == nil {
		return true
	}
	if r.when.accepts(v) {
		return r.then == nil || r.then.accepts(v)
	}
	return r.els == nil || r.els.accepts(v)
}

// count returns how many of the rules accept, up to enough.
func count(rules []*rule, v any, enough int) int {
	n := 0
	for _, r := range rules {
		if r.accepts(v) {
			if n++; n == enough {
				break
			}
		}
	}
	return n
}

// shape applies the keywords of the value's own type.
func (r *rule) shape(v any) bool {
	switch v := v.(type) {
	case string:
		return r.admits(isText) && (r.enum == nil || r.enum.texts[v]) &&
			(r.text == nil || r.text.accepts(v)) && (r.format == nil || r.format(v) == nil)
	case float64:
		return (r.admits(isNumber) || r.types&isInteger != 0 && v == math.Trunc(v)) &&
			(r.enum == nil || r.enum.number(v)) && (r.number == nil || r.number.accepts(v))
	case bool:
		return r.admits(isBool) && (r.enum == nil || v && r.enum.yes || !v && r.enum.no)
	case nil:
		return r.admits(isNull) && (r.enum == nil || r.enum.other&isNull != 0)
	case map[string]any:
		return r.admits(isMap) && r.enum == nil && (r.object == nil || r.object.accepts(v))
	case []any:
		return r.admits(isArray) && r.enum == nil && (r.array == nil || r.array.accepts(v))
	}
	return false
}

func (r *rule) admits(t types) bool { return r.types == 0 || r.types&t != 0 }

func (e *enum) number(v float64) bool { return slices.Contains(e.numbers, v) }

func (o *objectRule) accepts(object map[string]any) bool {
	known := 0
	for i := range o.properties {
		p := &o.properties[i]
		v, ok := object[p.name]
		if !ok {
			if p.required {
				return false
			}
			continue
		}
		known++
		if !p.rule.accepts(v) {
			return false
		}
	}
	if o.closed && known != len(object) {
		return false
	}
	for name, needed := range o.dependent {
		if _, ok := object[name]; ok && !hasAll(object, needed) {
			return false
		}
	}
	return hasAll(object, o.required)
}

func hasAll(object map[string]any, names []string) bool {
	for _, name := range names {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

func (a *arrayRule) accepts(array []any) bool {
	if len(array) < a.low || len(array) > a.high {
		return false
	}
	contained := a.contains == nil
	for i, item := range array {
		if a.items != nil && !a.items.accepts(item) {
			return false
		}
		contained = contained || a.contains.accepts(item)
		for j := 0; a.unique && j < i; j++ {
			if array[j] == item {
				return false
			}
		}
	}
	return contained
}

func (t *textRule) accepts(s string) bool {
	// A text of n bytes has at most n characters and at least a quarter.
	if len(s) > t.high || len(s) < t.low*utf8.UTFMax {
		if n := utf8.RuneCountInString(s); n < t.low || n > t.high {
			return false
		}
	}
	return t.matches == nil || t.matches(s)
}

func (n *numberRule) accepts(v float64) bool {
	return v >= n.low && v <= n.high && v > n.above && v < n.below && (n.multiple == 0 || math.Mod(v, n.multiple) == 0)
}
