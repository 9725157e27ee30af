package gateway_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// module is the path of this module.
const module = "github.com/concord-gateway/concord"

// kind is the part of the house that a package belongs to.
type kind string

const (
	base       kind = "base"       // faults: anyone may use it
	capability kind = "capability" // owns types and ports
	useCase    kind = "use case"   // joins capabilities for one purpose
	adapter    kind = "adapter"    // implements ports
	face       kind = "face"       // what people and machines talk to
	sample     kind = "sample"     // synthetic data and the demonstration
	files      kind = "files"      // folders of data, embedded
	wiring     kind = "wiring"     // joins everything
)

// sees says which kinds a kind may import at all. The list of a package
// narrows it further.
var sees = map[kind][]kind{
	base:       {},
	capability: {base, capability, files},
	useCase:    {base, capability},
	adapter:    {base, capability, useCase},
	face:       {base, capability, useCase, face},
	sample:     {base, capability, useCase, adapter, face, sample, files, wiring},
	files:      {},
	wiring:     {base, capability, useCase, adapter, face, sample, files, wiring},
}

// rule is what a package may import of this module, by folder below gateway/.
// "*" means all that its kind sees; tests adds what only its _test.go files may
// import, of any kind. Every test may import attacktest.
type rule struct {
	kind    kind
	imports string
	tests   string
}

