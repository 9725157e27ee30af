package audit_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// TestReceipts has writers append at once, and checks every receipt as its
// holder would: the proof leads from the entry to the signed head, and the head
// is signed by a session that the log introduces.
func TestReceipts(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	const writers, each = 8, 25
	var mu sync.Mutex
	var receipts []audit.Receipt
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r, err := l.Append(t.Context(), request(w*each+i, "telford-housing"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				receipts = append(receipts, r)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	seen := map[int64]bool{}
	for _, r := range receipts {
		checkReceipt(t, h, l, r)
		if seen[r.First] || r.Count != 2 {
			t.Errorf("receipt %+v", r)
		}
		seen[r.First] = true
	}
	report := h.verify(nil)
	wantOK(t, report)
	if want := int64(writers*each*2 + 1); report.Entries != want || report.Providers["telford-housing"] != writers*each {
		t.Errorf("%d entries, %v", report.Entries, report.Providers)
	}
}

func checkReceipt(t *testing.T, h *house, l *audit.Log, r audit.Receipt) {
	t.Helper()
	_, raw, err := l.Entry(t.Context(), r.First)
	if err != nil {
		t.Fatal(err)
	}
	leaf := sha256.Sum256(raw)
	if hex.EncodeToString(leaf[:]) != r.EntryHash {
		t.Fatal("the receipt is not for the entry")
	}
	size, root := openHead(t, h, l, r.Head)
	proof := decodeProof(t, r.Proof)
	if err := tlog.CheckRecord(proof, size, root, r.First, tlog.RecordHash(leaf[:])); err != nil {
		t.Fatalf("receipt of %d: %v", r.First, err)
	}
}

// openHead verifies a batch head by the session key that the log introduces.
func openHead(t *testing.T, h *house, l *audit.Log, head string) (int64, tlog.Hash) {
	t.Helper()
	_, signature, _ := strings.Cut(head, "\u2014 ")
	name, _, _ := strings.Cut(signature, " ")
	found, err := l.Search(t.Context(), audit.Query{RequestID: name, Action: audit.Admin})
	if err != nil || len(found) != 1 {
		t.Fatalf("the session %q is introduced %d times (%v)", name, len(found), err)
	}
	verifier, err := note.NewVerifier(found[0].Entry.Admin["vkey"])
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(head), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	tree := parseTree(t, n.Text, origin+"/batch")
	if _, err := note.Open([]byte(head), logVerifiers(t, h)); err == nil {
		t.Fatal("a batch head passes for a checkpoint")
	}
	return tree.N, tree.Hash
}

func logVerifiers(t *testing.T, h *house) note.Verifiers {
	t.Helper()
	verifier, err := note.NewVerifier(h.vkey())
	if err != nil {
		t.Fatal(err)
	}
	return note.VerifierList(verifier)
}

// parseTree reads the first three lines of a tree's note.
func parseTree(t *testing.T, text, wantOrigin string) tlog.Tree {
	t.Helper()
	var tree tlog.Tree
	lines := strings.Split(text, "\n")
	if lines[0] != wantOrigin {
		t.Fatalf("origin %q", lines[0])
	}
	if _, err := fmt.Sscan(lines[1], &tree.N); err != nil {
		t.Fatal(err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	tree.Hash = root
	return tree
}

func decodeProof(t *testing.T, hashes []string) []tlog.Hash {
	t.Helper()
	proof := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		raw, err := base64.StdEncoding.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		copy(proof[i][:], raw)
	}
	return proof
}

// TestEntryHoldsTheDraft compares an entry with its draft, and its exact bytes
// with their canonical form.
func TestEntryHoldsTheDraft(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	r := request(1, "telford-housing")
	r.Drafts[1].Emergency = &audit.Emergency{Ground: "threat_to_life"}
	r.Drafts[1].Admin = map[string]string{"provider": "not \"this\" one", "provider_seq": "99"}
	mustAppend(t, l, request(0, "telford-housing"))
	receipt := mustAppend(t, l, r)
	e, raw, err := l.Entry(t.Context(), receipt.First+1)
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := audit.Canonical(e)
	if err != nil || string(canonical) != string(raw) {
		t.Errorf("the entry is not canonical (%v):\n%s\n%s", err, raw, canonical)
	}
	_, before, err := l.Entry(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	prev := sha256.Sum256(before)
	d := r.Drafts[1]
	want := audit.Entry{
		Action: d.Action, Actor: r.Actor, Admin: d.Admin, Emergency: d.Emergency, ID: e.ID, Nonce: e.Nonce,
		PolicyRevision: d.PolicyRevision, Private: e.Private, Provider: d.Provider, ProviderPrev: hex.EncodeToString(prev[:]),
		ProviderSeq: 2, Purpose: d.Purpose, Recipients: d.Recipients, Released: d.Released, RequestID: r.ID,
		SectionsSHA256: d.SectionsSHA256, Time: "2026-11-03T10:00:00.001000Z", V: 1, Withheld: d.Withheld,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if len(e.ID) != 36 || e.ID[14] != '7' || len(e.Nonce) != 32 {
		t.Errorf("id %q, nonce %q", e.ID, e.Nonce)
	}
}

func TestPrivatePart(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	r := request(1)
	r.Drafts[0].Private.Erased = []audit.Erased{
		{Dataset: "housing.tenancy", Source: strings.Repeat("0a", 32)}, {Dataset: "a \"quoted\" one", Source: "é"},
	}
	receipt := mustAppend(t, l, r)
	got, err := l.OpenPrivate(t.Context(), receipt.First)
	if err != nil {
		t.Fatal(err)
	}
	want := r.Drafts[0].Private
	want.Salt = got.Salt
	if diff := cmp.Diff(want, got); diff != "" || len(got.Salt) != 64 {
		t.Errorf("private part (-want +got):\n%s", diff)
	}
	// The month's key is destroyed when retention ends: the private part is
	// gone, the log still verifies.
	if err := h.keys.Destroy(t.Context(), keyring.LogScope(r.Time)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.OpenPrivate(t.Context(), receipt.First); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the key was destroyed: %v", err)
	}
	wantOK(t, h.verify(nil))
	if _, err := l.Append(t.Context(), request(2)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("append without the month's key: %v", err)
	}
}

// TestInvariant05NothingPrivateInTheOpen looks for what is personal in all that
// the store holds in plain text.
func TestInvariant05NothingPrivateInTheOpen(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	r := request(1, "telford-housing")
	const secret = "XSECRETX"
	for i := range r.Drafts {
		r.Drafts[i].Private = audit.Private{
			CaseRef: secret, Client: secret, Facts: json.RawMessage(`"` + secret + `"`), Incident: secret,
			Justification: secret, SubjectRefs: []string{secret},
		}
	}
	mustAppend(t, l, r)
	for b, err := range audit.StoreSource(h.db.Log()).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][][]byte{b.Entries, b.Private, {all}} {
			for _, bytes := range part {
				if strings.Contains(string(bytes), secret) {
					t.Errorf("batch %d shows what is private: %s", b.N, bytes)
				}
			}
		}
	}
}

func TestSearch(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	for i := range 10 {
		mustAppend(t, l, request(i, "telford-housing", "mercia-health"))
	}
	found, err := l.Search(t.Context(), audit.Query{Provider: "mercia-health", Limit: 3})
	if err != nil || len(found) != 3 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for i, f := range found {
		if f.Entry.Provider != "mercia-health" || f.Entry.ProviderSeq != int64(10-i) || f.Index != int64(30-3*i) {
			t.Errorf("found %d: %d %+v", i, f.Index, f.Entry)
		}
	}
	if _, _, err := l.Entry(t.Context(), 31); !fault.Is(err, fault.NotFound) {
		t.Errorf("entry beyond the end: %v", err)
	}
	if _, _, err := l.Entry(t.Context(), -1); !fault.Is(err, fault.NotFound) {
		t.Errorf("entry before the start: %v", err)
	}
}

// TestAppendRefuses has requests that cannot be logged; the log does not grow.
func TestAppendRefuses(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	draft := func(change func(*audit.Draft)) func(*audit.Request) {
		return func(r *audit.Request) { change(&r.Drafts[0]) }
	}
	for name, c := range map[string]struct {
		kind   fault.Kind
		change func(*audit.Request)
	}{
		"no id":     {fault.Invalid, func(r *audit.Request) { r.ID = "" }},
		"no actor":  {fault.Invalid, func(r *audit.Request) { r.Actor.Subject = "" }},
		"no agency": {fault.Invalid, func(r *audit.Request) { r.Actor.Agency = "" }},
		"no drafts": {fault.Invalid, func(r *audit.Request) { r.Drafts = nil }},
		"no action": {fault.Invalid, draft(func(d *audit.Draft) { d.Action = "" })},
		"provider":  {fault.Invalid, draft(func(d *audit.Draft) { d.Provider = "\xff" })},
		"a session": {fault.Invalid, draft(func(d *audit.Draft) { d.Action, d.Admin = audit.Admin, map[string]string{"kind": "session"} })},
		"bad facts": {fault.Invalid, draft(func(d *audit.Draft) { d.Private.Facts = json.RawMessage("{") })},
		"limit of the agency unlogged": {fault.Invalid, func(r *audit.Request) {
			r.Limit = &audit.Limit{AgencyPerDay: 1, Denied: r.Drafts}
		}},
		"limit unlogged": {fault.Invalid, func(r *audit.Request) { r.Limit = &audit.Limit{PerHour: 1} }},
		"large entry":    {fault.TooLarge, draft(func(d *audit.Draft) { d.Purpose = strings.Repeat("x", 1<<20) })},
		"large private":  {fault.TooLarge, draft(func(d *audit.Draft) { d.Private.Justification = strings.Repeat("x", 1<<20) })},
		"many entries":   {fault.TooLarge, func(r *audit.Request) { r.Drafts = make([]audit.Draft, 512); fill(r) }},
		"large request": {fault.TooLarge, func(r *audit.Request) {
			r.Drafts = make([]audit.Draft, 5)
			fill(r)
			for i := range r.Drafts {
				r.Drafts[i].Purpose = strings.Repeat("x", 900<<10)
			}
		}},
	} {
		r := request(1)
		c.change(&r)
		if _, err := l.Append(t.Context(), r); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %q", name, err, c.kind)
		}
	}
	if l.Size() != 0 {
		t.Errorf("the log has %d entries", l.Size())
	}
	r := request(1)
	r.Drafts = make([]audit.Draft, 511)
	fill(&r)
	if receipt := mustAppend(t, l, r); receipt.Count != 511 {
		t.Errorf("receipt %+v", receipt)
	}
	wantOK(t, h.verify(nil))
}

func fill(r *audit.Request) {
	for i := range r.Drafts {
		r.Drafts[i].Action = audit.Disclose
	}
}
