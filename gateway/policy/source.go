package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// agenciesFile lists the agencies that take part; one of them is the host.
const agenciesFile = "agencies.json"

// sources is the policy as read.
type sources struct {
	// files holds the bytes of each file by name, for the revision.
	files    map[string][]byte
	modules  map[string]*ast.Module
	agencies object
	// texts are the words of the reasons by code.
	texts map[string]text
}

// readSources reads and parses the core rules and the conditions of the
// agreements.
func readSources(cfg Config) (*sources, error) {
	s := &sources{files: map[string][]byte{}, modules: map[string]*ast.Module{}}
	err := fs.WalkDir(cfg.Core, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		raw, err := fs.ReadFile(cfg.Core, name)
		if err != nil {
			return err
		}
		switch {
		case path.Ext(name) == ".rego":
			return s.add("concord/"+name, raw, "concord.")
		case name == agenciesFile:
			s.files["concord/"+name] = raw
			return json.Unmarshal(raw, &s.agencies)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, a := range cfg.Agreements.All() {
		if len(a.Conditions) == 0 {
			continue
		}
		if err := s.add(conditionsFile(a.ID), a.Conditions, ""); err != nil {
			return nil, err
		}
	}
	s.texts = readTexts(s.modules)
	return s, s.checkSources(cfg)
}

func (s *sources) add(name string, raw []byte, prefix string) error {
	m, err := ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{
		ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(),
	})
	if err != nil {
		return flawed(err)
	}
	if m == nil || m.Package == nil {
		return fmt.Errorf("%s: there is no package in it", name)
	}
	if got := strings.TrimPrefix(m.Package.Path.String(), "data."); !strings.HasPrefix(got, prefix) {
		return fmt.Errorf("%s:%d: the package is %s and must begin with %s", name, m.Package.Location.Row, got, prefix)
	}
	s.files[name], s.modules[name] = raw, m
	return nil
}

// revision digests the names and bytes of everything that a decision depends
// on.
func (s *sources) revision(cfg Config) string {
	files := maps.Clone(s.files)
	for _, a := range cfg.Agreements.All() {
		files["agreements/"+a.ID+"/agreement.json"] = a.Source
		if a.Suspended != nil { // by the agreement itself, or since
			files["suspended/"+a.ID] = fmt.Appendf(nil, "%q %q", a.Suspended.On, a.Suspended.By)
		}
	}
	for _, d := range cfg.Datasets.All() {
		files["datasets/"+d.Name] = d.Schema
	}
	for _, p := range cfg.Purposes {
		files["purposes/"+p.ID] = fmt.Appendf(nil, "%q %q %q %q %t %t", p.ID, p.Title, p.Description, p.Kinds, p.Emergency, p.LawEnforcement)
	}
	files["opa"] = []byte(cfg.evaluator())
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		fmt.Fprintf(h, "%q %x\n", name, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hosts are the agencies that the list marks as host.
func hosts(agencies object) map[string]bool {
	out := map[string]bool{}
	for id, about := range agencies {
		if a, ok := about.(object); ok && a["host"] == true {
			out[id] = true
		}
	}
	return out
}

func compile(modules map[string]*ast.Module) (*ast.Compiler, error) {
	c := ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	c.Compile(modules)
	if c.Failed() {
		return nil, flawed(c.Errors)
	}
	return c, nil
}

// forbidden are the beginnings of the names of built-in functions whose answer
// depends on anything but their arguments, or that reach out of the process.
var forbidden = []string{
	"http.", "net.", "opa.", "rand.", "uuid.", "time.now_ns", "io.jwt.", "crypto.", "providers.", "rego.parse_module",
}

// capabilities are what the rules may use of OPA.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.Nondeterministic || slices.ContainsFunc(forbidden, func(prefix string) bool {
			return strings.HasPrefix(b.Name, prefix)
		})
	})
	c.AllowNet = []string{}
	return c
}

// base answers for the store: what is loaded never changes, and a look-up by key
// need not go through a transaction. What it has not, the store says is not there.
type base struct{ data ast.Object }

// Get finds a part of the data.
func (b base) Get(ref ast.Ref) ast.Value {
	v, err := b.data.Find(ref[1:])
	if err != nil {
		return nil
	}
	return v
}

// Put keeps nothing: all is there already.
func (base) Put(ast.Ref, ast.Value) {}

// newStore holds the data as values of the evaluator, so that a look-up does
// not convert what it finds.
func newStore(data ast.Object) storage.Store { return inmem.NewFromASTObject(data) }