// rules names every package of the module. A package that is not here fails
// the test: whoever adds one says where it stands. A path that ends in "/..."
// covers everything below it.
var rules = map[string]rule{
	"gateway/fault": {kind: base},

	"gateway/event":               {kind: capability, imports: "fault"},
	"gateway/spool":               {kind: capability, imports: "fault"},
	"gateway/intake":              {kind: capability, imports: "fault dataset agreement", tests: "release //schemas //policies"},
	"gateway/quality":             {kind: capability, imports: "fault dataset event intake", tests: "store/sqlite //schemas"},
	"gateway/keyring":             {kind: capability, imports: "fault"},
	"gateway/keyring/primitive":   {kind: capability, imports: "fault"},
	"gateway/keyring/register":    {kind: capability, imports: "fault event keyring", tests: "keyring/keyringtest keyring/local store/sqlite"},
	"gateway/limit":               {kind: capability},
	"gateway/text":                {kind: capability},
	"gateway/identity":            {kind: capability, imports: "fault", tests: "identity/devissuer"},
	"gateway/identity/devissuer":  {kind: capability, imports: "fault identity"},
	"gateway/notekey":             {kind: capability},
	"gateway/dataset":             {kind: capability, imports: "fault", tests: "//schemas"},
	"gateway/release":             {kind: capability, imports: "fault dataset", tests: "//schemas"},
	"gateway/agreement":           {kind: capability, imports: "fault dataset release //schemas", tests: "//policies"},
	"gateway/policy":              {kind: capability, imports: "fault dataset release agreement", tests: "//schemas //policies"},
	"gateway/policy/bundle":       {kind: capability, imports: "fault notekey", tests: "approval //schemas //policies"},
	"gateway/approval":            {kind: capability, imports: "fault notekey dataset agreement", tests: "//schemas //policies"},
	"gateway/replay":              {kind: capability, imports: "fault keyring audit release policy", tests: "dataset agreement identity caselink linkage rulebook profile store/sqlite keyring/local //schemas //policies"},
	"gateway/rulebook":            {kind: capability, imports: "fault dataset agreement approval policy policy/bundle", tests: "//schemas //policies"},
	"gateway/audit":               {kind: capability, imports: "fault keyring", tests: "store/sqlite store/mongo store/mongotest store/storetest keyring/local fleet"},
	"gateway/record":              {kind: capability, imports: "fault dataset keyring", tests: "keyring/local"},
	"gateway/erasure":             {kind: capability, imports: "fault audit event record", tests: "store/sqlite"},
	"gateway/linkage":             {kind: capability, imports: "fault dataset keyring record", tests: "keyring/local"},
	"gateway/caselink":            {kind: capability, imports: "fault event keyring linkage", tests: "dataset store/sqlite keyring/local"},
	"gateway/identity/provider":   {kind: capability, imports: "fault identity"},
	"gateway/identity/proofs":     {kind: capability, imports: "fault spool", tests: "store/sqlite store/mongo store/mongotest store/storetest"},
	"gateway/identity/revocation": {kind: capability, imports: "fault event identity keyring", tests: "store/sqlite keyring/local"},
	"gateway/identity/oidctest":   {kind: capability, tests: "fault identity identity/provider"},

	"gateway/activation": {kind: useCase, imports: "*", tests: "store/sqlite keyring/local demo //schemas //policies"},
	"gateway/authoring":  {kind: useCase, imports: "*", tests: "//schemas //policies"},
	"gateway/backup":     {kind: useCase, imports: "*", tests: "store/sqlite store/mongo store/mongotest keyring/local submission rulebook policy/bundle //schemas //policies"},
	"gateway/submission": {kind: useCase, imports: "*", tests: "store/sqlite keyring/local synthetic //schemas //policies"},
	"gateway/retention":  {kind: useCase, imports: "*", tests: "store/sqlite keyring/local submission rulebook policy/bundle backup //schemas //policies"},
	"gateway/profile":    {kind: useCase, imports: "*", tests: "store/sqlite keyring/local synthetic submission //schemas //policies"},
	"gateway/coverage":   {kind: useCase, imports: "*", tests: "store/sqlite keyring/local policy/bundle //schemas //policies"},
	"gateway/disclosure": {kind: useCase, imports: "*", tests: "store/sqlite keyring/local synthetic //schemas //policies"},

	"gateway/store/sqlite":        {kind: adapter, imports: "fault event record audit spool", tests: "store/storetest keyring/local"},
	"gateway/store/mongo":         {kind: adapter, imports: "fault event record audit spool", tests: "store/storetest store/mongotest keyring/local"},
	"gateway/store/storetest":     {kind: adapter, imports: "fault event record audit spool"},
	"gateway/store/mongotest":     {kind: adapter}, // a server for tests, and only they import it
	"gateway/keyring/local":       {kind: adapter, imports: "fault keyring keyring/primitive", tests: "keyring/keyringtest"},
	"gateway/keyring/vault":       {kind: adapter, imports: "fault keyring keyring/primitive", tests: "keyring/keyringtest keyring/local keyring/vaulttest"},
	"gateway/keyring/keyringtest": {kind: adapter, imports: "fault keyring"},
	"gateway/keyring/vaulttest":   {kind: adapter}, // a server for tests, and only they import it
	"gateway/witness":             {kind: adapter, imports: "fault audit", tests: "store/sqlite keyring/local"},

	"gateway/config":      {kind: face, imports: "fault identity"},
	"gateway/client":      {kind: face, imports: "fault dataset audit intake"},
	"gateway/console":     {kind: face, imports: "*"},
	"gateway/httpapi/...": {kind: face, imports: "*", tests: "store/sqlite keyring/local synthetic //gateway //schemas //policies"},

	"gateway/synthetic": {kind: sample, imports: "dataset", tests: "//schemas"},
	"gateway/demo":      {kind: sample, imports: "*"},
	"gateway/fleet":     {kind: sample}, // for tests: processes that are killed
	attacks:             {kind: sample}, // for tests: what they tried, and what that covers

	"policies": {kind: files},
	"schemas":  {kind: files},

	"gateway":     {kind: wiring, imports: "*"},
	"cmd/concord": {kind: wiring, imports: "*"},
}

// tests as an owner of a library means the tests of every package.
const tests = "(tests)"

