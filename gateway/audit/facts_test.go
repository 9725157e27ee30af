package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
)

// gist is what a test compares of a fact.
type gist struct {
	Request   string
	Unread    audit.Unread
	Facts     bool
	Providers []string
}

func facts(t *testing.T, store audit.Store, keys keyring.Keyring, from int64) []gist {
	t.Helper()
	var out []gist
	for f, err := range audit.Facts(t.Context(), store, keys, from) {
		if err != nil {
			t.Fatal(err)
		}
		g := gist{Request: f.RequestID, Unread: f.Unread, Facts: len(f.Private.Facts) > 0}
		for _, p := range f.Providers {
			g.Providers = append(g.Providers, p.Provider)
		}
		out = append(out, g)
	}
	return out
}

// mixedLog appends two requests with facts, a refusal and an administrative
// entry, each in a batch of its own, and the second request a month later.
func mixedLog(t *testing.T, h *house) {
	t.Helper()
	l := h.open()
	mustAppend(t, l, request(1, "housing", "health"))
	mustAppend(t, l, audit.Request{ID: "refused", Actor: request(2).Actor, Time: now, Drafts: []audit.Draft{{
		Action: audit.Deny, Admin: map[string]string{"code": "role_missing"},
	}}})
	mustAppend(t, l, audit.Request{ID: "admin", Actor: request(2).Actor, Time: now, Drafts: []audit.Draft{{
		Action: audit.Admin, Admin: map[string]string{"kind": "case-link"},
	}}})
	later := request(3, "housing")
	later.Time = now.AddDate(0, 1, 0)
	mustAppend(t, l, later)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestFacts(t *testing.T) {
	h := newHouse(t)
	if got := facts(t, h.db.Log(), h.keys, 0); got != nil {
		t.Errorf("a log that is empty has %v", got)
	}
	mixedLog(t, h)
	first := gist{"request-000001", "", true, []string{"housing", "health"}}
	refused := gist{"refused", audit.NoFacts, false, nil}
	last := gist{"request-000003", "", true, []string{"housing"}}
	if diff := cmp.Diff([]gist{first, refused, last}, facts(t, h.db.Log(), h.keys, 0)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	// Entry 0 introduces the session; 1 to 3 are the first request.
	if diff := cmp.Diff([]gist{refused, last}, facts(t, h.db.Log(), h.keys, 2)); diff != "" {
		t.Errorf("facts from the middle of a request (-want +got):\n%s", diff)
	}
	if got := facts(t, h.db.Log(), h.keys, 1000); got != nil {
		t.Errorf("behind the end there is %v", got)
	}
	for f, err := range audit.Facts(t.Context(), h.db.Log(), h.keys, 0) {
		want := audit.Fact{
			Index: 1, Action: audit.Consult, Agency: "west-mercia-police", Answered: true, PolicyRevision: "sha256:6f2c1a",
			RequestID: "request-000001", Time: "2026-11-03T10:00:00.001000Z",
		}
		if err != nil || f.Index != want.Index || f.Action != want.Action || f.Agency != want.Agency || !f.Answered ||
			f.PolicyRevision != want.PolicyRevision || f.Time != want.Time {
			t.Errorf("%+v, %v, want %+v", f, err, want)
		}
		p := f.Providers[0]
		released, _ := audit.Canonical(disclosure("housing").Released)
		withheld, _ := audit.Canonical(disclosure("housing").Withheld)
		if p.Index != 2 || p.Action != audit.Disclose || p.Released != string(released) || p.Withheld != string(withheld) {
			t.Errorf("the provider's part is %+v", p)
		}
		break // ends the sequence
	}
}

func TestFactsOfADestroyedMonth(t *testing.T) {
	h := newHouse(t)
	mixedLog(t, h)
	if err := h.keys.Destroy(t.Context(), keyring.LogScope(now)); err != nil {
		t.Fatal(err)
	}
	want := []gist{
		{"request-000001", audit.KeyDestroyed, false, []string{"housing", "health"}},
		{"refused", audit.KeyDestroyed, false, nil},
		{"request-000003", "", true, []string{"housing"}},
	}
	if diff := cmp.Diff(want, facts(t, h.db.Log(), h.keys, 0)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// TestFactsDamaged alters what the store gives back.
func TestFactsDamaged(t *testing.T) {
	h := newHouse(t)
	mixedLog(t, h)
	whole := facts(t, h.db.Log(), h.keys, 0)
	other, err := local.Open(t.TempDir() + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	cases := map[string]struct {
		keys   keyring.Keyring
		change func(b *audit.Batch)
		want   []gist
	}{
		"an entry": {h.keys, func(b *audit.Batch) {
			if b.First <= 1 {
				i := 1 - b.First
				b.Entries[i] = bytes.Replace(b.Entries[i], []byte("consult"), []byte("combine"), 1)
			}
		}, append([]gist{{Unread: audit.Damaged}}, whole[1:]...)},
		"a provider's entry": {h.keys, func(b *audit.Batch) {
			if i := 3 - b.First; i >= 0 && i < int64(len(b.Entries)) {
				b.Entries[i] = bytes.Replace(b.Entries[i], []byte("health"), []byte("wealth"), 1)
			}
		}, append([]gist{{"request-000001", "", true, []string{"housing"}}, {Unread: audit.Damaged}}, whole[1:]...)},
		"a private part": {h.keys, func(b *audit.Batch) {
			if b.First <= 1 {
				b.Private[1-b.First] = bytes.Clone(b.Private[1-b.First])
				b.Private[1-b.First][20] ^= 1
			}
		}, append([]gist{{"request-000001", audit.Damaged, false, []string{"housing", "health"}}}, whole[1:]...)},
		"the keys": {other, func(*audit.Batch) {}, []gist{
			{"request-000001", audit.Damaged, false, []string{"housing", "health"}},
			{"refused", audit.Damaged, false, nil},
			{"request-000003", audit.Damaged, false, []string{"housing"}},
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			store := alteredStore{Store: h.db.Log(), change: c.change}
			if diff := cmp.Diff(c.want, facts(t, store, c.keys, 0)); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFactsOfAnotherEntry puts the private part of one entry behind another: it
// opens nowhere but where it was sealed.
func TestFactsOfAnotherEntry(t *testing.T) {
	h := newHouse(t)
	mixedLog(t, h)
	store := alteredStore{Store: h.db.Log(), change: func(b *audit.Batch) {
		for i := range b.Private {
			b.Private[i] = b.Private[len(b.Private)-1]
		}
	}}
	if got := facts(t, store, h.keys, 0)[0]; got.Unread != audit.Damaged || got.Facts {
		t.Errorf("got %+v", got)
	}
}

func TestFactsFail(t *testing.T) {
	h := newHouse(t)
	mixedLog(t, h)
	cases := map[string]struct {
		fail error
		want fault.Kind
	}{
		"a hole":          {fault.New(fault.NotFound, "test", "gone"), fault.Internal},
		"unreadable":      {errors.New("rubbish"), fault.Internal},
		"no answer":       {fault.New(fault.Unavailable, "test", "off"), fault.Unavailable},
		"counts that lie": {nil, fault.Internal},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			store := alteredStore{Store: h.db.Log(), fail: c.fail, change: func(b *audit.Batch) { b.Private = b.Private[:len(b.Private)-1] }}
			var last error
			count := 0
			for _, err := range audit.Facts(t.Context(), store, h.keys, 0) {
				last = err
				count++
			}
			if !fault.Is(last, c.want) || count != 1 {
				t.Errorf("%d yields, the last with %v", count, last)
			}
		})
	}
}

// alteredStore changes or fails what Batch returns.
type alteredStore struct {
	audit.Store

	change func(b *audit.Batch)
	fail   error
}

func (s alteredStore) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	b, err := s.Store.Batch(ctx, n)
	if err == nil {
		s.change(b)
	}
	return b, err
}

// TestPrivateDecision keeps the digest of the decision, and what was erased,
// beside the facts, in canonical order.
func TestPrivateDecision(t *testing.T) {
	raw, err := audit.Canonical(audit.Private{
		Client: "c", Decision: "d", Erased: []audit.Erased{{Dataset: "e", Source: "f"}}, Facts: json.RawMessage(`{}`), Salt: "s",
	})
	if err != nil || string(raw) != `{"client":"c","decision":"d","erased":[{"dataset":"e","source":"f"}],"facts":{},"salt":"s"}` {
		t.Errorf("%s, %v", raw, err)
	}
}

func BenchmarkFacts(b *testing.B) {
	h := newHouse(b)
	l := h.open()
	const requests = 1000
	for i := range requests {
		r := request(i, "education", "health", "housing")
		r.Time = now.Add(time.Duration(i) * time.Minute)
		mustAppend(b, l, r)
	}
	store := h.db.Log()
	for b.Loop() {
		n := 0
		for _, err := range audit.Facts(b.Context(), store, h.keys, 0) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != requests {
			b.Fatalf("%d facts", n)
		}
	}
	b.ReportMetric(float64(requests*b.N)/b.Elapsed().Seconds(), "facts/s")
}
