package vault

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// folderOf makes a folder of keys: keysets of two scopes, of which one is destroyed, and
// a log key. It returns the keys and what a ring over them sealed and hashed.
func folderOf(t *testing.T) (keys []primitive.Key, ring *local.Ring, sealed []byte) {
	t.Helper()
	return fillFolder(t, filepath.Join(t.TempDir(), "keys"))
}

func fillFolder(t *testing.T, dir string) (keys []primitive.Key, ring *local.Ring, sealed []byte) {
	t.Helper()
	ring, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ring.Close() })
	s, err := ring.Sealer(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	sealed = seal(t, s, "content")
	_, hashErr := ring.Hasher(t.Context(), keyring.EditionScope)
	_, signErr := ring.Signer(t.Context(), "log")
	_, goneErr := ring.Sealer(t.Context(), another)
	if hashErr != nil || signErr != nil || goneErr != nil {
		t.Fatal(hashErr, signErr, goneErr)
	}
	if err := ring.Destroy(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	return contentsOf(t, ring), ring, sealed
}

// contentsOf is what is in a folder, kept for longer than an import does.
func contentsOf(t *testing.T, ring *local.Ring) (keys []primitive.Key) {
	t.Helper()
	err := ring.Contents(func(all []primitive.Key) error {
		for _, k := range all {
			k.Keyset = bytes.Clone(k.Keyset)
			keys = append(keys, k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (w *world) importKeys(keys []primitive.Key) (Imported, error) {
	w.t.Helper()
	return Import(w.t.Context(), w.options(w.house.Gateway), w.options(w.house.Operator), keys, func(k keyring.Keyring) error {
		w.checked++
		_, err := k.Signer(w.t.Context(), "no such key")
		if !errors.Is(err, keyring.ErrAbsent) {
			w.t.Errorf("a check makes keys: %v", err)
		}
		return nil
	})
}

// TestImport brings a folder's keys into Vault, twice: what was sealed opens there, what
// was hashed is the same, the log key is the same and signs, and what was destroyed stays
// so. The second time changes nothing.
func TestImport(t *testing.T) {
	w := newWorld(t)
	keys, ring, sealed := folderOf(t)
	done, err := w.importKeys(keys)
	if diff := cmp.Diff(Imported{Keysets: 2, Signers: 1, Destroyed: 1}, done); diff != "" || err != nil {
		t.Fatalf("(-want +got, %v):\n%s", err, diff)
	}
	r := w.open()
	opens(t, w.sealer(r, scope), sealed, "content")
	before, err := ring.Hasher(t.Context(), keyring.EditionScope)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := r.Hasher(t.Context(), keyring.EditionScope); err != nil || after.Hash("x") != before.Hash("x") {
		t.Errorf("the hash is another: %v", err)
	}
	ours, err := ring.Signer(t.Context(), "log")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := r.Signer(t.Context(), "log")
	if err != nil || !theirs.Public().(ed25519.PublicKey).Equal(ours.Public()) {
		t.Errorf("another log key: %v", err)
	}
	if _, err := theirs.Sign(nil, []byte("message"), nil); err != nil {
		t.Error(err)
	}
	if _, err := r.Sealer(t.Context(), another); !fault.Is(err, fault.NotFound) {
		t.Errorf("what was destroyed: %v", err)
	}
	for _, path := range []string{"{transit}/export/signing-key/sign.log", "{transit}/backup/sign.log"} {
		if status, _, err := w.house.Server.Call(w.house.Server.Root, http.MethodGet, w.fill(path), nil); err != nil || status < http.StatusBadRequest {
			t.Errorf("%s: %d, %v", path, status, err)
		}
	}
	there := w.inVault()
	if done, err = w.importKeys(keys); err != nil || done.There != len(keys) || w.checked != 2 {
		t.Errorf("again: %+v, %v", done, err)
	}
	if now := w.inVault(); now != there {
		t.Errorf("the second import changed Vault:\n%s\nbefore:\n%s", now, there)
	}
	if got, err := w.operator().Rewrap(t.Context()); err != nil || got.Newest != 2 {
		t.Errorf("an operator finds %+v, %v", got, err)
	}
}

// TestImportAfterAStop brings in a part, as a stop leaves it, and then all.
func TestImportAfterAStop(t *testing.T) {
	for _, n := range []int{1, 3} { // before the log key, and after it
		w := newWorld(t)
		keys, _, _ := folderOf(t)
		if _, err := w.importKeys(keys[:n]); err != nil {
			t.Fatal(err)
		}
		if done, err := w.importKeys(keys); err != nil || done.There != n {
			t.Errorf("after %d: %+v, %v", n, done, err)
		}
	}
	// A stop may leave a transit key without a keyset, too.
	w := newWorld(t)
	w.house.Server.Admin(t, http.MethodPost, w.fill("{transit}/keys/")+keyName(scope), map[string]any{"type": "aes256-gcm96"})
	keys, _, sealed := folderOf(t)
	if _, err := w.importKeys(keys); err != nil {
		t.Fatal(err)
	}
	opens(t, w.sealer(w.open(), scope), sealed, "content")
}

// TestImportOverwritesNothing finds something else in Vault in the place of each kind of
// key, and writes nothing at all.
func TestImportOverwritesNothing(t *testing.T) {
	for name, occupy := range map[string]func(*world, *Ring) error{
		"another keyset":  func(w *world, r *Ring) error { _, err := r.Sealer(w.t.Context(), scope); return err },
		"another log key": func(w *world, r *Ring) error { _, err := r.Signer(w.t.Context(), "log"); return err },
		"a tombstone":     func(w *world, r *Ring) error { return r.Destroy(w.t.Context(), scope) },
		"a key in use":    func(w *world, r *Ring) error { _, err := r.Hasher(w.t.Context(), another); return err },
		"a deleted keyset": func(w *world, r *Ring) error {
			_, err := r.Sealer(w.t.Context(), scope)
			w.house.Server.Admin(w.t, http.MethodDelete, w.fill("{kv}/data/keysets/")+keyName(scope)+".seal", nil)
			return err
		},
	} {
		w := newWorld(t)
		if err := occupy(w, w.open()); err != nil {
			t.Fatal(err)
		}
		keys, _, _ := folderOf(t)
		for range 2 {
			before := w.inVault()
			if _, err := w.importKeys(keys); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
			if after := w.inVault(); after != before {
				t.Errorf("%s: Vault has\n%s\nbefore:\n%s", name, after, before)
			}
			slices.Reverse(keys)
		}
	}
}

// TestImportNeedsTheOperator has the gateway's login, which may make keysets, do the
// operator's part: it is refused before anything is written.
func TestImportNeedsTheOperator(t *testing.T) {
	w := newWorld(t)
	keys, _, _ := folderOf(t)
	before := w.inVault()
	_, err := Import(t.Context(), w.options(w.house.Gateway), w.options(w.house.Gateway), keys, func(keyring.Keyring) error { return nil })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%v", err)
	}
	if after := w.inVault(); after != before {
		t.Errorf("Vault has\n%s\nbefore:\n%s", after, before)
	}
}

// TestImportCutOff ends an import at each sort of write: whichever it was, Vault has no
// log key, so that no gateway starts on it and makes other keys. Then it is run again.
func TestImportCutOff(t *testing.T) {
	keys, _, _ := folderOf(t)
	for part, there := range map[string]int{"/data/keysets/": 0, "/data/destroyed/": 2, "/keys/sign.log/import": 3} {
		w := newWorld(t)
		w.proxy.FailWith(func(rw http.ResponseWriter, r *http.Request) bool {
			return r.Method != http.MethodGet && strings.Contains(r.URL.Path, part) && answer(http.StatusForbidden, `{"errors":["cut off"]}`)(rw, r)
		})
		if _, err := w.importKeys(keys); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", part, err)
		}
		w.proxy.FailWith(nil)
		status, _, err := w.house.Server.Call(w.house.Server.Root, http.MethodGet, w.fill("{transit}/keys/sign.log"), nil)
		if err != nil || status != http.StatusNotFound {
			t.Errorf("%s: the log key in Vault: %d, %v", part, status, err)
		}
		if done, err := w.importKeys(keys); err != nil || done.There < there {
			t.Errorf("%s, again: %+v, %v", part, done, err)
		}
	}
}

// TestImportOfRotatedLogKey needs a right for each later version, which the operator does
// not have and an administrator gives for the day. Without it nothing is written.
func TestImportOfRotatedLogKey(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "keys")
	_, ring, _ := fillFolder(t, dir)
	next, err := ring.Signer(t.Context(), "log/2")
	if err != nil {
		t.Fatal(err)
	}
	keys := contentsOf(t, ring)
	empty := w.inVault()
	if _, err := w.importKeys(keys); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "sign/log/2") {
		t.Errorf("under the operator's policy: %v", err)
	}
	if now := w.inVault(); now != empty {
		t.Errorf("Vault has\n%s\nbefore:\n%s", now, empty)
	}
	w.house.Server.Admin(t, http.MethodPut, "sys/policies/acl/"+w.house.OperatorPolicy, map[string]any{"policy": w.fill(
		`path "{transit}/wrapping_key" { capabilities = ["read"] }
path "{transit}/keys/sign.log/import" { capabilities = ["update"] }
path "{transit}/keys/sign.log.2/import" { capabilities = ["update"] }`)})
	if done, err := w.importKeys(keys); err != nil || done.Signers != 2 || done.There != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if s, err := w.open().Signer(t.Context(), "log/2"); err != nil || !s.Public().(ed25519.PublicKey).Equal(next.Public()) {
		t.Errorf("another key: %v", err)
	}
}