// libraries says who may import what from outside this module, by the longest
// prefix of whole path elements. The rest of the standard library is free; any
// other library that is not here may not be imported at all.
var libraries = map[string]string{
	"database/sql": "gateway/store/sqlite " + tests, // a test plays the administrator
	"net/http": "gateway gateway/httpapi/... gateway/console gateway/client gateway/demo gateway/audit gateway/identity gateway/identity/provider gateway/identity/oidctest " +
		"gateway/keyring/vault gateway/keyring/vaulttest gateway/witness cmd/concord",
	"os/exec": "gateway/fleet gateway/store/mongotest gateway/keyring/vaulttest " + tests,
	"plugin":  "",
	"unsafe":  "",
	"C":       "",

	"filippo.io/torchwood":                  "gateway/audit gateway/httpapi/... " + tests,
	"github.com/alecthomas/kong":            "cmd/concord",
	"github.com/gin-gonic/gin":              "gateway/httpapi/... gateway/console",
	"github.com/goccy/go-yaml":              "gateway/config gateway/httpapi/... gateway/policy " + tests,
	"github.com/golang-jwt/jwt":             "gateway/identity gateway/identity/devissuer",
	"github.com/google/go-cmp":              "gateway/store/storetest " + tests,
	"github.com/google/uuid":                "gateway/activation gateway/audit gateway/submission gateway/retention gateway/profile gateway/httpapi/... " + tests,
	"github.com/gowebpki/jcs":               "gateway/approval gateway/audit gateway/dataset",
	"github.com/hashicorp/vault":            "gateway/keyring/vault",
	"github.com/open-policy-agent/opa":      "gateway/policy gateway/policy/bundle",
	"github.com/klauspost/compress":         "gateway/intake gateway/submission " + tests,
	"github.com/rogpeppe/go-internal":       tests,
	"github.com/schollz/progressbar":        "cmd/concord",
	"golang.org/x/term":                     "cmd/concord",
	"github.com/santhosh-tekuri/jsonschema": "gateway/dataset gateway/agreement gateway/httpapi/contract",
	"github.com/tink-crypto/tink-go":        "gateway/keyring/primitive " + tests, // a test looks into a key's file
	"github.com/go-jose/go-jose":            tests,                                // in the storage of the OpenID provider of the tests
	"github.com/zitadel/oidc":               tests,
	"go.mongodb.org/mongo-driver":           "gateway/store/mongo " + tests, // a test plays the administrator
	"go.uber.org/goleak":                    tests,
	"go.yaml.in/yaml":                       "gateway/config gateway/httpapi/... " + tests,
	"golang.org/x/mod/sumdb":                "gateway/audit gateway/client gateway/witness " + tests,
	"golang.org/x/mod/sumdb/tlog":           "gateway/audit gateway/client gateway/witness gateway/httpapi/... " + tests, // its types are in the port and in torchwood
	"golang.org/x/mod/sumdb/note":           "gateway/approval gateway/audit gateway/notekey " + tests,
	"golang.org/x/net/html":                 tests,
	"golang.org/x/sync":                     "gateway gateway/audit gateway/httpapi/... gateway/submission gateway/profile",
	"golang.org/x/sys":                      "gateway/policy " + tests, // the processor time of a thread; system calls that fail
	"golang.org/x/text":                     "gateway/agreement gateway/dataset gateway/intake gateway/linkage",
	"golang.org/x/time":                     "gateway/limit",
	"modernc.org/sqlite":                    "gateway/store/sqlite " + tests,
	"pgregory.net/rapid":                    "gateway/store/storetest " + tests,
}

func TestImports(t *testing.T) {
	t.Parallel()
	found, err := checkImports(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestImportRules holds the table itself to the kinds and to the absence of
// circles: the compiler sees circles of what is, this sees those of what might
// be.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for pkg, r := range rules {
		for name := range strings.FieldsSeq(r.imports) {
			if name == "*" {
				continue
			}
			to, ok := ruleOf(resolve(name))
			if !ok {
				t.Errorf("the rule of %s names %s, which has no rule", pkg, name)
			} else if !slices.Contains(sees[r.kind], to.kind) {
				t.Errorf("the rule of %s (%s) names %s (%s)", pkg, r.kind, name, to.kind)
			}
		}
		if circle := circleFrom(rules, pkg, nil); circle != nil {
			t.Errorf("the rules allow a circle: %s", strings.Join(circle, " -> "))
		}
	}
}

