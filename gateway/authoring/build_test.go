package authoring_test

import (
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	author := newKey(t, "west-mercia-police/policy-author")
	out := f.path("out/bundle.tar.gz")
	d := f.open(t)
	for _, c := range []struct{ sequence, want int64 }{{0, 1}, {0, 2}, {10, 10}, {0, 11}, {3, 3}} {
		got, err := d.Build(t.Context(), out, author.private, c.sequence)
		if err != nil || got != c.want {
			t.Fatalf("number %d gives %d, %v", c.sequence, got, err)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Read(raw, []bundle.Author{{Subject: "author", Key: author.public}})
		if err != nil || b.Sequence != c.want {
			t.Fatalf("read %+v, %v", b, err)
		}
		if diff := cmp.Diff(d.Files, b.Files); diff != "" {
			t.Fatalf("files (-want +got):\n%s", diff)
		}
	}
	if entries, err := os.ReadDir(f.path("out")); err != nil || len(entries) != 1 {
		t.Errorf("beside the bundle: %v, %v", entries, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	author, other := newKey(t, "west-mercia-police/policy-author"), newKey(t, "west-mercia-police/deputy")
	d := f.open(t)
	foreign, last, folder, none := f.path("foreign"), f.path("last"), f.path("schemas"), f.path("none")
	if _, err := d.Build(t.Context(), foreign, other.private, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Build(t.Context(), last, author.private, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	f.write(t, "text", "no bundle")
	before := f.all(t)
	for _, c := range []struct {
		name, out, key string
		sequence       int64
		kind           fault.Kind
		words          string
	}{
		{"a bundle of another author", foreign, author.private, 0, fault.Conflict, "--sequence"},
		{"no bundle at all", f.path("text"), author.private, 0, fault.Conflict, "--sequence"},
		{"a folder", folder, author.private, 0, fault.Unavailable, "cannot be read"},
		{"a folder, with a number", folder, author.private, 4, fault.Unavailable, "cannot be written"},
		{"below a file", f.path("text/x"), author.private, 4, fault.Unavailable, "cannot be written"},
		{"a negative number", none, author.private, -1, fault.Invalid, "counts from 1"},
		{"after the last number", last, author.private, 0, fault.Invalid, "counts from 1"},
		{"no key", none, "", 0, fault.Invalid, "private key"},
		{"a public key", none, author.public, 0, fault.Invalid, "private key"},
		{"no key over a bundle", last, "", 0, fault.Invalid, "private key"},
	} {
		got, err := d.Build(t.Context(), c.out, c.key, c.sequence)
		if got != 0 {
			t.Errorf("%s: number %d", c.name, got)
		}
		kindIs(t, c.name, err, c.kind, c.words)
	}
	f.unchanged(t, before)
	// With a number said, it is meant to be replaced.
	if n, err := d.Build(t.Context(), foreign, author.private, 6); err != nil || n != 6 {
		t.Errorf("over a foreign bundle, with a number: %d, %v", n, err)
	}

	f.write(t, "policies/concord/release/more.rego", "package concord.release\n\nx := http.send({})\n")
	if n, err := f.open(t).Build(t.Context(), none, author.private, 1); n != 0 || !fault.Is(err, fault.Invalid) {
		t.Errorf("a folder that is not sound: %d, %v", n, err)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a bundle was written all the same")
	}
}
