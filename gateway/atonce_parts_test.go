package gateway_test

import (
	"go/ast"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sharesInParallel finds a part of a test that runs beside others and calls a method of
// what it does not have to itself, as of the one gateway of them all. To make a twin is
// to have one to oneself.
func sharesInParallel(d ast.Decl, imports []string) (found bool) {
	ast.Inspect(d, func(n ast.Node) bool {
		part, ok := n.(*ast.FuncLit)
		if !ok || !slices.Contains(usedBy(part.Body), ".Parallel") {
			return true
		}
		own := append(declaredIn(part), imports...)
		ast.Inspect(part.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				method, _ := call.Fun.(*ast.SelectorExpr)
				found = found || method != nil && method.Sel.Name != "twin" && !slices.Contains(own, rootOf(method))
			}
			return true
		})
		return true
	})
	return found
}

// rootOf is the name that an expression of selectors and calls begins with, or "".
func rootOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return rootOf(e.X)
	case *ast.CallExpr:
		return rootOf(e.Fun)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// declaredIn are the parameters and variables of a function.
func declaredIn(f *ast.FuncLit) []string {
	names := []string{""}
	add := func(list ...ast.Expr) {
		for _, e := range list {
			names = append(names, rootOf(e))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				add(name)
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.RangeStmt:
			add(n.Key, n.Value)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				add(name)
			}
		}
		return true
	})
	return names
}

// importNames are the names of what a file imports.
func importNames(f *ast.File) (names []string) {
	for _, i := range f.Imports {
		if i.Name != nil {
			names = append(names, i.Name.Name)
			continue
		}
		names = append(names, path.Base(strings.Trim(i.Path.Value, `"`)))
	}
	return names
}

// TestAtOnceFinds breaks the rule in each way, and keeps it where nothing is at once.
func TestAtOnceFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x_test.go"), atOnceSource)
	want := map[string]bool{
		"TestItself": true, "TestByFunction": true, "TestByMethod": true, "TestByTable": true, "TestShared": true,
		"TestAlone": false, "TestOwn": false, "TestTwin": false, "FuzzAlone": false,
	}
	if diff := cmp.Diff(want, atOnce(t, dir)); diff != "" {
		t.Errorf("(-want +found):\n%s", diff)
	}
}

const atOnceSource = `package x

import "example.org/other"

func TestItself(t *testing.T)     { var wg sync.WaitGroup; wg.Go(func() {}) }
func TestByFunction(t *testing.T) { between() }
func TestByMethod(t *testing.T)   { newHouse(t).flood() }
func TestByTable(t *testing.T)    { for _, f := range table { f() } }
func TestAlone(t *testing.T)      { flood := newHouse(t); flood.call() }
func FuzzAlone(f *testing.F)      {}

func between()          { deeper() }
func deeper()           { go func() {}() }
func (h *house) flood() { between() }

var table = []func(){func() { go func() {}() }}

func TestShared(t *testing.T) {
	h := newHouse(t)
	t.Run("a", func(t *testing.T) { t.Parallel(); h.in(t).call() })
}

func TestOwn(t *testing.T) {
	t.Run("a", func(t *testing.T) { t.Parallel(); h, _ := newHouse(t), 1; h.in(t).call(); other.Call(t) })
}

func TestTwin(t *testing.T) {
	base := newHouse(t)
	t.Run("a", func(t *testing.T) { t.Parallel(); h := base.twin(t); h.call() })
}

func TestMain(m *testing.M) { deeper() }
`
