package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// conditionsFile is the name of an agreement's conditions among the sources.
func conditionsFile(id string) string { return "agreements/" + id + "/conditions.rego" }

// conditionsPackage is the package of an agreement's conditions.
func conditionsPackage(id string) ast.Ref {
	return ast.DefaultRootRef.Append(ast.StringTerm("concord")).Append(ast.StringTerm("agreements")).Append(ast.StringTerm(id))
}

// checkSources finds what the compiler lets through. Whoever writes the
// conditions of an agreement is held to the question and to their own package:
// what they could read of others they could tell, in a refusal or by one.
func (s *sources) checkSources(cfg Config) error {
	var found Flaws
	for _, name := range slices.Sorted(maps.Keys(s.modules)) {
		c := inspector{file: name}
		c.inspect(s.modules[name])
		found = append(found, c.found...)
	}
	for _, a := range cfg.Agreements.All() {
		if m, ok := s.modules[conditionsFile(a.ID)]; ok {
			c := inspector{file: conditionsFile(a.ID), own: conditionsPackage(a.ID), id: a.ID}
			c.inspectConditions(m)
			found = append(found, c.found...)
		}
	}
	return found.err()
}

// inspector gathers the flaws of one module.
type inspector struct {
	file string
	// own is the package that conditions may read, and id their agreement.
	own   ast.Ref
	id    string
	found Flaws
}

func (c *inspector) add(at *ast.Location, rule, message, remedy string) {
	line := 0
	if at != nil {
		line = at.Row
	}
	c.found = append(c.found, Flaw{File: c.file, Line: line, Rule: rule, Message: message, Remedy: remedy})
}

// inspect finds what no module may have.
func (c *inspector) inspect(m *ast.Module) {
	ast.WalkExprs(m, func(e *ast.Expr) bool {
		for _, w := range e.With {
			c.add(w.Location, "no-with", "\"with\" puts other data or functions in the place of those that decide",
				"say it without \"with\", which is for tests")
		}
		if e.IsCall() && slices.Contains([]string{"print", "trace"}, e.Operator().String()) {
			c.add(e.Location, "no-output", "a rule decides and says nothing on the side: "+e.Operator().String()+" would write what the question holds",
				"take it out")
		}
		return false
	})
}

// inspectConditions finds what the conditions of an agreement may not have.
func (c *inspector) inspectConditions(m *ast.Module) {
	if !m.Package.Path.Equal(c.own) {
		c.add(m.Package.Location, "package", fmt.Sprintf("the package must be concord.agreements[%q]", c.id),
			"give the conditions the package of their agreement")
	}
	for _, i := range m.Imports {
		if path, ok := i.Path.Value.(ast.Ref); ok && (path[0].Equal(ast.InputRootDocument) || path.HasPrefix(c.own) || path.String() == "rego.v1") {
			continue
		}
		c.add(i.Location, "import", i.Path.String()+" is not the agreement's", "import nothing but parts of input")
	}
	for _, r := range m.Rules {
		c.inspectReads(r)
	}
}

// inspectReads finds the data that a rule reads, and refuses all but its own.
func (c *inspector) inspectReads(r *ast.Rule) {
	heads := map[*ast.Term]bool{}
	outside := func(t *ast.Term, name string) {
		c.add(t.Location, "outside", name+" is neither input nor of this agreement",
			"decide by input and by rules of this package alone")
	}
	ast.WalkTerms(r, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Ref:
			heads[v[0]] = true
			if v[0].Equal(ast.DefaultRootDocument) && !v.HasPrefix(c.own) {
				outside(t, v.String())
			}
		case ast.Var:
			if v.Equal(ast.DefaultRootDocument.Value) && !heads[t] {
				outside(t, v.String())
			}
		}
		return false
	})
}
