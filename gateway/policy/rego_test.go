package policy

import (
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/policies"
)

// regoFiles reads every Rego file that is shipped, tests included.
func regoFiles(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(policies.Files, ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".rego" {
			out[name], err = policies.Files.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d Rego files found", len(out))
	}
	return out
}

func parsed(t *testing.T, files map[string][]byte) map[string]*ast.Module {
	t.Helper()
	out := map[string]*ast.Module{}
	for name, raw := range files {
		m, err := ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{
			ProcessAnnotation: true, RegoVersion: ast.RegoV1,
		})
		if err != nil {
			t.Fatal(err)
		}
		out[name] = m
	}
	return out
}

// inputSchemas are what the METADATA of the packages refer to.
func inputSchemas(t *testing.T) *ast.SchemaSet {
	t.Helper()
	set := ast.NewSchemaSet()
	for _, name := range []string{"release_input", "access_input"} {
		raw, err := policies.Files.ReadFile("concord/schemas/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		set.Put(ast.MustParseRef("schema."+name), doc)
	}
	return set
}

func TestRegoFormat(t *testing.T) {
	for name, raw := range regoFiles(t) {
		want, err := format.SourceWithOpts(name, raw, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(raw) {
			t.Errorf("%s is not in opa format: make fmt", name)
		}
		if lines := strings.Count(string(raw), "\n"); lines > 120 {
			t.Errorf("%s has %d lines; split it", name, lines)
		}
	}
}

func TestRegoStrictWithSchemas(t *testing.T) {
	modules := parsed(t, regoFiles(t))
	c := ast.NewCompiler().WithStrict(true).WithCapabilities(capabilities()).
		WithSchemas(inputSchemas(t)).WithUseTypeCheckAnnotations(true)
	c.Compile(modules)
	if c.Failed() {
		t.Fatal(c.Errors)
	}
	// The check can fail: a path that the schema does not have is an error.
	wrong := parsed(t, map[string][]byte{"x.rego": []byte(
		"# METADATA\n# schemas:\n#   - input: schema.release_input\npackage x\n\np if input.request.purposes == \"a\"\n")})
	c = ast.NewCompiler().WithStrict(true).WithSchemas(inputSchemas(t)).WithUseTypeCheckAnnotations(true)
	if c.Compile(wrong); !c.Failed() {
		t.Error("a reference that the input schema does not have compiles")
	}
}

// Every package and every public rule says what it is; every reason has its
// code and message beside the rule.
func TestRegoMetadata(t *testing.T) {
	for name, m := range parsed(t, regoFiles(t)) {
		if strings.HasSuffix(name, "_test.rego") {
			continue
		}
		for _, a := range m.Annotations {
			if a.Title == "" || a.Description == "" {
				t.Errorf("%s: METADATA at line %d lacks title or description", name, a.Location.Row)
			}
		}
		described := map[string]bool{}
		for _, r := range m.Rules {
			described[r.Head.Ref()[0].String()] = described[r.Head.Ref()[0].String()] || len(r.Annotations) > 0
		}
		for rule, ok := range described {
			if !ok && !strings.HasPrefix(rule, "_") {
				t.Errorf("%s: rule %s has no METADATA", name, rule)
			}
		}
	}
}

func TestRego(t *testing.T) {
	report, err := RunTests(t.Context(), regoFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if !r.Passed {
			t.Error(r.Line())
		}
	}
	if report.Passed < 30 {
		t.Errorf("only %d Rego tests passed", report.Passed)
	}
	for _, place := range report.Uncovered {
		t.Errorf("%s is not covered by any Rego test", place)
	}
}

// A test that fails is reported as such, and a rule that no test asks as
// uncovered.
func TestRunTestsFinds(t *testing.T) {
	files := map[string][]byte{
		"a.rego":      []byte("package a\n\np := 1\n\nq := 2\n"),
		"a_test.rego": []byte("package a_test\n\nimport data.a\n\ntest_right if a.p == 1\n\ntest_wrong if a.p == 2\n"),
	}
	report, err := RunTests(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed != 1 || report.Failed != 1 || report.Coverage != 50 || len(report.Uncovered) != 1 || report.Uncovered[0] != "a.rego:5-5" {
		t.Errorf("%+v", report)
	}
	if _, err := RunTests(t.Context(), map[string][]byte{"a.rego": []byte("package")}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestCapabilitiesLeaveOutWhatDoesNotReplay(t *testing.T) {
	left := capabilities()
	for _, name := range []string{
		"http.send", "opa.runtime", "rand.intn", "time.now_ns", "net.lookup_ip_addr", "net.cidr_contains",
		"io.jwt.decode", "uuid.rfc4122",
	} {
		if slices.ContainsFunc(left.Builtins, func(b *ast.Builtin) bool { return b.Name == name }) {
			t.Errorf("%s may be used", name)
		}
		if _, ok := ast.BuiltinMap[name]; !ok {
			t.Errorf("%s is not a built-in function of this OPA: the list is stale", name)
		}
	}
}
