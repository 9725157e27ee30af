package vault

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// TestNoCallPerUse seals, opens and hashes a thousand times: Vault hears nothing of
// it.
func TestNoCallPerUse(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	use := func() {
		s := w.sealer(r, scope)
		h, err := r.Hasher(t.Context(), keyring.IndexScope("housing.concern"))
		if err != nil {
			t.Fatal(err)
		}
		h.Hash("nhs_number", "9990000018")
		opens(t, s, seal(t, s, "content"), "content")
	}
	use()
	before := w.proxy.Count("")
	for range 1000 {
		use()
	}
	if n := w.proxy.Count("") - before; before == 0 || n != 0 {
		t.Errorf("%d calls to Vault before, %d for 1,000 seals, opens and hashes", before, n)
	}
}

// TestRenewedBesideTheWork uses a key past half of its time: it is fetched again
// while it serves, and then serves for as long again.
func TestRenewedBesideTheWork(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	s := w.sealer(r, scope)
	sealed := seal(t, s, "content")
	for range 4 {
		before := w.proxy.Count("/decrypt/")
		w.clock.Advance(testCache/2 + time.Second)
		opens(t, s, sealed, "content")
		eventually(t, "fetched again", func() bool { return w.proxy.Count("/decrypt/") > before && w.idle(r) })
	}
}

// idle reports whether nothing is being fetched.
func (w *world) idle(r *Ring) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.entries {
		e.mu.Lock()
		busy := e.fetch != nil
		e.mu.Unlock()
		if busy {
			return false
		}
	}
	return true
}

// outages are what Vault can do to its callers, by the words that it is told in.
func outages() map[reason]func(http.ResponseWriter, *http.Request) bool {
	return map[reason]func(http.ResponseWriter, *http.Request) bool{
		unreachable: func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		sealed:      answer(http.StatusServiceUnavailable, `{"errors":["Vault is sealed"]}`),
		failing:     answer(http.StatusInternalServerError, `{"errors":["1 error occurred: secret details"]}`),
		limited:     answer(http.StatusTooManyRequests, `{"errors":["request path quota exceeded"]}`),
		denied: func(rw http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path != "/v1/auth/token/lookup-self" && answer(http.StatusForbidden, `{"errors":["permission denied"]}`)(rw, r)
		},
		slow: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
	}
}

// TestOutage holds that, whatever Vault does, keys in memory serve until their time
// is over, then nothing does, and all is well again when Vault is.
func TestOutage(t *testing.T) {
	w := newWorld(t)
	for why, fail := range outages() {
		t.Run(string(why), func(t *testing.T) {
			timeout := 10 * time.Second
			if why == slow {
				timeout = 200 * time.Millisecond
			}
			r := w.open(func(o *Options) { o.Timeout = timeout })
			s := w.sealer(r, scope)
			text := seal(t, s, "content")
			w.proxy.FailWith(fail)
			defer w.proxy.FailWith(nil)
			w.clock.Advance(testCache - time.Second)
			opens(t, s, text, "content")
			opens(t, w.sealer(r, scope), text, "content")
			eventually(t, "tried", func() bool { return w.idle(r) })
			w.clock.Advance(time.Second)
			_, err := s.Open(text, []byte("place"))
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("after its time a sealer answers %v", err)
			}
			eventually(t, "tried", func() bool { return w.idle(r) })
			_, err = r.Sealer(t.Context(), scope)
			wantReason(t, err, why)
			_, err = r.Hasher(t.Context(), keyring.LinkScope)
			wantReason(t, err, why)
			wantReason(t, r.Destroy(t.Context(), another), why)
			w.proxy.FailWith(nil)
			w.clock.Advance(pause)
			opens(t, w.sealer(r, scope), text, "content")
			opens(t, s, text, "content")
		})
	}
}

// TestOutageCosts counts the calls of a gateway whose Vault is gone: each is tried
// three times, then there is a pause in which callers get the reason at once.
func TestOutageCosts(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	w.proxy.FailWith(answer(http.StatusBadGateway, ""))
	before := w.proxy.Count("")
	for range 100 {
		_, err := r.Sealer(t.Context(), scope)
		wantReason(t, err, failing)
	}
	if n := w.proxy.Count("") - before; n != 1+retries {
		t.Errorf("%d calls for 100 requests, want %d", n, 1+retries)
	}
	w.clock.Advance(pause)
	if _, err := r.Sealer(t.Context(), scope); err == nil || w.proxy.Count("")-before != 2*(1+retries) {
		t.Errorf("%d calls after a pause, %v", w.proxy.Count("")-before, err)
	}
}

// TestRetries rides out a Vault that says to wait twice.
func TestRetries(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		var tried atomic.Int64
		w.proxy.FailWith(func(rw http.ResponseWriter, req *http.Request) bool {
			if tried.Add(1) > retries {
				return false
			}
			rw.Header().Set("Retry-After", "3600") // not ours to promise
			return answer(status, "")(rw, req)
		})
		w.sealer(r, keyring.RecordScope("ISA-TH-WMP-001", http.StatusText(status)))
	}
}

// TestForgotten drops keys from memory when their time is over, used or not.
func TestForgotten(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	s := w.sealer(r, scope)
	r.sweep()
	if s.(sealer).entry.held.Load() == nil {
		t.Error("a key was forgotten before its time")
	}
	w.clock.Advance(testCache)
	r.sweep()
	if s.(sealer).entry.held.Load() != nil {
		t.Error("a key is in memory after its time")
	}
}

// TestDestroyReachesOthers destroys a scope whose key another gateway holds: that one
// uses it for as long as the cache allows, and no longer.
func TestDestroyReachesOthers(t *testing.T) {
	w := newWorld(t)
	one, other := w.open(), w.open()
	held := w.sealer(other, scope)
	text := seal(t, held, "content")
	if err := one.Destroy(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	opens(t, held, text, "content")
	w.clock.Advance(testCache)
	if _, err := held.Open(text, []byte("place")); err == nil {
		t.Error("a destroyed key opens after its time")
	}
	_, err := other.Sealer(t.Context(), scope)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("the other gateway answers %v", err)
	}
	if status, _, err := w.house.Server.Call(w.house.Server.Root, http.MethodGet, w.house.Transit+"/keys/"+keyName(scope), nil); err != nil || status != http.StatusNotFound {
		t.Errorf("the transit key: %d, %v", status, err)
	}
}
