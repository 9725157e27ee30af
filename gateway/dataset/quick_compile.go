package dataset

import (
	"encoding/json"
	"maps"
	"math"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// quickCompiler makes rules of what the library compiled.
type quickCompiler struct {
	// done holds nil for a schema whose rule is being made: one that leads back
	// to itself has none.
	done map[*jsonschema.Schema]*rule
}

// quicken gives the dataset a rule where its schema can have one. A format that
// identify is going to check on the same field is left to it.
func (d *Dataset) quicken() {
	c := quickCompiler{done: map[*jsonschema.Schema]*rule{}}
	root, ok := c.rule(d.compiled)
	if !ok || root.object == nil {
		return
	}
	asserted := identifierFormats()
	for i := range root.object.properties {
		p := &root.object.properties[i]
		pointer := "/" + p.name
		f, ok := d.Field(pointer)
		if ok && f.Identifier != "" && asserted[d.leaves[pointer].format] == f.Identifier && p.rule.types == isText {
			without := *p.rule
			without.format = nil
			p.rule = &without
		}
	}
	d.quick = root
}

// rule makes the rule of a schema, and reports whether it could.
func (c *quickCompiler) rule(s *jsonschema.Schema) (*rule, bool) {
	if r, seen := c.done[s]; seen {
		return r, r != nil
	}
	c.done[s] = nil
	r := &rule{}
	if s.Bool != nil {
		r.never = !*s.Bool
		c.done[s] = r
		return r, true
	}
	if !c.scalar(r, s) || !c.object(r, s) || !c.array(r, s) || !c.combined(r, s) {
		return nil, false
	}
	c.done[s] = r
	return r, true
}

// list makes the rules of several schemas; none gives nil.
func (c *quickCompiler) list(schemas []*jsonschema.Schema) ([]*rule, bool) {
	var out []*rule
	for _, s := range schemas {
		r, ok := c.rule(s)
		if !ok {
			return nil, false
		}
		out = append(out, r)
	}
	return out, true
}

// maybe makes the rule of a schema that may be absent.
func (c *quickCompiler) maybe(s *jsonschema.Schema) (*rule, bool) {
	if s == nil {
		return nil, true
	}
	return c.rule(s)
}

func (c *quickCompiler) combined(r *rule, s *jsonschema.Schema) bool {
	if s.RecursiveRef != nil || s.DynamicRef != nil || len(s.Extensions) > 0 ||
		s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil {
		return false
	}
	all := s.AllOf
	if s.Ref != nil {
		all = append(slices.Clone(all), s.Ref)
	}
	var ok [7]bool
	r.all, ok[0] = c.list(all)
	r.any, ok[1] = c.list(s.AnyOf)
	r.one, ok[2] = c.list(s.OneOf)
	r.not, ok[3] = c.maybe(s.Not)
	r.when, ok[4] = c.maybe(s.If)
	r.then, ok[5] = c.maybe(s.Then)
	r.els, ok[6] = c.maybe(s.Else)
	return !slices.Contains(ok[:], false)
}

func (c *quickCompiler) object(r *rule, s *jsonschema.Schema) bool {
	closed, isFlag := s.AdditionalProperties.(bool)
	if s.AdditionalProperties != nil && !isFlag || s.MinProperties != nil || s.MaxProperties != nil || s.PropertyNames != nil ||
		len(s.PatternProperties)+len(s.Dependencies)+len(s.DependentSchemas) > 0 {
		return false
	}
	o := &objectRule{closed: isFlag && !closed, dependent: s.DependentRequired}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		below, ok := c.rule(s.Properties[name])
		if !ok {
			return false
		}
		o.properties = append(o.properties, property{name: name, required: slices.Contains(s.Required, name), rule: below})
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			o.required = append(o.required, name)
		}
	}
	r.object = o
	return true
}

func (c *quickCompiler) array(r *rule, s *jsonschema.Schema) bool {
	if s.Items != nil || s.AdditionalItems != nil || len(s.PrefixItems) > 0 || s.MinContains != nil || s.MaxContains != nil {
		return false
	}
	a := &arrayRule{low: atLeast(s.MinItems), high: atMost(s.MaxItems), unique: s.UniqueItems}
	var ok, also bool
	a.items, ok = c.maybe(s.Items2020)
	a.contains, also = c.maybe(s.Contains)
	if !ok || !also {
		return false
	}
	// Only scalars can be told apart without looking into them.
	if a.unique && (a.items == nil || a.items.types == 0 || a.items.types&(isArray|isMap) != 0) {
		return false
	}
	r.array = a
	return true
}

func (c *quickCompiler) scalar(r *rule, s *jsonschema.Schema) bool {
	if s.ContentEncoding != nil || s.ContentMediaType != nil || s.ContentSchema != nil {
		return false
	}
	if s.Types != nil {
		for _, t := range s.Types.ToStrings() {
			r.types |= typeNamed(t)
		}
	}
	if s.Format != nil {
		if r.format = formats()[s.Format.Name]; r.format == nil {
			return false
		}
	}
	if s.MinLength != nil || s.MaxLength != nil || s.Pattern != nil {
		r.text = &textRule{low: atLeast(s.MinLength), high: atMost(s.MaxLength)}
		if s.Pattern != nil {
			r.text.matches = matcher(s.Pattern.String(), s.Pattern.MatchString)
		}
	}
	return c.enumerated(r, s) && c.number(r, s)
}

func (c *quickCompiler) enumerated(r *rule, s *jsonschema.Schema) bool {
	var values []any
	switch {
	case s.Enum != nil && s.Const != nil:
		return false
	case s.Enum != nil:
		values = s.Enum.Values
	case s.Const != nil:
		values = []any{*s.Const}
	default:
		return true
	}
	e := &enum{texts: map[string]bool{}}
	for _, value := range values {
		switch v := value.(type) {
		case string:
			e.texts[v] = true
		case bool:
			e.yes, e.no = e.yes || v, e.no || !v
		case nil:
			e.other |= isNull
		case json.Number:
			n, ok := new(big.Rat).SetString(string(v))
			f, exact := float64(0), false
			if ok {
				f, exact = n.Float64()
			}
			if !exact {
				return false
			}
			e.numbers = append(e.numbers, f)
		default:
			return false
		}
	}
	r.enum = e
	return true
}

func (c *quickCompiler) number(r *rule, s *jsonschema.Schema) bool {
	n := numberRule{low: math.Inf(-1), high: math.Inf(1), above: math.Inf(-1), below: math.Inf(1)}
	for _, limit := range []struct {
		from *big.Rat
		into *float64
	}{{s.Minimum, &n.low}, {s.Maximum, &n.high}, {s.ExclusiveMinimum, &n.above}, {s.ExclusiveMaximum, &n.below}, {s.MultipleOf, &n.multiple}} {
		if limit.from == nil {
			continue
		}
		// A limit that a float64 cannot hold is compared as a fraction by the library.
		f, exact := limit.from.Float64()
		if !exact {
			return false
		}
		*limit.into = f
		r.number = &n
	}
	// The remainder of a division is exact between whole numbers.
	return n.multiple == math.Trunc(n.multiple)
}

func atLeast(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func atMost(n *int) int {
	if n == nil {
		return math.MaxInt
	}
	return *n
}

func typeNamed(name string) types {
	switch name {
	case "null":
		return isNull
	case "boolean":
		return isBool
	case "string":
		return isText
	case "number":
		return isNumber
	case "integer":
		return isInteger
	case "array":
		return isArray
	case "object":
		return isMap
	}
	return 0
}
