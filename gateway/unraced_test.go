package gateway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// listed are the words of a list in the Makefile.
func listed(t *testing.T, name string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` := ((?:.*\\\n)*.*)$`).FindStringSubmatch(read(t, "../Makefile"))
	if found == nil {
		t.Fatal("the Makefile has no " + name)
	}
	return strings.Fields(strings.ReplaceAll(found[1], "\\\n", " "))
}

// testFunctions are the tests of the module, by name; a name may be that of several.
func testFunctions(t *testing.T) map[string][]*ast.FuncDecl {
	t.Helper()
	root, all := os.DirFS(".."), map[string][]*ast.FuncDecl{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return descend(root, name)
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				all[f.Name.Name] = append(all[f.Name.Name], f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestUnraced holds what the race detector does not see: each name is that of one
// test, which starts no goroutine. And the gate runs what it leaves out.
func TestUnraced(t *testing.T) {
	t.Parallel()
	tests, names := testFunctions(t), listed(t, "UNRACED")
	for _, name := range names {
		if len(tests[name]) != 1 {
			t.Errorf("%s is the name of %d tests", name, len(tests[name]))
			continue
		}
		if startsGoroutine(tests[name][0]) {
			t.Errorf("%s starts a goroutine and is kept from the race detector", name)
		}
	}
	makefile := read(t, "../Makefile")
	for _, part := range []string{"-skip='$(unraced)' $(raced)", "-run='$(unraced)'", "-timeout 10m $(SEQUENTIAL)", " race unraced "} {
		if strings.Count(makefile, part) != 1 {
			t.Errorf("the Makefile has not one %q", part)
		}
	}
	if len(names) == 0 || len(tests) < 100 {
		t.Errorf("%d names and %d tests were read", len(names), len(tests))
	}
}

// TestSequentialPackages holds that nothing in a package that the race detector does not
// see starts a goroutine, neither code nor test.
func TestSequentialPackages(t *testing.T) {
	t.Parallel()
	for _, dir := range listed(t, "SEQUENTIAL") {
		names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Errorf("%s: %d files, %v", dir, len(names), err)
		}
		for _, name := range names {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if startsGoroutine(file) {
				t.Errorf("%s starts a goroutine and is kept from the race detector", name)
			}
		}
	}
}

// startsGoroutine finds a go statement, or a call of a Go method, as of a WaitGroup, or
// of AfterFunc.
func startsGoroutine(f ast.Node) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Go" || n.Sel.Name == "AfterFunc"
		}
		return true
	})
	return found
}
