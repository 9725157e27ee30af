package authoring_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/fault"
)

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
