package gateway_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/policies"
)

// keyFiles returns the files of the keyring whose names hold a text.
func (h *house) keyFiles(part string) []string {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.cfg.DataDir, gateway.KeysDir, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, f := range all {
		if strings.Contains(filepath.Base(f), part) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		h.t.Fatalf("no key file holds %q: %v", part, all)
	}
	return out
}

// TestInvariant03KeysGone takes the key folder away while the gateway runs. As
// long as it needs no other key it goes on; when it needs one, it answers with
// an error and no data.
func TestInvariant03KeysGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	keys := filepath.Join(h.cfg.DataDir, gateway.KeysDir)
	if err := os.Rename(keys, keys+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(30 * 24 * time.Hour) // another month: another log key
	before := h.stored()
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
	noData(t, "denial", h.call("analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", rowan())))
	noData(t, "submission", h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []map[string]any{tenancy(rowan(), "T-9")}))
	if after := h.stored(); after != before {
		t.Errorf("%+v before, %+v after", before, after)
	}
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(keys+".away", keys); err != nil {
		t.Fatal(err)
	}
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
}

// TestInvariant03RecordKeyLost removes the key of one provider's records: the
// whole answer fails, not only that provider's part of it.
func TestInvariant03RecordKeyLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	for _, f := range h.keyFiles("%54%48-%57%4d%50-001") { // TH-WMP-001, as the keyring writes it
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
}

// TestInvariant03LogKeyLost does not start on a log that its key has not
// signed.
func TestInvariant03LogKeyLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	for _, f := range h.keyFiles("sign") {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if gw, err := gateway.New(t.Context(), h.cfg, gateway.Options{Clock: h.clock.Now}); err == nil {
		t.Error("the gateway started with another log key")
		_ = gw.Close(t.Context())
	}
}

// TestInvariant03KeysTooWide does not start while others may read a key.
func TestInvariant03KeysTooWide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	wide := h.keyFiles("")[0]
	if err := os.Chmod(wide, 0o644); err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.New(t.Context(), h.cfg, gateway.Options{Clock: h.clock.Now})
	if err == nil {
		_ = gw.Close(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), filepath.Base(wide)) {
		t.Errorf("error %v, want one that names %s", err, filepath.Base(wide))
	}
}

// copyPolicies writes the built-in policies into a new folder and lets the test
// change one file of it.
func copyPolicies(t testing.TB) string {
	t.Helper()
	return copyTree(t, policies.Files)
}

func copyTree(t testing.TB, from fs.FS) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, from); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInvariant03PolicyFails gives one agreement a condition that cannot be
// evaluated: no question that it concerns is answered, not even in part, and
// the refusal is logged.
func TestInvariant03PolicyFails(t *testing.T) {
	t.Parallel()
	dir := copyPolicies(t)
	name := filepath.Join(dir, "agreements", "ISA-ME-WMP-001", "conditions.rego")
	broken := strings.Replace(read(t, name), `startswith(input.request.case_ref, "OP-")`,
		`1 / (count(input.request.case_ref) - 10) > 0`, 1) // no trial at load asks for this very case
	write(t, name, broken)
	h := newHouse(t, func(c *config.Config) { c.PoliciesDir = dir })
	h.fill()
	before := h.stored()
	r := h.call("analyst", http.MethodPost, subjectPath, ask("child-exploitation-safeguarding", rowan()))
	noData(t, "person", r)
	if p := r.problem(http.StatusServiceUnavailable, "policy-failed"); p.AuditIndex == nil {
		t.Error("the refusal is not logged")
	}
	if after := h.stored(); after.entries != before.entries+1 {
		t.Errorf("%d entries more", after.entries-before.entries)
	}
	// Questions that the agreement has no part in go on.
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
}
