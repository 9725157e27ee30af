package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/concord-gateway/concord/gateway/release"
)

// asTerm leaves an answer as the value that the evaluator holds.
func asTerm(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }

// decoder reads an answer of the rules without a round trip through JSON. The
// first thing that is not of the expected form stays in err; an unknown key is
// such a thing, since it means that rules and gateway do not belong together.
type decoder struct {
	err error
	// ready is what need not be decoded again.
	ready *decoded
}

func (d *decoder) refuse(want string, v ast.Value) {
	if d.err == nil {
		d.err = fmt.Errorf("want %s, got %s", want, ast.ValueName(v))
	}
}

// object calls set with each key and value.
func (d *decoder) object(v ast.Value, set func(k, v *ast.Term)) {
	o, ok := v.(ast.Object)
	if !ok {
		d.refuse("an object", v)
		return
	}
	o.Foreach(set)
}

func (d *decoder) unknown(key *ast.Term) {
	if d.err == nil {
		d.err = fmt.Errorf("unknown key %s", key)
	}
}

// list decodes the elements of an array with one.
func list[T any](d *decoder, v ast.Value, one func(*decoder, ast.Value, *T)) []T {
	a, ok := v.(*ast.Array)
	if !ok {
		d.refuse("an array", v)
		return nil
	}
	out := make([]T, a.Len())
	for i := range out {
		one(d, a.Elem(i).Value, &out[i])
	}
	return out
}

// texts decodes an array of strings.
func (d *decoder) texts(v ast.Value) []string {
	return list(d, v, func(d *decoder, v ast.Value, out *string) { *out = d.text(v) })
}

func (d *decoder) text(v ast.Value) string {
	s, ok := v.(ast.String)
	if !ok {
		d.refuse("a string", v)
	}
	return string(s)
}

func (d *decoder) truth(v ast.Value) bool {
	b, ok := v.(ast.Boolean)
	if !ok {
		d.refuse("a boolean", v)
	}
	return bool(b)
}

func (d *decoder) number(v ast.Value) int {
	if n, ok := v.(ast.Number); ok {
		if i, ok := n.Int(); ok {
			return i
		}
	}
	d.refuse("a whole number", v)
	return 0
}

func (d *decoder) readyDecision(v ast.Value, out *wireDecision) {
	d.ready.decisions.decode(d, v, out, (*decoder).decision)
}

func (d *decoder) decision(v ast.Value, out *wireDecision) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "allow":
			out.Allow = d.truth(v.Value)
		case "groups":
			out.Groups = list(d, v.Value, (*decoder).readyGroup)
		case "obligations":
			d.ready.obligations.decode(d, v.Value, &out.Obligations, (*decoder).obligations)
		case "withheld":
			out.Withheld = list(d, v.Value, (*decoder).readyWithheld)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) readyGroup(v ast.Value, out *GroupDecision) {
	d.ready.groups.decode(d, v, out, (*decoder).group)
}

func (d *decoder) readyWithheld(v ast.Value, out *wireWithheld) {
	d.ready.withheld.decode(d, v, out, (*decoder).withheld)
}

func (d *decoder) group(v ast.Value, out *GroupDecision) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "provider":
			out.Provider = d.text(v.Value)
		case "dataset":
			out.Dataset = d.text(v.Value)
		case "allow":
			out.Allow = d.truth(v.Value)
		case "fields":
			out.Fields = d.grants(v.Value)
		case "row_conditions":
			out.RowConditions = list(d, v.Value, (*decoder).condition)
		case "basis":
			d.basis(v.Value, &out.Basis)
		case "reasons":
			out.Reasons = list(d, v.Value, (*decoder).reason)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) grants(v ast.Value) map[string]Grant {
	o, ok := v.(ast.Object)
	if !ok {
		d.refuse("an object", v)
		return nil
	}
	out := make(map[string]Grant, o.Len())
	var g Grant
	set := func(k, v *ast.Term) { d.grant(k, v, &g) }
	o.Foreach(func(field, v *ast.Term) {
		g = Grant{}
		d.object(v.Value, set)
		out[d.text(field.Value)] = g
	})
	return out
}

