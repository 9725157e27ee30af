package devissuer_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

var now = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func clock() time.Time { return now }

func create(t *testing.T, agencies ...string) (*devissuer.Issuer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "issuer")
	i, err := devissuer.Create(dir, agencies...)
	if err != nil {
		t.Fatal(err)
	}
	i.Clock = clock
	return i, dir
}

func verifier(t *testing.T, i *devissuer.Issuer) *identity.Verifier {
	t.Helper()
	trusted, err := i.Trusted()
	if err != nil {
		t.Fatal(err)
	}
	v, err := identity.NewVerifier(trusted, clock)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPersonas(t *testing.T) {
	i, _ := create(t, devissuer.Agencies()...)
	v := verifier(t, i)
	seen := map[string]bool{}
	for _, p := range devissuer.Personas() {
		token, err := i.Mint(p.Claims, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: token})
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		roles := slices.Sorted(slices.Values(p.Roles))
		want := identity.Principal{Subject: p.Name + "@" + p.Agency + ".example", Agency: p.Agency, Roles: roles, Clearance: p.Clearance, Service: p.Name == "case-system"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", p.Name, diff)
		}
		if found, ok := devissuer.FindPersona(p.Name); !ok || found.Subject != p.Subject || seen[p.Name] {
			t.Errorf("%s is not found by its name, or is there twice", p.Name)
		}
		seen[p.Name] = true
	}
	for name := range strings.FieldsSeq(`housing-submitter severn-submitter health-submitter education-submitter police-submitter analyst supervisor
		ig-lead housing-ig health-ig education-ig policy-author approver-police approver-housing approver-health approver-education operator case-system`) {
		if !seen[name] {
			t.Errorf("there is no persona %q", name)
		}
	}
	if _, ok := devissuer.FindPersona("nobody"); ok {
		t.Error("found a persona that does not exist")
	}
}

// TestOneAgencyCannotAssertAnother: the agencies' keys lie in one folder, and
// yet none passes for another's, nor asserts what its own may not.
func TestOneAgencyCannotAssertAnother(t *testing.T) {
	i, _ := create(t, "telford-housing", devissuer.Police)
	v := verifier(t, i)
	other, _ := create(t, devissuer.Police)
	mint := func(from *devissuer.Issuer, c devissuer.Claims) string {
		token, err := from.Mint(c, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, token := range map[string]string{
		"a partner as IG lead of the force": mint(i, devissuer.Claims{Subject: "a", Agency: "telford-housing", Roles: []identity.Role{identity.IGLead}}),
		"a partner as operator":             mint(i, devissuer.Claims{Subject: "a", Agency: "telford-housing", Roles: []identity.Role{identity.Operator}}),
		"another folder's police":           mint(other, devissuer.Claims{Subject: "a", Agency: devissuer.Police, Roles: []identity.Role{identity.IGLead}}),
	} {
		if p, err := v.Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: token}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %v, %v; want Unauthenticated", name, p, err)
		}
	}
	if _, err := i.Mint(devissuer.Claims{Subject: "a", Agency: "mercia-health"}, time.Hour); !fault.Is(err, fault.NotFound) {
		t.Errorf("an agency without a key: got %v, want NotFound", err)
	}
}

func TestLifetime(t *testing.T) {
	i, _ := create(t, devissuer.Police)
	c := devissuer.Claims{Subject: "a", Agency: devissuer.Police, Roles: []identity.Role{identity.Analyst}}
	for _, d := range []time.Duration{-time.Hour, 0, time.Millisecond, 24*time.Hour + time.Second} {
		if _, err := i.Mint(c, d); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: got %v, want Invalid", d, err)
		}
	}
	i.Clock = func() time.Time { return now.Add(-2 * time.Hour) }
	token, err := i.Mint(c, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier(t, i).Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: token}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an hour after its end: got %v, want Unauthenticated", err)
	}
}

func TestOpenGoesOn(t *testing.T) {
	i, dir := create(t, devissuer.Police, "telford-housing", devissuer.Police)
	again, err := devissuer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"telford-housing", devissuer.Police}, again.Agencies()); diff != "" {
		t.Error(diff)
	}
	again.Clock = clock
	token, err := again.Mint(devissuer.Claims{Subject: "a", Agency: devissuer.Police, Roles: []identity.Role{identity.Analyst}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier(t, i).Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: token}); err != nil {
		t.Errorf("a token of the folder opened again: %v", err)
	}
	if _, err := devissuer.Create(dir, "mercia-health"); !fault.Is(err, fault.Conflict) {
		t.Errorf("creating over a folder with keys: got %v, want Conflict", err)
	}
}

func TestModes(t *testing.T) {
	_, dir := create(t, devissuer.Police)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		return errors.Join(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, devissuer.Police+".key")
	for _, c := range []struct {
		path       string
		wide, good fs.FileMode
	}{{dir, 0o750, 0o700}, {dir, 0o701, 0o700}, {key, 0o640, 0o600}, {key, 0o604, 0o600}} {
		chmod(t, c.path, c.wide)
		if _, err := devissuer.Open(dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s with mode %o: got %v, want Invalid", filepath.Base(c.path), c.wide, err)
		}
		if _, err := devissuer.Trusted(dir); c.path == dir && !fault.Is(err, fault.Invalid) {
			t.Errorf("trusting a folder with mode %o: got %v, want Invalid", c.wide, err)
		}
		chmod(t, c.path, c.good)
	}
	if _, err := devissuer.Open(dir); err != nil {
		t.Errorf("with the modes put right: %v", err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedFolders(t *testing.T) {
	_, dir := create(t, devissuer.Police)
	key := filepath.Join(dir, devissuer.Police+".key")
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty": nil, "text": []byte("key"), "two blocks": append(slices.Clone(good), good...), "cut off": good[:len(good)/2],
		"another block": []byte(strings.ReplaceAll(string(good), "PRIVATE KEY", "PUBLIC KEY")),
	} {
		if err := os.WriteFile(key, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := devissuer.Open(dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if err := errors.Join(os.Remove(key), os.Mkdir(key, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := devissuer.Open(dir); !fault.Is(err, fault.Invalid) {
		t.Errorf("a folder in place of a key: got %v, want Invalid", err)
	}
	elsewhere := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.WriteFile(elsewhere, good, 0o600), os.Remove(key), os.Symlink(elsewhere, key)); err != nil {
		t.Fatal(err)
	}
	if _, err := devissuer.Open(dir); !fault.Is(err, fault.Invalid) {
		t.Errorf("a link: got %v, want Invalid", err)
	}
	if _, err := devissuer.Open(filepath.Join(dir, "none")); !fault.Is(err, fault.NotFound) {
		t.Errorf("no folder: got %v, want NotFound", err)
	}
	for _, bad := range [][]string{nil, {""}, {"../x"}, {"West Mercia"}, {"a/b"}} {
		if _, err := devissuer.Create(filepath.Join(t.TempDir(), "d"), bad...); !fault.Is(err, fault.Invalid) {
			t.Errorf("agencies %q: got %v, want Invalid", bad, err)
		}
	}
}
