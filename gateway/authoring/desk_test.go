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
	"github.com/concord-gateway/concord/gateway/replay"
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
	raw, err := json.Marshal(replay.ImpactReport{Digests: digests, To: note})
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
