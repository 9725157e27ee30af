package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// ill is what a hostile store does.
type ill int32

const (
	well      ill = iota
	fails         // refuses the batch
	losesWord     // stores the batch and says that it failed
	failsOnce     // refuses the first time, takes the retry
	deaf          // stores the batch and cannot be read
	flips         // gives back another byte than it was given
)

// hostile is the real store behind a fault.
type hostile struct {
	audit.Store

	mode atomic.Int32
	hits atomic.Int32
}

func (h *hostile) InsertBatch(ctx context.Context, b *audit.Batch) error {
	down := fault.New(fault.Unavailable, "test", "The store is ill.")
	switch ill(h.mode.Load()) {
	case fails:
		return down
	case failsOnce:
		if h.hits.Add(1) == 1 {
			return down
		}
	case losesWord:
		if err := h.Store.InsertBatch(ctx, b); err != nil {
			return err
		}
		return down
	default:
	}
	return h.Store.InsertBatch(ctx, b)
}

func (h *hostile) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	b, err := h.Store.Batch(ctx, n)
	switch ill(h.mode.Load()) {
	case deaf:
		return nil, fault.New(fault.Unavailable, "test", "The store is ill.")
	case flips:
		if err == nil {
			b.Entries[0] = bytes.Clone(b.Entries[0])
			b.Entries[0][10] ^= 1
		}
	default:
	}
	return b, err
}

// TestInvariant01HostileStore lets the store of the log fail in every way at
// the very append of an answer: there is either the answer, with its entry
// durable, or an error without any data.
func TestInvariant01HostileStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		mode ill
		want int
		// heals says that the next request after the illness is answered.
		heals bool
	}{
		{"fails", fails, http.StatusServiceUnavailable, true},
		{"fails once, and takes the retry", failsOnce, http.StatusOK, true},
		{"stores, and says that it failed", losesWord, http.StatusOK, true},
		{"stores, and cannot be read", deaf, http.StatusServiceUnavailable, true},
		{"gives back another byte", flips, http.StatusServiceUnavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hostile{}
			r := newRig(t, between{store: func(s audit.Store) audit.Store {
				h.Store = s
				return h
			}})
			r.fill(1, "analyst")
			token := r.token(devissuer.Police, "analyst", identity.Analyst)
			ask := func() (int, []byte) {
				w := r.call(token, http.MethodPost, "/v1/profiles/subject", question(0))
				return w.Code, w.Body.Bytes()
			}
			if code, body := ask(); code != http.StatusOK || !bytes.Contains(body, []byte("Quill")) {
				t.Fatalf("before: %d %s", code, body)
			}
			h.mode.Store(int32(c.mode))
			code, body := ask()
			if code != c.want {
				t.Fatalf("status %d, want %d: %s", code, c.want, body)
			}
			h.mode.Store(int32(well))
			if code == http.StatusOK {
				checkLogged(t, h.Store, body)
			} else {
				checkEmpty(t, body)
			}
			if code, body = ask(); (code == http.StatusOK) != c.heals {
				t.Errorf("afterwards: status %d: %s", code, body)
			}
			if code != http.StatusOK {
				checkEmpty(t, body)
			}
		})
	}
}

// checkLogged finds the entry of an answer in the store.
func checkLogged(t *testing.T, s audit.Store, body []byte) {
	t.Helper()
	var a struct {
		Index int64 `json:"audit_index"`
	}
	must(t, json.Unmarshal(body, &a))
	b := value(s.BatchOf(t.Context(), a.Index))(t)
	if !bytes.Contains(b.Entries[a.Index-b.First], []byte(`"action":"consult"`)) {
		t.Errorf("entry %d is %s", a.Index, b.Entries[a.Index-b.First])
	}
}

func checkEmpty(t *testing.T, body []byte) {
	t.Helper()
	for _, data := range []string{"Quill", "cuckooing", "sections", "withheld", "fields", "2BP"} {
		if strings.Contains(string(body), data) {
			t.Errorf("the refusal holds %q: %s", data, body)
		}
	}
}

// TestInvariant03RefusalsNeedTheLogToo answers 503 in place of a refusal that
// cannot be logged, so that nobody can try things out unseen.
func TestInvariant03RefusalsNeedTheLogToo(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	r := newRig(t, between{store: func(s audit.Store) audit.Store {
		h.Store = s
		return h
	}})
	r.fill(1, "analyst")
	h.mode.Store(int32(fails))
	analyst := r.token(devissuer.Police, "analyst", identity.Analyst)
	for name, call := range map[string]func() int{
		"role":      func() int { return r.call(analyst, http.MethodPost, "/v1/editions", nil).Code },
		"body":      func() int { return r.call(analyst, http.MethodPost, "/v1/profiles/subject", []byte(`{"x":1}`)).Code },
		"not found": func() int { return r.call(analyst, http.MethodGet, "/v1/datasets/none/schema", nil).Code },
		"denied": func() int {
			body := bytes.Replace(question(0), []byte("soc-investigation"), []byte("tenancy-enforcement"), 1)
			return r.call(analyst, http.MethodPost, "/v1/profiles/subject", body).Code
		},
		"case link": func() int {
			return r.call(analyst, http.MethodPost, "/v1/case-links",
				[]byte(`{"case_ref":"OP-1","analyst":"analyst@west-mercia-police.example","subject":{"nhs_number":"9990000018"}}`)).Code
		},
	} {
		if got := call(); got != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", name, got)
		}
	}
	// A link whose making was not logged does not exist.
	h.mode.Store(int32(well))
	body := bytes.Replace(question(0), []byte("OP-LANTERN"), []byte("OP-1"), 1)
	if w := r.call(analyst, http.MethodPost, "/v1/profiles/subject", body); w.Code != http.StatusForbidden {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// TestClientGone logs and releases nothing, or logs what it released: a caller
// that breaks off does not leave a release without an entry.
func TestClientGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, between{})
	r.fill(1, "analyst")
	token := r.token(devissuer.Police, "analyst", identity.Analyst)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := r.callIn(ctx, token, http.MethodPost, "/v1/profiles/subject", question(0))
	if w.Code == http.StatusOK {
		t.Fatalf("a caller that was gone got %s", w.Body)
	}
	checkEmpty(t, w.Body.Bytes())
}
