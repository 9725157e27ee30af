package vault

import (
	"crypto/ed25519"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/keyring"
)

// TestRotation rotates every key while a gateway works, and rewraps: what was sealed
// before opens throughout, here and for a gateway that comes later.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	scopes := []string{scope, another, keyring.EditionScope}
	texts := map[string][]byte{}
	hashes := map[string][32]byte{}
	for _, s := range scopes {
		texts[s] = seal(t, w.sealer(r, s), "content")
		h, err := r.Hasher(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		hashes[s] = h.Hash("x")
	}
	if err := r.Destroy(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for _, ring := range []*Ring{r, w.open()} {
			for _, s := range []string{scope, keyring.EditionScope} {
				opens(t, w.sealer(ring, s), texts[s], "content")
				if h, err := ring.Hasher(t.Context(), s); err != nil || h.Hash("x") != hashes[s] {
					t.Errorf("the hash of %s is another: %v", s, err)
				}
			}
		}
	}
	o := w.operator()
	want := func(what string, got Report, err error, want Report) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got, %v):\n%s", what, err, diff)
		}
	}
	got, err := o.Rewrap(t.Context())
	want("nothing to rewrap", got, err, Report{Keysets: 6, Destroyed: 2, Newest: 4})
	got, err = o.Rotate(t.Context())
	want("rotated", got, err, Report{Keysets: 6, Destroyed: 2, Rotated: 2})
	check()
	got, err = o.Rewrap(t.Context())
	want("rewrapped", got, err, Report{Keysets: 6, Destroyed: 2, Rewrapped: 4})
	check()
	got, err = o.Rewrap(t.Context())
	want("again", got, err, Report{Keysets: 6, Destroyed: 2, Newest: 4})
	// Then the old versions may go.
	for _, s := range []string{scope, keyring.EditionScope} {
		w.house.Server.Admin(t, http.MethodPost, w.fill("{transit}/keys/")+keyName(s)+"/config", map[string]any{"min_decryption_version": 2})
	}
	check()
	all, err := o.Status(t.Context())
	if err != nil || len(all) != 6 || all[0].Name != "edition.hash" || all[0].Version != "2" || !all[4].Destroyed {
		t.Errorf("status: %+v, %v", all, err)
	}
}

// TestRewrapAtOnce lets two operators rewrap and a gateway read at once.
func TestRewrapAtOnce(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	text := seal(t, w.sealer(r, scope), "content")
	one, other := w.operator(), w.operator()
	if _, err := one.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, o := range []*Operator{one, other} {
		wg.Go(func() {
			if _, err := o.Rewrap(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		late := w.open()
		opens(t, w.sealer(late, scope), text, "content")
	})
	wg.Wait()
	if got, err := one.Rewrap(t.Context()); err != nil || got.Newest != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLogKeyRotatedInVault rotates the log key behind Concord's back: the first
// version signs on.
func TestLogKeyRotatedInVault(t *testing.T) {
	w := newWorld(t)
	s, err := w.open().Signer(t.Context(), "log")
	if err != nil {
		t.Fatal(err)
	}
	w.house.Server.Admin(t, http.MethodPost, w.fill("{transit}/keys/sign.log/rotate"), nil)
	if _, err := s.Sign(nil, []byte("message"), nil); err != nil {
		t.Error(err)
	}
	again, err := w.open().Signer(t.Context(), "log")
	if err != nil || !again.Public().(ed25519.PublicKey).Equal(s.Public()) {
		t.Errorf("another public key, %v", err)
	}
}

// TestLost deletes things in Vault behind Concord's back: nothing is made in their
// place, and it is said what to do.
func TestLost(t *testing.T) {
	w := newWorld(t)
	admin := func(method, path string, body any) {
		t.Helper()
		w.house.Server.Admin(t, method, w.fill(path), body)
	}
	first := w.open()
	for _, s := range []string{scope, another, keyring.EditionScope} {
		w.sealer(first, s)
	}
	admin(http.MethodDelete, "{kv}/data/keysets/"+keyName(scope)+".seal", nil)
	admin(http.MethodPost, "{transit}/keys/"+keyName(another)+"/config", map[string]any{"deletion_allowed": true})
	admin(http.MethodDelete, "{transit}/keys/"+keyName(another), nil)
	r := w.open()
	_, err := r.Sealer(t.Context(), scope)
	wantCause(t, err, errLost)
	_, err = r.Sealer(t.Context(), another)
	wantCause(t, err, errNoWrap)
	w.sealer(r, keyring.EditionScope)
	if _, err := w.operator().Status(t.Context()); err == nil {
		t.Error("an operator is not told")
	}
	admin(http.MethodPost, "{kv}/undelete/keysets/"+keyName(scope)+".seal", map[string]any{"versions": []int{1}})
	w.sealer(r, scope)
}

// TestSwapped puts one keyset in another's place: it is not taken.
func TestSwapped(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	w.sealer(r, scope)
	if _, err := r.Hasher(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	w.sealer(r, another)
	path := w.fill("{kv}/data/keysets/")
	read := func(s slot) map[string]any {
		return w.house.Server.Admin(t, http.MethodGet, path+keysetName(s), nil)["data"].(map[string]any)["data"].(map[string]any)
	}
	put := func(s slot, version int, fields map[string]any) {
		w.house.Server.Admin(t, http.MethodPost, path+keysetName(s), map[string]any{"data": fields, "options": map[string]any{"cas": version}})
	}
	place, good := slot{"seal", scope}, read(slot{"seal", scope})
	other, hash := read(slot{"seal", another}), read(slot{"hash", scope})
	for n, fields := range []map[string]any{
		other,
		{keysetField: other[keysetField], scopeField: scope, useField: "seal"},
		hash,
		{keysetField: hash[keysetField], scopeField: scope, useField: "seal"},
		{keysetField: "", scopeField: scope, useField: "seal"},
		{keysetField: "vault:v1:AAAA", scopeField: scope, useField: "seal"},
	} {
		put(place, n+1, fields)
		if _, err := w.open().Sealer(t.Context(), scope); err == nil {
			t.Errorf("%d: %v was taken", n, fields)
		}
	}
	put(place, 7, good)
	w.sealer(w.open(), scope)
}

// TestLostWithEveryTrace deletes a keyset and its metadata while a gateway has it in
// memory: when its time is over, the gateway makes no other.
func TestLostWithEveryTrace(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	s := w.sealer(r, scope)
	text := seal(t, s, "content")
	w.house.Server.Admin(t, http.MethodDelete, w.fill("{kv}/metadata/keysets/")+keyName(scope)+".seal", nil)
	before := w.inVault()
	for range 3 { // fetched again beside the work, and then not there
		w.clock.Advance(testCache / 2)
		_, _ = s.Open(text, []byte("place"))
		_, _ = r.Sealer(t.Context(), scope)
		w.clock.Advance(2 * pause)
	}
	_, err := r.Sealer(t.Context(), scope)
	wantCause(t, err, errAbsent)
	if after := w.inVault(); after != before {
		t.Errorf("Vault has\n%s\nbefore:\n%s", after, before)
	}
	// Another process, which does not know, makes one; this one does not take it.
	w.sealer(w.open(), scope)
	w.clock.Advance(2 * pause)
	_, err = r.Sealer(t.Context(), scope)
	wantCause(t, err, errChanged)
}

// inVault is everything that the mounts of the house hold, as text.
func (w *world) inVault() string {
	w.t.Helper()
	return w.house.Contents(w.t)
}
