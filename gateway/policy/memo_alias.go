package policy

import "github.com/open-policy-agent/opa/v1/ast"

// plain returns a copy of a module in which a name that a rule gives to a part of
// the input, or of the data, is replaced by what it names:
//
//	used := input.usage
//	used.subjects_last_day < limit.per_day
//
// A name that a rule gives twice stays as it is, and what it names then counts as
// read whole. Where the name means something else in a part of the rule, more is
// taken to be read than is.
func plain(m *ast.Module) *ast.Module {
	m = m.Copy()
	for _, rule := range m.Rules {
		named, times := map[ast.Var]*ast.Term{}, map[ast.Var]int{}
		each := func(f func(name ast.Var, of *ast.Term)) {
			ast.NewGenericVisitor(func(x any) bool {
				if e, ok := x.(*ast.Expr); ok && len(e.With) == 0 && !e.Negated && e.IsAssignment() {
					if v, ok := e.Operand(0).Value.(ast.Var); ok {
						f(v, e.Operand(1))
					}
				}
				return false
			}).Walk(rule)
		}
		each(func(name ast.Var, of *ast.Term) {
			times[name]++
			if rootedPart(of) {
				named[name] = of
			}
		})
		refs := map[ast.Var]ast.Ref{}
		for name, of := range named {
			if ref, ok := of.Value.(ast.Ref); ok && times[name] == 1 {
				refs[name] = ref.Copy()
			}
		}
		// What names are given to need not be looked at any more.
		each(func(name ast.Var, of *ast.Term) {
			if refs[name] != nil {
				of.Value = ast.Boolean(true)
			}
		})
		unname(rule, refs)
	}
	return m
}

// rootedPart reports whether a term is a reference to a part of the input or of
// the data, and not to the whole.
func rootedPart(t *ast.Term) bool {
	if _, ok := inputPath(t); ok {
		return true
	}
	ref, ok := rooted(t, ast.DefaultRootDocument)
	return ok && len(ref) > 1
}

// unname puts what is named in the place of each name but where it is given. A
// reference may hold names that are replaced in turn.
func unname(rule *ast.Rule, refs map[ast.Var]ast.Ref) {
	given := map[*ast.Term]bool{}
	var v *ast.GenericVisitor
	v = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			if x.IsAssignment() {
				given[x.Operand(0)] = true
			}
		case *ast.Term:
			switch value := x.Value.(type) {
			case ast.Var:
				if ref := refs[value]; ref != nil && !given[x] {
					x.Value = ref.Copy()
				}
			case ast.Ref:
				for _, t := range value[1:] {
					v.Walk(t)
				}
				head, ok := value[0].Value.(ast.Var)
				if ref := refs[head]; ok && ref != nil {
					x.Value = append(ref.Copy(), value[1:]...)
				}
				return ok
			}
		}
		return false
	})
	v.Walk(rule)
}
