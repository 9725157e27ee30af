package gateway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAtOnce holds the list of what the race detector sees of the packages that start
// whole gateways: each name is that of one test, and every test is there in which
// something is at once, by itself or by what it calls. Both steps read that list, so
// that each test is run by exactly one.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	names, dirs := listed(t, "AT_ONCE"), listed(t, "GATEWAYS")
	times := map[string]int{}
	for _, dir := range dirs {
		busy := atOnce(t, filepath.Join("..", dir))
		for name, is := range busy {
			times[name]++
			if is && !slices.Contains(names, name) {
				t.Errorf("%s: in %s something is at once, and it is kept from the race detector", dir, name)
			}
			if slices.Contains(listed(t, "UNRACED"), name) {
				t.Errorf("%s: %s is run twice, as it is in UNRACED", dir, name)
			}
		}
		if len(busy) < 10 {
			t.Errorf("%s: %d tests were read", dir, len(busy))
		}
	}
	for _, name := range names {
		if times[name] != 1 {
			t.Errorf("%s is the name of %d tests", name, times[name])
		}
	}
	makefile := read(t, "../Makefile")
	for _, part := range []string{"-run='$(at_once)' $(gateways)", "-skip='$(at_once)' -p $(P) -timeout 10m $(GATEWAYS)"} {
		if strings.Count(makefile, part) != 1 {
			t.Errorf("the Makefile has not one %q", part)
		}
	}
	if len(names) == 0 || len(dirs) == 0 {
		t.Errorf("%d names and %d packages were read", len(names), len(dirs))
	}
}

// atOnce says of each test of a package whether something is at once in it: whether it
// reaches, through functions and methods of the package's test files, one that starts a
// goroutine or has parts that share something in parallel. Methods are told by name alone, which finds
// too many rather than too few.
func atOnce(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	busy, uses := map[string]bool{}, map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			for _, name := range namesOf(d) {
				busy[name] = busy[name] || startsGoroutine(d) || sharesInParallel(d, importNames(file))
				uses[name] = append(uses[name], usedBy(d)...)
			}
		}
	}
	for again := true; again; {
		again = false
		for name, used := range uses {
			if !busy[name] && slices.ContainsFunc(used, func(u string) bool { return busy[u] }) {
				busy[name], again = true, true
			}
		}
	}
	tests := map[string]bool{}
	for name, is := range busy {
		if strings.HasPrefix(name, "Test") && name != "TestMain" || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example") {
			tests[name] = is
		}
	}
	return tests
}

// namesOf are the names of the function or the variables that a declaration declares: a
// table may hold functions, which are then those of whoever names the table. A method
// has a dot before its name.
func namesOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			return []string{"." + d.Name.Name}
		}
		return []string{d.Name.Name}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, name := range v.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// usedBy are the names that stand in a node, with a dot before what is selected.
func usedBy(n ast.Node) (names []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			names = append(append(names, "."+n.Sel.Name), usedBy(n.X)...)
			return false
		case *ast.Ident:
			names = append(names, n.Name)
		}
		return true
	})
	return names
}
