package gateway_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// checkImports reads the imports of every Go file of the module, whatever its
// build tags, and returns what breaks the rules.
func checkImports(root fs.FS) ([]string, error) {
	var found []string
	unlisted := map[string]bool{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return descend(root, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		dir := path.Dir(name)
		r, ok := ruleOf(dir)
		if !ok {
			if !unlisted[dir] {
				unlisted[dir] = true
				found = append(found, dir+": has no rule in gateway/deps_test.go")
			}
			return nil
		}
		imports, err := importsOf(root, name)
		if err != nil {
			return err
		}
		for _, imported := range imports {
			if !allowed(dir, r, imported, strings.HasSuffix(name, "_test.go")) {
				found = append(found, fmt.Sprintf("%s: may not import %s", name, strings.TrimPrefix(imported, module+"/")))
			}
		}
		return nil
	})
	return found, err
}

// descend leaves out what the go command leaves out: folders that begin with a
// dot or an underscore, test data and other modules.
func descend(root fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if base[0] == '.' || base[0] == '_' || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func importsOf(root fs.FS, name string) ([]string, error) {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	imports := make([]string, 0, len(parsed.Imports))
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imports = append(imports, imported)
	}
	return imports, nil
}

// allowed says whether a file of package dir may import what it imports.
func allowed(dir string, r rule, imported string, test bool) bool {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return allowedOwn(dir, r, own, test)
	}
	owners, listed := ownersOf(imported)
	if !listed {
		first, _, _ := strings.Cut(imported, "/")
		return !strings.Contains(first, ".") // the rest of the standard library
	}
	for owner := range strings.FieldsSeq(owners) {
		if owner == tests && test || covers(owner, dir) {
			return true
		}
	}
	return false
}

// attacks is what any test may import.
const attacks = "gateway/attacktest"

func allowedOwn(dir string, r rule, own string, test bool) bool {
	to, ok := ruleOf(own)
	if !ok {
		return false
	}
	if test && (own == dir || own == attacks || names(r.tests, own)) {
		return true
	}
	return slices.Contains(sees[r.kind], to.kind) && (r.imports == "*" || names(r.imports, own))
}

// names says whether a list of a rule names the package.
func names(list, own string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(name string) bool {
		return covers(resolve(name), own)
	})
}

// resolve turns a name of a rule into a folder: names are below gateway/,
// unless they begin with "//".
func resolve(name string) string {
	if top, ok := strings.CutPrefix(name, "//"); ok {
		return top
	}
	return "gateway/" + name
}

// ruleOf returns the rule of a package: its own, or the one that covers it.
func ruleOf(dir string) (rule, bool) {
	if r, ok := rules[dir]; ok {
		return r, true
	}
	for at := dir; at != "."; at = path.Dir(at) {
		if r, ok := rules[at+"/..."]; ok {
			return r, true
		}
	}
	return rule{}, false
}

// ownersOf returns the owners of a library by the longest prefix of whole path
// elements.
func ownersOf(imported string) (string, bool) {
	for at := imported; at != "." && at != "/"; at = path.Dir(at) {
		if owners, ok := libraries[at]; ok {
			return owners, true
		}
	}
	return "", false
}

// covers says whether a pattern, "a/b" or "a/b/...", covers a folder.
func covers(pattern, dir string) bool {
	above, tree := strings.CutSuffix(pattern, "/...")
	return dir == above || tree && strings.HasPrefix(dir, above+"/")
}

// circleFrom follows the lists of rules from pkg and returns the first way
// back to it.
func circleFrom(rules map[string]rule, pkg string, way []string) []string {
	if slices.Contains(way, pkg) {
		if way[0] == pkg {
			return append(way, pkg)
		}
		return nil
	}
	r := rules[pkg]
	for name := range strings.FieldsSeq(r.imports) {
		if name == "*" {
			continue
		}
		if circle := circleFrom(rules, resolve(name), append(slices.Clone(way), pkg)); circle != nil {
			return circle
		}
	}
	return nil
}
