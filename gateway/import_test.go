package gateway_test

import (
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/replay"
)

// importKeys brings a folder of keys into the Vault of a configuration.
func (h *house) importKeys(cfg *config.Config, v *vaulttest.House, from string) (gateway.KeysImported, error) {
	h.t.Helper()
	operator := *cfg
	operator.Keys.Vault.AppRole.RoleIDFile, operator.Keys.Vault.AppRole.SecretIDFile = v.Operator.RoleIDFile, v.Operator.SecretIDFile
	return gateway.ImportKeys(h.t.Context(), cfg, &operator, from, slog.New(slog.DiscardHandler))
}

// treeOf is every file below a folder, with its content.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[path] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// what is everything that is compared before and after the keys moved.
type what struct{ Sections, Cells string }

func (h *house) whatIsReleased(t *testing.T) what {
	t.Helper()
	var a subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &a)
	area := h.area("analyst", askArea("soc-local-profile", "E06000020", "2026-05", "2026-05", "none"))
	return what{marshal(t, a.Sections), marshal(t, area.cells("police.robbery"))}
}

// pilot is a house with keys in files that has worked for a while: records, a rejected row,
// an edition, a person whose tokens are revoked, and a month whose key is destroyed.
func pilot(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.fill()
	h.crimes(map[string]int{"E06000020 2026-05": 61})
	h.freeze()
	bad := []map[string]any{{"source_id": "T-BAD"}}
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), bad).want(http.StatusCreated, nil)
	row := revocation.Row{Agency: devissuer.Police, Subject: "supervisor@" + devissuer.Police + ".example", Reason: "has left"}
	if err := gateway.Revoke(t.Context(), h.cfg, row); err != nil {
		t.Fatal(err)
	}
	h.stop()
	ring, err := local.Open(filepath.Join(h.cfg.DataDir, gateway.KeysDir))
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if err := ring.Destroy(t.Context(), keyring.RecordScope("ISA-TH-WMP-001", "2026-11")); err != nil {
		t.Fatal(err)
	}
	h.start()
	return h
}

// TestImportKeys moves a pilot's keys from files to Vault, and goes on: what was released
// is released, what was destroyed or revoked stays so, every decision replays, and the log
// verifies from its beginning, over the move and over the next log key, which was made in
// Vault.
func TestImportKeys(t *testing.T) {
	t.Parallel()
	h, v := pilot(t), vaulttest.New(t)
	before := h.whatIsReleased(t)
	if strings.Contains(before.Sections, "housing.tenancy") || before.Cells == "null" {
		t.Fatalf("%+v", before)
	}
	cfg, from := *h.cfg, filepath.Join(h.cfg.DataDir, gateway.KeysDir)
	onVault(v)(&cfg)
	empty, keys := v.Contents(t), treeOf(t, from)
	if _, err := h.importKeys(&cfg, v, from); !fault.Is(err, fault.Conflict) || v.Contents(t) != empty {
		t.Errorf("under a running gateway: %v", err)
	}
	h.stop()
	replayed, err := gateway.Replay(t.Context(), h.cfg, replay.Options{})
	if err != nil || !replayed.OK() || replayed.Identical == 0 {
		t.Fatalf("%+v, %v", replayed, err)
	}
	done, err := h.importKeys(&cfg, v, from)
	if err != nil || done.Signers != 1 || done.Destroyed != 1 || done.There != 0 || done.Registered < done.Keysets {
		t.Fatalf("%+v, %v", done, err)
	}
	if diff := cmp.Diff(keys, treeOf(t, from)); diff != "" {
		t.Error("the folder of keys is not as it was")
	}
	if again, err := h.importKeys(&cfg, v, from); err != nil || again.There != done.Keysets+done.Signers+done.Destroyed {
		t.Errorf("again: %+v, %v", again, err)
	}
	if err := os.RemoveAll(from); err != nil {
		t.Fatal(err)
	}
	h.cfg = &cfg
	h.start()
	after, err := gateway.Replay(t.Context(), h.cfg, replay.Options{})
	if err != nil || after.Decisions != replayed.Decisions || after.Identical != replayed.Identical || !after.OK() {
		t.Errorf("replayed %+v, %v; before %+v", after, err, replayed)
	}
	h.goesOn(t, before)
}

// goesOn has a house work on with its keys in Vault, and brings in the next log key.
func (h *house) goesOn(t *testing.T, before what) {
	t.Helper()
	if diff := cmp.Diff(before, h.whatIsReleased(t)); diff != "" {
		t.Errorf("released (-from files +from Vault):\n%s", diff)
	}
	h.call("supervisor", http.MethodGet, "/v1/editions", nil).want(http.StatusUnauthorized, nil)
	rows := []map[string]any{tenancy(rowan(), "T-1")}
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), rows).want(http.StatusNotFound, nil)
	h.crimes(map[string]int{"E06000051 2026-05": 60})
	h.cfg.Log.KeyVersion = 2
	h.restart()
	if diff := cmp.Diff(before, h.whatIsReleased(t)); diff != "" {
		t.Errorf("with the next log key (-before +after):\n%s", diff)
	}
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.stop() // which writes both keys
	vkeys := strings.Fields(read(t, filepath.Join(h.cfg.DataDir, gateway.KeyFile)))
	r, err := gateway.VerifyFolder(t.Context(), h.cfg.DataDir, audit.VerifyOptions{Keys: vkeys})
	if err != nil || !r.OK || len(vkeys) != 2 || r.Size != h.stored().entries {
		t.Errorf("%+v with %v, %v", r, vkeys, err)
	}
}

// TestImportOfAnotherFolder imports no folder that is not the store's: of another log, or
// one that lacks keys that were used. Nothing is written.
func TestImportOfAnotherFolder(t *testing.T) {
	t.Parallel()
	h, v := newHouse(t), vaulttest.New(t)
	h.fill()
	h.stop()
	cfg := *h.cfg
	onVault(v)(&cfg)
	before := v.Contents(t)
	for name, change := range map[string]func(dir string){
		"of another log":  func(dir string) { exchange(t, dir, "log.sign.json") },
		"a key exchanged": func(dir string) { exchange(t, dir, h.keyFiles("index%2f")[0]) },
		"a key lost":      func(dir string) { remove(t, filepath.Join(dir, filepath.Base(h.keyFiles("index%2f")[0]))) },
	} {
		dir := h.copyOfKeys(t)
		change(dir)
		if _, err := h.importKeys(&cfg, v, dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if after := v.Contents(t); after != before {
			t.Errorf("%s: Vault has\n%s\nbefore:\n%s", name, after, before)
		}
	}
}

// exchange puts a new key in the place of one in a folder.
func exchange(t *testing.T, dir, name string) {
	t.Helper()
	name = filepath.Base(name)
	fresh := filepath.Join(t.TempDir(), "keys")
	ring, err := local.Open(fresh)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	_, sealErr := ring.Sealer(t.Context(), "x")
	_, hashErr := ring.Hasher(t.Context(), "x")
	_, signErr := ring.Signer(t.Context(), "x")
	if sealErr != nil || hashErr != nil || signErr != nil {
		t.Fatal(sealErr, hashErr, signErr)
	}
	made := "x" + filepath.Ext(strings.TrimSuffix(name, ".json")) + ".json"
	remove(t, filepath.Join(dir, name))
	write(t, filepath.Join(dir, name), read(t, filepath.Join(fresh, made)))
	if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
		t.Fatal(err)
	}
}