func (d *decoder) grant(k, v *ast.Term, out *Grant) {
	switch d.text(k.Value) {
	case "treatment":
		out.Treatment = release.Treatment(d.text(v.Value))
	case "agreement":
		out.Agreement = d.text(v.Value)
	case "version":
		out.Version = d.number(v.Value)
	case "clause":
		out.Clause = d.text(v.Value)
	default:
		d.unknown(k)
	}
}

// condition takes the value of a condition as JSON would give it: it is what a
// policy author wrote, of any type.
func (d *decoder) condition(v ast.Value, out *release.Condition) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "attr":
			out.Attr = d.text(v.Value)
		case "op":
			out.Op = d.text(v.Value)
		case "value":
			out.Value = d.any(v.Value)
		default:
			d.unknown(k)
		}
	})
}

// any gives what encoding/json would.
func (d *decoder) any(v ast.Value) any {
	switch v := v.(type) {
	case ast.Null:
		return nil
	case ast.Boolean:
		return bool(v)
	case ast.String:
		return string(v)
	case ast.Number:
		if f, ok := v.Float64(); ok {
			return f
		}
	case *ast.Array:
		return list(d, v, func(d *decoder, v ast.Value, out *any) { *out = d.any(v) })
	case ast.Object:
		out := make(map[string]any, v.Len())
		d.object(v, func(k, v *ast.Term) { out[d.text(k.Value)] = d.any(v.Value) })
		return out
	}
	d.refuse("a JSON value", v)
	return nil
}

func (d *decoder) basis(v ast.Value, out *Basis) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "provider":
			out.Provider = d.text(v.Value)
		case "recipient":
			out.Recipient = d.text(v.Value)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) reason(v ast.Value, out *Reason) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "code":
			out.Code = d.text(v.Value)
		case "message":
			out.Message = d.text(v.Value)
		case "clause":
			out.Clause = d.text(v.Value)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) obligations(v ast.Value, out *Obligations) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "handling":
			out.Handling = d.text(v.Value)
		case "instructions":
			out.Instructions = d.texts(v.Value)
		case "review":
			out.Review = d.text(v.Value)
		case "expires":
			out.Expires = d.text(v.Value)
		case "quota":
			out.Quota = d.quota(v.Value)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) quota(v ast.Value) *Quota {
	out := new(Quota)
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case perHour:
			out.PerHour = d.number(v.Value)
		case perDay:
			out.PerDay = d.number(v.Value)
		case agencyPerHour:
			out.AgencyPerHour = d.number(v.Value)
		case agencyPerDay:
			out.AgencyPerDay = d.number(v.Value)
		default:
			d.unknown(k)
		}
	})
	return out
}

func (d *decoder) withheld(v ast.Value, out *wireWithheld) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "provider":
			out.Provider = d.text(v.Value)
		case "dataset":
			out.Dataset = d.text(v.Value)
		case "fields":
			out.Fields = d.texts(v.Value)
		case "code":
			out.Code = d.text(v.Value)
		case "reason":
			out.Reason = d.text(v.Value)
		case "clause":
			out.Clause = d.text(v.Value)
		case "agreement":
			out.Agreement = d.text(v.Value)
		case "remedy":
			out.Remedy = d.text(v.Value)
		default:
			d.unknown(k)
		}
	})
}

func (d *decoder) access(v ast.Value, out *AccessDecision) {
	d.object(v, func(k, v *ast.Term) {
		switch d.text(k.Value) {
		case "allow":
			out.Allow = d.truth(v.Value)
		case "reasons":
			out.Reasons = list(d, v.Value, (*decoder).reason)
		default:
			d.unknown(k)
		}
	})
}
