package policy

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// quiet are the functions that the core may call and still be known to make no
// number of its own. What is not here may.
var quiet = strings.Fields(`
	eq equal neq assign lt lte gt gte
	min max sort concat sprintf upper lower startswith endswith contains
	array.concat array.flatten array.reverse
	object.get object.keys object.filter object.remove object.union object.union_n
	is_array is_boolean is_null is_number is_object is_set is_string
	internal.member_2 internal.member_3 rego.metadata.rule rego.metadata.chain`)

// place looks at each expression of a module and marks the terms whose place in
// it says how they are read.
func (r *reading) place(m *ast.Module) {
	core := isCore(m)
	visitor := ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			r.expr(x, core)
		case ast.Call:
			r.texts(x)
		case ast.Body:
			r.sentences(x)
		}
		return false
	})
	for _, rule := range m.Rules {
		r.rule = string(rule.Head.Name)
		visitor.Walk(rule)
	}
}

// sentences marks the members of a condition that are taken one by one for a name
// that must be a text.
func (r *reading) sentences(b ast.Body) {
	texts := map[ast.Value]bool{}
	for _, e := range b {
		if terms, ok := e.Terms.([]*ast.Term); ok && !e.Negated && len(terms) == 2 && terms[0].String() == "is_string" {
			if v, ok := terms[1].Value.(ast.Var); ok {
				texts[v] = true
			}
		}
	}
	for _, e := range b {
		some, ok := e.Terms.(*ast.SomeDecl)
		if !ok || len(some.Symbols) != 1 {
			continue
		}
		call, ok := some.Symbols[0].Value.(ast.Call)
		if !ok || len(call) != 3 || call[0].String() != "internal.member_2" {
			continue
		}
		if v, ok := call[1].Value.(ast.Var); ok && texts[v] {
			r.placeCondition(call[2])
		}
	}
}

// expr looks at one expression. One with a replaced input is not understood, nor
// is anything in it.
func (r *reading) expr(e *ast.Expr, core bool) {
	if len(e.With) > 0 {
		return
	}
	if t, ok := e.Terms.(*ast.Term); ok {
		r.placeCondition(t) // a condition used as a truth
		return
	}
	terms, ok := e.Terms.([]*ast.Term)
	if !ok {
		return
	}
	r.texts(terms)
	if len(terms) != 3 {
		return
	}
	a, b := terms[1], terms[2]
	switch op := terms[0].String(); op {
	case "lt", "lte", "gt", "gte":
		if !r.counted(a, b) && !r.counted(b, a) && core && !r.ordered(a, b) {
			r.ordered(b, a)
		}
	case "eq", "equal", "neq":
		if !r.counted(a, b) && !r.counted(b, a) && !r.constant(op, a, b) {
			r.constant(op, b, a)
		}
	case "startswith", "endswith", "contains":
		r.constant(op, a, b)
	}
}

// texts marks conditions of agreements that are put into a text, counted, or held
// against constants.
func (r *reading) texts(call []*ast.Term) {
	if op := call[0].String(); op == "concat" || op == "count" || strings.HasPrefix(op, "is_") || r.tests[op] {
		for _, t := range call[1:] {
			r.placeCondition(t)
		}
	}
}

func (r *reading) placeCondition(t *ast.Term) {
	if ref, ok := t.Value.(ast.Ref); ok && strings.HasPrefix(ref.String(), condition) {
		r.placed[t] = true
	}
}

// counted marks a count that is held against a number.
func (r *reading) counted(t, number *ast.Term) bool {
	call, ok := t.Value.(ast.Call)
	if _, isNumber := number.Value.(ast.Number); !ok || !isNumber || len(call) != 2 || call[0].String() != "count" {
		return false
	}
	r.placed[call[0]] = true
	if p, ok := inputPath(call[1]); ok {
		r.placed[call[1]] = true
		r.add(question{path: p, how: byLength})
	}
	return true
}

// constant marks a part of the input that is held against a constant.
func (r *reading) constant(op string, t, constant *ast.Term) bool {
	p, ok := inputPath(t)
	if !ok {
		return false
	}
	switch c := constant.Value.(type) {
	case ast.Null:
		r.add(question{path: p, how: byNull})
	case ast.String:
		r.add(question{path: p, how: outcomes[op], with: string(c)})
	default:
		return false
	}
	r.placed[t] = true
	return true
}

// ordered marks a part of the input, or the time, that is held against a member
// of something local.
func (r *reading) ordered(t, other *ast.Term) bool {
	member, ok := memberOf(other)
	if !ok {
		return false
	}
	p, ok := inputPath(t)
	if v, isVar := t.Value.(ast.Var); isVar && r.clocks[string(v)] {
		p, ok = timePath, true
	} else if p == timePath {
		return false // as text
	}
	if !ok {
		return false
	}
	if r.against[p] == nil {
		r.against[p] = map[string]bool{}
	}
	r.against[p][member] = true
	r.flow.compares[r.rule] = true
	r.placed[t] = true
	r.add(question{path: p, how: byOrder})
	return true
}

// memberOf returns the names by which a term is a member of something local.
func memberOf(t *ast.Term) (string, bool) {
	ref, ok := t.Value.(ast.Ref)
	if !ok || len(ref) < 2 {
		return "", false
	}
	head, local := ref[0].Value.(ast.Var)
	if !local || head.Equal(ast.InputRootDocument.Value) || head.Equal(ast.DefaultRootDocument.Value) {
		return "", false
	}
	return constants(ref)
}

// rest goes over the whole module: what is read in a place that was not marked
// is read as it stands.
func (r *reading) rest(m *ast.Module) {
	core := isCore(m)
	eachTerm(m, func(t *ast.Term) { r.term(t, core) })
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Import:
			if ref, ok := rooted(x.Path, ast.InputRootDocument); ok {
				p, _ := constants(ref)
				r.add(question{path: p, how: byValue})
			}
		case *ast.With:
			r.whole()
		case *ast.Expr:
			if terms, ok := x.Terms.([]*ast.Term); ok && core {
				r.calls(terms[0])
			}
		case ast.Call:
			if core {
				r.calls(x[0])
			}
		}
		return false
	}).Walk(m)
}

func (r *reading) whole() { r.add(question{how: byValue}) }

// calls notes a call that may make a number. Calls of the core's own rules make
// what those make.
func (r *reading) calls(op *ast.Term) {
	name := op.String()
	if !r.placed[op] && !slices.Contains(quiet, name) && !strings.HasPrefix(name, "_") {
		r.loud = true
	}
}

func (r *reading) term(t *ast.Term, core bool) {
	if r.placed[t] {
		return
	}
	if ref, ok := rooted(t, ast.InputRootDocument); ok {
		p, _ := constants(ref)
		r.add(question{path: p, how: byValue})
		return
	}
	if ref, ok := rooted(t, ast.DefaultRootDocument); ok {
		// What is not of the core could use its clock, and could give it numbers.
		r.loud = r.loud || slices.ContainsFunc(r.modules, func(m *ast.Module) bool {
			return core != isCore(m) && leadsTo(ref, m.Package.Path)
		})
		return
	}
	if v, ok := t.Value.(ast.Var); ok && core && r.clocks[string(v)] {
		r.add(question{path: timePath, how: byValue})
	}
	if ref, ok := t.Value.(ast.Ref); ok && core && r.clocks[ref[0].String()] {
		r.add(question{path: timePath, how: byValue})
	}
}

func (r *reading) add(q question) { r.asks[q.name()] = q }
