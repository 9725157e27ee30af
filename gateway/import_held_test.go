package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// copyOfKeys is a copy of a house's folder of keys.
func (h *house) copyOfKeys(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	if err := copyFolder(filepath.Join(h.cfg.DataDir, gateway.KeysDir), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// neverMade takes a key out of a folder with every trace, as an older copy lacks it.
func neverMade(t *testing.T, dir, name string) {
	t.Helper()
	remove(t, filepath.Join(dir, name))
	index := filepath.Join(dir, "index")
	before := read(t, index)
	after := strings.ReplaceAll(before, "\n"+name+"\n", "\n")
	if after == before {
		t.Fatalf("the index does not name %s", name)
	}
	write(t, index, after)
}

// TestImportWithoutARegister brings keys to a store from before there was a register of
// keys, which the folder is held against by itself: another folder is refused, and an older
// copy that lacks any key but those that nothing in the store depends on. Nothing is
// written then. The right one is brought in, and nobody is told that a register agrees.
func TestImportWithoutARegister(t *testing.T) {
	t.Parallel()
	h, v := pilot(t), vaulttest.New(t)
	before := h.whatIsReleased(t)
	h.stop()
	h.forgetKeys()
	cfg := *h.cfg
	onVault(v)(&cfg)
	empty := v.Contents(t)
	refused := func(name, dir string) {
		t.Helper()
		if _, err := h.importKeys(&cfg, v, dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if after := v.Contents(t); after != empty {
			t.Fatalf("%s: Vault has\n%s\nbefore:\n%s", name, after, empty)
		}
	}
	other := newHouse(t)
	other.fill()
	other.stop()
	refused("another folder", other.copyOfKeys(t))
	for _, path := range h.keyFiles(".json") {
		name, dir := filepath.Base(path), h.copyOfKeys(t)
		neverMade(t, dir, name)
		refused("without "+name, dir)
	}
	for _, part := range []string{"log%2f2026-11.seal", "record%2f%49%53%41-%4d%48-%57%4d%50-002%2f2026-11.seal", "log.sign"} {
		dir := h.copyOfKeys(t)
		for _, path := range h.keyFiles(part) {
			exchange(t, dir, filepath.Base(path))
			refused("another "+filepath.Base(path), dir)
		}
	}
	done, err := h.importKeys(&cfg, v, h.copyOfKeys(t))
	if err != nil || done.Registered != 0 || done.Named < done.Keysets-2 || done.Entries != h.stored().entries {
		t.Fatalf("%+v, %v", done, err)
	}
	h.cfg = &cfg
	h.start()
	h.goesOn(t, before)
}

// TestImportWithoutAStore brings keys to no store that is not there, or that has no log:
// it has been mistyped, and nothing would tell whose the keys are.
func TestImportWithoutAStore(t *testing.T) {
	t.Parallel()
	h, v := newHouse(t), vaulttest.New(t)
	h.stop()
	empty, keys := v.Contents(t), h.copyOfKeys(t)
	blank := newDataDir(t)
	db, err := sqlite.Open(t.Context(), blank, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"no folder": filepath.Join(t.TempDir(), "data"), "an empty folder": t.TempDir(), "an empty store": blank} {
		cfg := *h.cfg
		onVault(v)(&cfg)
		cfg.DataDir = dir
		if _, err := h.importKeys(&cfg, v, keys); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := v.Contents(t); after != empty {
		t.Errorf("Vault has\n%s\nbefore:\n%s", after, empty)
	}
}
