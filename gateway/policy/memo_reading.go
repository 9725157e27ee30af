package policy

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// reading is what the rules that a release can depend on look at in their input,
// found in their text as parsed, before any name is resolved.
//
// The paths that are read come from every reference to input: its leading string
// constants. An input that is used whole, bound to a name or replaced (with) is
// read whole. How a path is read comes from where the reference stands:
//
//   - held against null, or counted and held against a number: nullness, length;
//   - held against a string constant by ==, startswith and their like: the
//     outcome;
//   - held by < <= > >= against a member of something local, such as
//     guard.limit.per_hour: the place among all numbers that the data has under
//     that name, here limit.per_hour;
//   - the time, turned into nanoseconds by a rule of its own: as before, where
//     the name of that rule stands only in such comparisons;
//   - anywhere else: the value.
//
// Places among numbers are all that matters only while no rule makes numbers of
// its own. So they are used only where the rules call nothing that can (see
// quiet), count only to hold the count against a number, and use the conditions
// of agreements as truths and texts alone; and where no condition looks at the
// core's rules. Otherwise usage and time count as they stand. Where a rule that
// has to do with the comparison (see flow) writes an object that has the name, the place is that among all numbers
// of the data and the rules. That it gives such a name to something else by
// computing it is not looked for: a Memo's own checks would find it.
type reading struct {
	modules []*ast.Module
	data    ast.Object
	// placed are the terms that stand in a place that is understood.
	placed map[*ast.Term]bool
	asks   map[string]question
	// clocks are the names of the rules that hold the time in nanoseconds.
	clocks map[string]bool
	// tests are the functions of the core that only hold their arguments against
	// constants; false for those that do not.
	tests map[string]bool
	// against are the names of what a path is held against, by path.
	against map[string]map[string]bool
	flow    *flow
	// rule is the name of the rule that is looked at.
	rule string
	// loud is set where a rule may make numbers.
	loud bool
}

const (
	timePath  = "request/time"
	nanos     = "time.parse_rfc3339_ns"
	condition = "data.concord.agreements"
)

func newReading(modules map[string]*ast.Module, data ast.Object) *reading {
	r := &reading{
		modules: reachable(modules), data: data, placed: map[*ast.Term]bool{}, asks: map[string]question{},
		clocks: map[string]bool{}, tests: map[string]bool{}, against: map[string]map[string]bool{},
	}
	for i, m := range r.modules {
		r.modules[i] = plain(m)
	}
	r.flow = newFlow(r.modules)
	for _, m := range r.modules {
		r.findClocks(m)
		r.findTests(m)
	}
	for _, m := range r.modules {
		r.place(m)
	}
	for _, m := range r.modules {
		r.rest(m)
	}
	return r
}

// isCore reports whether a module is one of the rules of release.
func isCore(m *ast.Module) bool { return m.Package.Path.String() == releasePackage }

// reachable are the modules whose rules the release can depend on, by the
// packages that they name: a reference to data belongs to every package that it
// could lead into, where a variable could be any name.
func reachable(modules map[string]*ast.Module) []*ast.Module {
	var out, rest []*ast.Module
	for _, m := range modules {
		if isCore(m) {
			out = append(out, m)
		} else {
			rest = append(rest, m)
		}
	}
	for i := 0; i < len(out); i++ {
		eachRef(out[i], func(ref ast.Ref) {
			rest = slices.DeleteFunc(rest, func(m *ast.Module) bool {
				leads := leadsTo(ref, m.Package.Path)
				if leads {
					out = append(out, m)
				}
				return leads
			})
		})
	}
	return out
}

// eachRef calls f with each reference to data, in an import too.
func eachRef(m *ast.Module, f func(ast.Ref)) {
	eachTerm(m, func(t *ast.Term) {
		if ref, ok := rooted(t, ast.DefaultRootDocument); ok {
			f(ref)
		}
	})
}

// eachTerm calls f with each term of a rule, or of a module but its package, and not
// with the head of a reference, which is part of it.
func eachTerm(in any, f func(*ast.Term)) {
	var v *ast.GenericVisitor
	v = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Package:
			return true
		case *ast.Term:
			f(x)
			ref, ok := x.Value.(ast.Ref)
			if ok {
				for _, t := range ref[1:] {
					v.Walk(t)
				}
				// A reference may begin with a call or a comprehension.
				if _, name := ref[0].Value.(ast.Var); !name {
					v.Walk(ref[0])
				}
			}
			return ok
		}
		return false
	})
	v.Walk(in)
}

// rooted returns a term as a reference that begins with a root document.
func rooted(t *ast.Term, root *ast.Term) (ast.Ref, bool) {
	switch v := t.Value.(type) {
	case ast.Var:
		return ast.Ref{t}, v.Equal(root.Value)
	case ast.Ref:
		return v, len(v) > 0 && v[0].Equal(root)
	}
	return nil, false
}

// leadsTo reports whether a reference could be to something in a package, or to
// something that holds it.
func leadsTo(ref, pkg ast.Ref) bool {
	for i := 1; i < min(len(ref), len(pkg)); i++ {
		if _, constant := ref[i].Value.(ast.String); constant && !ref[i].Equal(pkg[i]) {
			return false
		}
	}
	return true
}

// constants returns the leading constants of a reference to input, and whether they
// are all of it.
func constants(ref ast.Ref) (p string, whole bool) {
	var names []string
	for _, t := range ref[1:] {
		s, ok := t.Value.(ast.String)
		if !ok {
			return strings.Join(names, "/"), false
		}
		names = append(names, string(s))
	}
	return strings.Join(names, "/"), true
}

// inputPath returns the path of a term that is a reference to input and nothing
// else.
func inputPath(t *ast.Term) (string, bool) {
	ref, ok := rooted(t, ast.InputRootDocument)
	if !ok || len(ref) == 1 {
		return "", false
	}
	return constants(ref)
}

// findClocks finds the rules of the core that are the time in nanoseconds.
func (r *reading) findClocks(m *ast.Module) {
	if !isCore(m) {
		return
	}
	for _, rule := range m.Rules {
		h := rule.Head
		call, ok := ast.Call(nil), false
		if h.Value != nil {
			call, ok = h.Value.Value.(ast.Call)
		}
		alone := len(h.Reference) == 1 && h.Key == nil && len(h.Args) == 0 && rule.Else == nil && isTrue(rule.Body)
		if !ok || !alone || len(call) != 2 || call[0].String() != nanos {
			continue
		}
		if p, ok := inputPath(call[1]); ok && p == timePath {
			r.clocks[string(h.Name)] = true
			r.placed[h.Value], r.placed[call[0]], r.placed[call[1]] = true, true, true
			r.placed[h.Reference[0]] = true
		}
	}
}

// findTests finds the functions of the core whose arguments are all constants,
// in each of their definitions.
func (r *reading) findTests(m *ast.Module) {
	for _, rule := range m.Rules {
		if !isCore(m) || len(rule.Head.Args) == 0 {
			continue
		}
		only, known := r.tests[string(rule.Head.Name)]
		only = only || !known
		for _, t := range rule.Head.Args {
			only = only && ast.IsConstant(t.Value)
		}
		r.tests[string(rule.Head.Name)] = only
	}
}

func isTrue(b ast.Body) bool {
	if len(b) != 1 || b[0].Negated || len(b[0].With) > 0 {
		return false
	}
	t, ok := b[0].Terms.(*ast.Term)
	return ok && t.Value.Compare(ast.Boolean(true)) == 0
}
