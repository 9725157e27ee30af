package authoring_test

import (
	"encoding/json"

	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// The agreements of these tests: one plain, one with conditions.
const (
	tenancy    = "ISA-TH-WMP-001"
	exclusions = "ISA-ME-WMP-001"
)

func now() time.Time { return time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC) }

// folder is a desk's folder in which a test may do as it likes.
type folder struct{ root string }

// newFolder holds what is shipped.
func newFolder(tb testing.TB) folder {
	tb.Helper()
	f := folder{tb.TempDir()}
	for dir, from := range map[string]fs.FS{"policies": policies.Files, "schemas": schemas.Files} {
		if err := os.CopyFS(filepath.Join(f.root, dir), from); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

func (f folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f folder) agreement(id, name string) string {
	return f.path("policies/agreements/" + id + "/" + name)
}

func (f folder) open(tb testing.TB) *authoring.Desk {
	tb.Helper()
	d, err := authoring.Open(f.root)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func (f folder) write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func (f folder) read(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := os.ReadFile(f.path(name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

func (f folder) replace(tb testing.TB, name, old, now string) {
	tb.Helper()
	text := f.read(tb, name)
	if !strings.Contains(text, old) {
		tb.Fatalf("%s does not hold %q", name, old)
	}
	f.write(tb, name, strings.Replace(text, old, now, 1))
}

// all is every file below the folder, by name.
func (f folder) all(tb testing.TB) map[string]string {
	tb.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(f.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		out[name] = string(raw)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// unchanged fails if a file was written, altered or removed since.
func (f folder) unchanged(tb testing.TB, since map[string]string) {
	tb.Helper()
	if diff := cmp.Diff(since, f.all(tb)); diff != "" {
		tb.Errorf("files (-before +after):\n%s", diff)
	}
}

type key struct{ private, public string }

func newKey(tb testing.TB, name string) key {
	tb.Helper()
	private, public, err := approval.NewKey(name)
	if err != nil {
		tb.Fatal(err)
	}
	return key{private, public}
}

// impact is a report about agreements as they stand.
func impact(tb testing.TB, d *authoring.Desk, note string, ids ...string) []byte {
	tb.Helper()
	digests := map[string]string{}
	for _, id := range ids {
		for _, a := range d.Versions {
			if a.ID == id {
				digests[id] = d.Digest(rulebook.VersionOf(a))
			}
		}
	}
	raw, err := json.Marshal(map[string]any{"digests": digests, "note": note})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func kindIs(tb testing.TB, what string, err error, kind fault.Kind, words string) {
	tb.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		tb.Errorf("%s: %v; want %s and %q", what, err, kind, words)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if d, err := authoring.Open(t.TempDir()); d != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty folder: %v", err)
	}
	for name, spoil := range map[string]func(folder){
		"a broken agreement":   func(f folder) { f.write(t, "policies/agreements/"+tenancy+"/agreement.json", "{") },
		"a broken schema":      func(f folder) { f.write(t, "schemas/datasets/a.b.schema.json", "{") },
		"a rule that is left":  func(f folder) { f.write(t, "policies/concord/release/More.rego", "package concord.release\n") },
		"an agreement astray":  func(f folder) { f.write(t, "policies/agreements/isa-1/agreement.json", "{}") },
		"no places":            func(f folder) { _ = os.Remove(f.path("schemas/places.json")) },
		"an agreement astray2": func(f folder) { f.write(t, "policies/agreements/"+tenancy+"/old/agreement.json", "{}") },
	} {
		f := newFolder(t)
		spoil(f)
		if d, err := authoring.Open(f.root); d != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	before := f.all(t)
	d := f.open(t)
	got, err := d.Check(t.Context(), now())
	if err != nil {
		t.Fatal(err)
	}
	if got.Agreements != len(d.Versions) || got.Versions != len(d.Versions) || got.Datasets == 0 || got.Purposes == 0 || len(got.Revision) != 64 {
		t.Errorf("got %+v", got)
	}
	later, err := d.Check(t.Context(), now().AddDate(20, 0, 0))
	if err != nil || len(later.Lapsed) <= len(got.Lapsed) || later.Revision != got.Revision {
		t.Errorf("in twenty years %d have lapsed, today %d: %v", len(later.Lapsed), len(got.Lapsed), err)
	}
	f.unchanged(t, before)

	f.write(t, "policies/concord/release/more.rego", "package concord.release\n\nx := http.send({})\n")
	if got, err := f.open(t).Check(t.Context(), now()); got != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("rules that do not compile: %v", err)
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	d := f.open(t)
	a := d.Versions[0]
	for format, words := range map[authoring.Format]string{authoring.Markdown: "\n# ", authoring.HTML: `<html lang="en-GB">`} {
		text, err := d.Render(a.ID, 0, format)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{words, d.Digest(rulebook.VersionOf(a))} {
			if !strings.Contains("\n"+string(text), want) {
				t.Errorf("%s does not hold %q", format, want)
			}
		}
	}
	for id, number := range map[string]int{"ISA-NONE-1": 0, a.ID: 9} {
		if text, err := d.Render(id, number, authoring.HTML); text != nil || !fault.Is(err, fault.NotFound) {
			t.Errorf("%s, version %d: %v", id, number, err)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	d := newFolder(t).open(t)
	q := authoring.Question{Agency: "west-mercia-police", Roles: []string{"analyst"}, Clearance: "nppv3", Purpose: "soc-investigation", At: now()}
	all, err := d.Explain(t.Context(), q)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d items, %v", len(all), err)
	}
	q.Provider, q.Dataset = "telford-housing", "housing.tenancy"
	some, err := d.Explain(t.Context(), q)
	if err != nil || len(some) == 0 || len(some) >= len(all) {
		t.Errorf("%d items of %d, %v", len(some), len(all), err)
	}
	for _, i := range some {
		if i.Provider != q.Provider || i.Dataset != q.Dataset {
			t.Errorf("not asked for: %+v", i)
		}
	}
	q.Dataset = "none.such"
	if none, err := d.Explain(t.Context(), q); err != nil || none == nil || len(none) != 0 {
		t.Errorf("of no dataset: %v, %v", none, err)
	}
	q.Purpose = "curiosity"
	none, err := d.Explain(t.Context(), q)
	if none != nil {
		t.Errorf("items beside an error: %v", none)
	}
	kindIs(t, "no purpose", err, fault.Invalid, "purpose")
}

func TestRunTests(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	got, err := f.open(t).Test(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Failed != 0 || got.Passed == 0 || got.Coverage != 100 || len(got.Uncovered) != 0 {
		t.Errorf("%d passed, %d failed, %.1f%% covered", got.Passed, got.Failed, got.Coverage)
	}

	// The version that is to follow is the one that is tested, by its own tests.
	if _, err := f.open(t).Next(exclusions); err != nil {
		t.Fatal(err)
	}
	const next = "policies/agreements/" + exclusions + "/next/conditions.rego"
	again, err := f.open(t).Test(t.Context())
	if err != nil || again.Failed != 0 || again.Passed != got.Passed || again.Coverage != 100 {
		t.Fatalf("with a successor that changes nothing %d failed, %d passed, %v", again.Failed, again.Passed, err)
	}
	const nextTest = "policies/agreements/" + exclusions + "/next/conditions_test.rego"
	f.write(t, nextTest, f.read(t, nextTest)+"\ntest_of_the_successor if false\n")
	failing, err := f.open(t).Test(t.Context())
	if err != nil || failing.Failed != 1 || failing.Passed != got.Passed {
		t.Errorf("with a test of the successor that fails %d failed, %d passed, %v", failing.Failed, failing.Passed, err)
	}
	if err := os.Remove(f.path(nextTest)); err != nil {
		t.Fatal(err)
	}
	untested, err := f.open(t).Test(t.Context())
	if err != nil || untested.Passed >= got.Passed || untested.Coverage == 100 {
		t.Errorf("with a successor without tests %d passed, %.1f%% covered, %v", untested.Passed, untested.Coverage, err)
	}

	f.write(t, next, "package")
	if d, err := authoring.Open(f.root); err == nil {
		if got, err := d.Test(t.Context()); got != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("rules that do not parse: %v", err)
		}
	}
}

func TestRunTestsCases(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cases, err := filepath.Glob(f.path("policies/cases/*.yaml"))
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	with, err := f.open(t).Test(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(f.root, cases[0])
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, filepath.ToSlash(name), "nonsense: true\n")
	if got, err := f.open(t).Test(t.Context()); got != nil || err == nil {
		t.Errorf("a case that cannot be read: %v", err)
	}
	if err := os.RemoveAll(f.path("policies/cases")); err != nil {
		t.Fatal(err)
	}
	without, err := f.open(t).Test(t.Context())
	if err != nil || without.Passed >= with.Passed {
		t.Errorf("without cases: %v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo, siro := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	approvers, err := approval.NewApprovers([]approval.Approver{
		{Agency: "telford-housing", Subject: "dpo@housing.example", Key: dpo.public},
		{Agency: "west-mercia-police", Subject: "siro@police.example", Key: siro.public},
	})
	if err != nil {
		t.Fatal(err)
	}
	line := func(at time.Time) string {
		for _, st := range f.open(t).Status(approvers, at) {
			if st.Agreement == tenancy {
				return st.Line()
			}
		}
		return "not there"
	}
	step := func(want string, at time.Time) {
		t.Helper()
		if got := line(at); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	step("draft: nobody has signed; needs telford-housing and west-mercia-police", now())
	sign := func(k key) {
		t.Helper()
		if _, err := f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: k.private, Founding: true, At: now()}); err != nil {
			t.Fatal(err)
		}
	}
	sign(dpo)
	step("awaiting the signature of west-mercia-police", now())
	sign(siro)
	step("approved by all parties, live from 2026-11-26T00:00:00Z", now())
	step("live since 2026-11-26T00:00:00Z, active", now().AddDate(0, 0, 1))
	f.replace(t, "policies/agreements/"+tenancy+"/agreement.json", `"title": "`, `"title": "Other `)
	step("void: what was signed is another version or content", now())
	if n := len(f.open(t).Status(approvers, now())); n != len(f.open(t).Versions) {
		t.Errorf("%d lines", n)
	}
}
