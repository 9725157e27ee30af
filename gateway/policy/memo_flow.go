package policy

import "github.com/open-policy-agent/opa/v1/ast"

// flow is which rules of the core a comparison can get its other side from: the
// rules that compare, those that call them, if they are functions, with what, and
// everything that any of these uses.
type flow struct {
	// uses are the rules that each rule names, and functions those that take
	// arguments.
	uses      map[string]map[string]bool
	functions map[string]bool
	// written are the names in the objects that each rule writes itself.
	written map[string]map[string]bool
	// compares are the rules in which a part of the input is held against a
	// member of something.
	compares map[string]bool
}

func newFlow(modules []*ast.Module) *flow {
	f := &flow{
		uses: map[string]map[string]bool{}, functions: map[string]bool{},
		written: map[string]map[string]bool{}, compares: map[string]bool{},
	}
	for _, m := range modules {
		for _, rule := range m.Rules {
			if name := string(rule.Head.Name); isCore(m) && f.uses[name] == nil {
				f.uses[name], f.written[name] = map[string]bool{}, map[string]bool{}
			}
		}
	}
	for _, m := range modules {
		for _, rule := range m.Rules {
			if isCore(m) {
				f.add(string(rule.Head.Name), rule)
			}
		}
	}
	return f
}

func (f *flow) add(name string, rule *ast.Rule) {
	f.functions[name] = f.functions[name] || len(rule.Head.Args) > 0
	eachTerm(rule, func(t *ast.Term) {
		head := t
		switch v := t.Value.(type) {
		case ast.Ref:
			head = v[0]
		case ast.Object:
			v.Foreach(func(k, _ *ast.Term) {
				if key, ok := k.Value.(ast.String); ok {
					f.written[name][string(key)] = true
				}
			})
		}
		if v, ok := head.Value.(ast.Var); ok && f.uses[string(v)] != nil {
			f.uses[name][string(v)] = true
		}
	})
}

// names are those in the objects that a comparison can get its other side from.
func (f *flow) names() map[string]bool {
	callers, seen, out := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var up, down func(rule string)
	up = func(rule string) {
		if callers[rule] {
			return
		}
		callers[rule] = true
		for other, uses := range f.uses {
			if f.functions[rule] && uses[rule] {
				up(other)
			}
		}
	}
	down = func(rule string) {
		if seen[rule] {
			return
		}
		seen[rule] = true
		for key := range f.written[rule] {
			out[key] = true
		}
		for other := range f.uses[rule] {
			down(other)
		}
	}
	for rule := range f.compares {
		up(rule)
	}
	for rule := range callers {
		down(rule)
	}
	return out
}