func TestImportRulesCircle(t *testing.T) {
	t.Parallel()
	circular := map[string]rule{"gateway/a": {imports: "b"}, "gateway/b": {imports: "c"}, "gateway/c": {imports: "b"}}
	if got := circleFrom(circular, "gateway/a", nil); got != nil {
		t.Errorf("from a, which is not on the circle: %v", got)
	}
	want := []string{"gateway/b", "gateway/c", "gateway/b"}
	if diff := cmp.Diff(want, circleFrom(circular, "gateway/b", nil)); diff != "" {
		t.Errorf("from b (-want +got):\n%s", diff)
	}
}

// TestImportsCheckerFinds plants violations in small trees: a checker that
// finds nothing must be shown to be able to find something.
func TestImportsCheckerFinds(t *testing.T) {
	t.Parallel()
	const sqlite = module + "/gateway/store/sqlite"
	cases := []struct {
		name, file, imports string
		want                []string
	}{
		{"allowed", "gateway/policy/a.go", "github.com/open-policy-agent/opa/v1/rego", nil},
		{"allowed in its own tests", "gateway/audit/a_test.go", sqlite, nil},
		{"capability imports adapter", "gateway/audit/a.go", sqlite, []string{"gateway/audit/a.go: may not import gateway/store/sqlite"}},
		{"capability imports face", "gateway/dataset/a.go", module + "/gateway/httpapi", []string{"gateway/dataset/a.go: may not import gateway/httpapi"}},
		{"use case imports adapter", "gateway/profile/a.go", sqlite, []string{"gateway/profile/a.go: may not import gateway/store/sqlite"}},
		{"adapter imports adapter", "gateway/keyring/local/a.go", sqlite, []string{"gateway/keyring/local/a.go: may not import gateway/store/sqlite"}},
		{"below imports above", "gateway/release/a.go", module + "/gateway/policy", []string{"gateway/release/a.go: may not import gateway/policy"}},
		{"face imports wiring", "gateway/client/a.go", module + "/gateway", []string{"gateway/client/a.go: may not import gateway"}},
		{"gin in a use case", "gateway/profile/a.go", "github.com/gin-gonic/gin", []string{"gateway/profile/a.go: may not import github.com/gin-gonic/gin"}},
		{"gin below httpapi", "gateway/httpapi/problem/a.go", "github.com/gin-gonic/gin", nil},
		{"driver in wiring", "gateway/a.go", "modernc.org/sqlite", []string{"gateway/a.go: may not import modernc.org/sqlite"}},
		{"test library outside tests", "gateway/fault/a.go", "github.com/google/go-cmp/cmp", []string{"gateway/fault/a.go: may not import github.com/google/go-cmp/cmp"}},
		{"test library in tests", "gateway/fault/a_test.go", "github.com/google/go-cmp/cmp", nil},
		{"library in tests of a package that may not", "gateway/fault/a_test.go", "github.com/gin-gonic/gin", []string{"gateway/fault/a_test.go: may not import github.com/gin-gonic/gin"}},
		{"unknown library", "gateway/fault/a.go", "example.org/left/pad", []string{"gateway/fault/a.go: may not import example.org/left/pad"}},
		{"prefix is a whole element", "gateway/policy/a.go", "github.com/open-policy-agent/opalescent", []string{"gateway/policy/a.go: may not import github.com/open-policy-agent/opalescent"}},
		{"unlisted package", "gateway/util/a.go", "fmt", []string{"gateway/util: has no rule in gateway/deps_test.go"}},
		{"unlisted beside a tree", "gateway/httpapix/a.go", "fmt", []string{"gateway/httpapix: has no rule in gateway/deps_test.go"}},
		{"unsafe", "gateway/a.go", "unsafe", []string{"gateway/a.go: may not import unsafe"}},
		{"another module's folder", ".ci/tools/x/a.go", "unsafe", nil},
		{"test data", "gateway/audit/testdata/a.go", "unsafe", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := fmt.Sprintf("package a\n\nimport _ %q\n", c.imports)
			got, err := checkImports(fstest.MapFS{c.file: {Data: []byte(source)}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}
