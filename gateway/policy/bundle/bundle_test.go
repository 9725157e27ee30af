package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// pen is an author with the private key.
type pen struct {
	Author

	private string
}

func newPen(tb testing.TB, name string) pen {
	tb.Helper()
	private, public, err := approval.NewKey(name)
	if err != nil {
		tb.Fatal(err)
	}
	return pen{Author{Subject: name + "@example", Key: public}, private}
}

// few are files of each sort, whose content this package does not read.
func few() Files {
	return Files{
		"concord/release/release.rego":            []byte("package concord.release\n"),
		"concord/agencies.json":                   []byte(`{"a": {"host": true}}`),
		"purposes.json":                           []byte("[]\n"),
		"agreements/ISA-A-B-1/agreement.json":     []byte(`{"version": 1.0}`),
		"agreements/ISA-A-B-1/conditions.rego":    []byte("package concord.agreements[\"ISA-A-B-1\"]\n"),
		"agreements/ISA-A-B-1/next/approval.note": []byte("a note\n\n— a b\n"),
		"datasets/a.b.schema.json":                []byte(`{}`),
		"datasets/a.b.mapping.json":               []byte(`{}`),
		"places.json":                             []byte(`[]`),
	}
}

func built(tb testing.TB, files Files, sequence int64, by pen) []byte {
	tb.Helper()
	raw, err := Build(files, sequence, by.private)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// all are the real files.
func all(tb testing.TB) Files {
	tb.Helper()
	files, err := Gather(policies.Files, schemas.Files)
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

// refuses fails unless Read refuses with a code, and gives nothing beside it.
func refuses(t *testing.T, want string, raw []byte, authors ...Author) {
	t.Helper()
	b, err := Read(raw, authors)
	if b != nil || !fault.Is(err, fault.Invalid) || code(err) != want {
		t.Errorf("got %v, code %q, want %q: %v", b, code(err), want, err)
	}
}

func TestBuildRead(t *testing.T) {
	t.Parallel()
	by, other := newPen(t, "police/author"), newPen(t, "police/deputy")
	for name, files := range map[string]Files{"few": few(), "all": all(t)} {
		// Above 2^53 a number that passes through a float is another.
		for _, sequence := range []int64{1, 2, 1<<53 + 1, 1<<63 - 1} {
			raw := built(t, files, sequence, by)
			b, err := Read(raw, []Author{other.Author, by.Author})
			if err != nil {
				t.Fatalf("%s, number %d: %v", name, sequence, err)
			}
			if diff := cmp.Diff(files, b.Files); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if b.Sequence != sequence || b.Author != by.Subject || b.Revision != files.Revision() || len(b.SHA256) != 64 {
				t.Errorf("%s: got number %d by %s, revision %s, digest %s", name, b.Sequence, b.Author, b.Revision, b.SHA256)
			}
			if again := built(t, files, sequence, by); !bytes.Equal(raw, again) {
				t.Errorf("%s: building twice gives two files", name)
			}
			contents, err := Contents(raw)
			if err != nil || !cmp.Equal(files, contents) {
				t.Errorf("%s: the contents differ, %v", name, err)
			}
		}
	}
}

// TestReadByOPA lets OPA's own reader judge what Build writes.
func TestReadByOPA(t *testing.T) {
	t.Parallel()
	by, files := newPen(t, "police/author"), all(t)
	raw := built(t, files, 7, by)
	known, err := keysOf([]Author{by.Author})
	if err != nil {
		t.Fatal(err)
	}
	cfg := bundle.NewVerificationConfig(map[string]*keys.Config{"key": {Key: pemOf(t, known[0].key), Algorithm: algorithm}}, "key", "", nil)
	read, err := bundle.NewReader(bytes.NewReader(raw)).WithBundleVerificationConfig(cfg).WithRegoVersion(ast.RegoV1).Read()
	if err != nil {
		t.Fatal(err)
	}
	if read.Manifest.Revision != files.Revision() {
		t.Errorf("OPA reads revision %s", read.Manifest.Revision)
	}
	modules := map[string][]byte{}
	for _, m := range read.Modules {
		modules[m.Path[1:]] = m.Raw
	}
	rego := maps.Clone(files)
	maps.DeleteFunc(rego, func(name string, _ []byte) bool { return len(name) < 5 || name[len(name)-5:] != ".rego" })
	if diff := cmp.Diff(map[string][]byte(rego), modules); diff != "" {
		t.Errorf("modules that OPA reads (-want +got):\n%s", diff)
	}

	parts := unpacked(t, raw)
	parts["concord/release/release.rego"][0] ^= 1
	if _, err := bundle.NewReader(bytes.NewReader(packed(t, parts))).WithBundleVerificationConfig(cfg).WithRegoVersion(ast.RegoV1).Read(); err == nil {
		t.Error("OPA takes a bundle that was tampered with")
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	by := newPen(t, "police/author")
	for name, sequence := range map[string]int64{"zero": 0, "negative": -1} {
		if raw, err := Build(few(), sequence, by.private); raw != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, key := range map[string]string{"nothing": "", "public": by.Key, "cut": by.private[:len(by.private)-4]} {
		raw, err := Build(few(), 1, key)
		if raw != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s key: %v", name, err)
		}
	}
	for _, name := range []string{"a.txt", "concord/release/release_test.rego", "../x", "concord/Upper.rego", ".manifest", "patch.json", "agreements/ISA-1/next/next/agreement.json", "purposes.json\n"} {
		files := few()
		files[name] = []byte("{}")
		if raw, err := Build(files, 1, by.private); raw != nil || code(err) != CodeFile {
			t.Errorf("file %q: %v", name, err)
		}
	}
	// What a gateway would not take for its size is told to the author.
	files := few()
	files["places.json"] = make([]byte, maxUnpacked+1)
	if raw, err := Build(files, 1, by.private); raw != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("too large: %v", err)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	seen := map[string]string{few().Revision(): "as it is"}
	note := func(what string, f Files) {
		if before, ok := seen[f.Revision()]; ok {
			t.Errorf("%s has the revision of %s", what, before)
		}
		seen[f.Revision()] = what
	}
	for _, name := range few().Names() {
		f := few()
		f[name] = append(f[name], ' ')
		note("longer "+name, f)
		f = few()
		delete(f, name)
		note("without "+name, f)
		f = few()
		f[name+"x"] = f[name]
		delete(f, name)
		note("renamed "+name, f)
	}
	f := few()
	f["purposes.json"], f["places.json"] = f["places.json"], f["purposes.json"]
	note("swapped", f)
}

func TestGather(t *testing.T) {
	t.Parallel()
	file := func() *fstest.MapFile { return &fstest.MapFile{Data: []byte("{}")} }
	policyFiles := func() fstest.MapFS {
		return fstest.MapFS{
			"purposes.json": file(), "concord/agencies.json": file(), "concord/a.rego": file(), "concord/a_test.rego": file(),
			"concord/schemas/input.json": file(), "agreements/ISA-1/agreement.json": file(), "agreements/ISA-1/conditions_test.rego": file(),
			"agreements/ISA-1/README.md": file(), "cases/a.yaml": file(), "elsewhere/a.rego": file(),
		}
	}
	schemaFiles := func() fstest.MapFS {
		return fstest.MapFS{"places.json": file(), "datasets/a.b.schema.json": file(), "datasets/a.b.mapping.json": file(), "agreement.schema.json": file()}
	}
	files, err := Gather(policyFiles(), schemaFiles())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"agreements/ISA-1/agreement.json", "concord/a.rego", "concord/agencies.json", "datasets/a.b.mapping.json", "datasets/a.b.schema.json", "places.json", "purposes.json"}
	if diff := cmp.Diff(want, files.Names()); diff != "" {
		t.Errorf("gathered (-want +got):\n%s", diff)
	}
	// Nobody must believe that something is in force which was left out for its name.
	for _, name := range []string{
		"concord/deny-more.rego", "concord/Deny.rego", "concord/deny.REGO", "agreements/isa-2/agreement.json", "agreements/ISA-1/Conditions.rego",
		"agreements/ISA-1/more.rego", "agreements/ISA-1/old/agreement.json", "agreements/ISA-1/next/Approval.note",
	} {
		p := policyFiles()
		p[name] = file()
		if files, err := Gather(p, schemaFiles()); files != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"datasets/A.b.schema.json", "datasets/A.b.mapping.json"} {
		s := schemaFiles()
		s[name] = file()
		if files, err := Gather(policyFiles(), s); files != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"purposes.json"} {
		p := policyFiles()
		delete(p, name)
		if files, err := Gather(p, schemaFiles()); files != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// resigned puts an author's signature on whatever the parts are.
func resigned(tb testing.TB, parts map[string][]byte, by pen) []byte {
	tb.Helper()
	delete(parts, signaturesFile)
	name, key := signerOf(tb, by)
	raw, err := sign(parts, name, key)
	if err != nil {
		tb.Fatal(err)
	}
	parts[signaturesFile] = raw
	return packed(tb, parts)
}

func manifestOf(tb testing.TB, revision string, metadata any) []byte {
	tb.Helper()
	raw, err := json.Marshal(map[string]any{"revision": revision, "roots": []string{"concord"}, "metadata": metadata})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}
