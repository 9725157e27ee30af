package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
)

// TestLogProof asks for the proof of an answer: there is none before the next
// checkpoint, and then one that leads from the entry to the signed root.
func TestLogProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	var a subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &a)
	path := fmt.Sprintf("/v1/audit/entries/%d/proof", *a.AuditIndex)
	r := h.call("analyst", http.MethodGet, path, nil)
	r.problem(http.StatusConflict, "not-yet-published")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	var proof struct {
		Index      int64    `json:"index"`
		EntryHash  string   `json:"leaf_hash"`
		Size       int64    `json:"size"`
		Proof      []string `json:"proof"`
		Checkpoint string   `json:"checkpoint"`
	}
	h.call("housing-ig", http.MethodGet, path, nil).want(http.StatusOK, &proof)
	checkpoint := string(h.call("analyst", http.MethodGet, "/v1/audit/checkpoint", nil).want(http.StatusOK, nil).body)
	lines := strings.Split(checkpoint, "\n")
	if proof.Checkpoint != checkpoint || lines[0] != h.cfg.Log.Origin || lines[1] != strconv.FormatInt(proof.Size, 10) {
		t.Errorf("the proof is against another checkpoint: %+v, %s", proof, checkpoint)
	}
	var item struct{ Entry json.RawMessage }
	h.call("ig-lead", http.MethodGet, fmt.Sprintf("/v1/audit/entries/%d?log_purpose=data-integrity", *a.AuditIndex), nil).want(http.StatusOK, &item)
	leaf := sha256.Sum256(canonical(t, item.Entry))
	if hex.EncodeToString(leaf[:]) != proof.EntryHash || proof.Index != *a.AuditIndex {
		t.Errorf("the proof is of %s, the entry hashes to %x", proof.EntryHash, leaf)
	}
	if root := rootFrom(t, leaf[:], proof.Index, proof.Size, proof.Proof); root != lines[2] {
		t.Errorf("the proof leads to %s, the checkpoint says %s", root, lines[2])
	}
	h.call("analyst", http.MethodGet, "/v1/audit/entries/999999/proof", nil).want(http.StatusNotFound, nil)
	h.call("analyst", http.MethodGet, "/v1/audit/entries/-1/proof", nil).want(http.StatusNotFound, nil)
}

// rootFrom computes the root that an inclusion proof leads to (RFC 9162 s.2.1.3.2),
// by code of its own.
func rootFrom(t *testing.T, data []byte, index, size int64, proof []string) string {
	t.Helper()
	node := func(parts ...[]byte) []byte {
		sum := sha256.Sum256(bytes.Join(parts, nil))
		return sum[:]
	}
	hash := node([]byte{0}, data)
	fn, sn := index, size-1
	for _, p := range proof {
		sibling, err := base64.StdEncoding.DecodeString(p)
		if err != nil || sn == 0 {
			t.Fatalf("the proof is too long or broken: %v", err)
		}
		if fn&1 == 1 || fn == sn {
			hash = node([]byte{1}, sibling, hash)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			hash = node([]byte{1}, hash, sibling)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		t.Fatal("the proof is too short")
	}
	return base64.StdEncoding.EncodeToString(hash)
}

// canonical puts JSON into its canonical form.
func canonical(t *testing.T, raw []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := audit.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnswerHashes recomputes what the entries commit to from what the caller
// was given: the whole answer, and each provider's part of it with the salt
// that the caller alone has.
func TestAnswerHashes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, nil)
	for _, c := range []struct {
		path string
		body any
	}{
		{subjectPath, ask("soc-investigation", rowan())},
		{subjectPath, ask("soc-investigation", nobody())},
		{subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life")},
		{"/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-01", "2026-10", "quarter")},
	} {
		var answer map[string]any
		h.call("analyst", http.MethodPost, c.path, c.body).want(http.StatusOK, &answer)
		index := int64(answer["audit_index"].(float64))
		delete(answer, "audit")
		delete(answer, "audit_index")
		raw, err := audit.Canonical(answer)
		if err != nil {
			t.Fatal(err)
		}
		e := h.durable(index)
		if sum := sha256.Sum256(raw); e.ResponseSHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: the answer hashes to %x, the entry says %s", c.path, sum, e.ResponseSHA256)
		}
		salts := answer["salts"].(map[string]any)
		for i := index + 1; i < index+10; i++ {
			last := h.stored().entries
			if i >= last {
				break
			}
			own := h.durable(i)
			salt, ok := salts[own.Provider].(string)
			if own.RequestID != e.RequestID || !ok {
				if own.SectionsSHA256 != "" && own.RequestID == e.RequestID {
					t.Errorf("%s: no salt for %s", c.path, own.Provider)
				}
				continue
			}
			checkSections(t, answer, own, salt)
			delete(salts, own.Provider)
		}
		if len(salts) > 0 {
			t.Errorf("%s: salts without an entry: %v", c.path, salts)
		}
	}
}

// checkSections recomputes the hash of one provider's sections.
func checkSections(t *testing.T, answer map[string]any, e audit.Entry, salt string) {
	t.Helper()
	own := []any{}
	for _, s := range answer["sections"].([]any) {
		sec := s.(map[string]any)
		if sec["provider"] == e.Provider {
			own = append(own, sec)
		}
		indicators, _ := sec["indicators"].([]any)
		for _, i := range indicators {
			if i.(map[string]any)["provider"] == e.Provider {
				own = append(own, i)
			}
		}
	}
	raw, err := audit.Canonical(own)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(salt)
	if err != nil || len(key) != 32 {
		t.Fatalf("salt %q: %v", salt, err)
	}
	if sum := sha256.Sum256(append(key, raw...)); hex.EncodeToString(sum[:]) != e.SectionsSHA256 {
		t.Errorf("%s: the sections hash to %x, the entry says %s", e.Provider, sum, e.SectionsSHA256)
	}
}

// TestLogExport verifies the log as anybody can who has nothing but the export
// and the public key, and finds one byte changed in it.
func TestLogExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := h.call("ig-lead", http.MethodGet, "/v1/audit/checkpoint", nil).want(http.StatusOK, nil).body
	h.call("analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", rowan())).want(http.StatusForbidden, nil)
	raw := h.call("ig-lead", http.MethodGet, "/v1/audit/export?log_purpose=data-integrity", nil).want(http.StatusOK, nil).body
	opts := audit.VerifyOptions{Keys: []string{h.gw.VKey()}, Since: old}
	report, err := audit.Verify(t.Context(), audit.ReadExport(bytes.NewReader(raw)), opts)
	if err != nil || !report.OK || report.Entries < 13 || report.Checkpoint == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	// The fifth batch's first entry, one character of it.
	lines := bytes.Split(raw, []byte("\n"))
	at := bytes.Index(lines[5], []byte(`"entries":["`)) + len(`"entries":["`) + 40
	if lines[5][at]++; lines[5][at] == '{' || lines[5][at] == '[' || lines[5][at] == ':' {
		lines[5][at] = 'A'
	}
	report, err = audit.Verify(t.Context(), audit.ReadExport(bytes.NewReader(bytes.Join(lines, []byte("\n")))), opts)
	if err != nil || report.OK || report.FirstBad == nil {
		t.Errorf("a changed byte was not found: %+v, %v", report, err)
	}
}

// TestLogConsistency proves that an older checkpoint is the beginning of a
// newer one.
func TestLogConsistency(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.call("analyst", http.MethodGet, "/v1/audit/checkpoint", nil).problem(http.StatusNotFound, "not-yet-published")
	var sizes []string
	for range 2 {
		h.submit(theirRows()[0])
		if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		note := h.call("analyst", http.MethodGet, "/v1/audit/checkpoint", nil).want(http.StatusOK, nil).body
		sizes = append(sizes, strings.Split(string(note), "\n")[1])
	}
	var proof map[string]any
	h.call("analyst", http.MethodGet, "/v1/audit/consistency?old="+sizes[0]+"&new="+sizes[1], nil).want(http.StatusOK, &proof)
	if hashes, ok := proof["proof"].([]any); !ok || len(hashes) == 0 {
		t.Errorf("%v", proof)
	}
	for _, bad := range []string{"?old=5&new=2", "?old=x", "?old=-1&new=2", "?old=1&new=9999"} {
		if r := h.call("analyst", http.MethodGet, "/v1/audit/consistency"+bad, nil); r.status < 400 || r.status >= 500 {
			t.Errorf("%s: status %d: %s", bad, r.status, r.body)
		}
	}
}

// TestLogSearch searches by each filter, in pages, and logs that it was
// searched and why.
func TestLogSearch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	middle := h.clock.Now().Add(time.Minute)
	h.clock.Advance(time.Hour)
	h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life")).want(http.StatusOK, nil)
	for filter, ok := range map[string]func(audit.Entry) bool{
		"&actor=" + theAnalyst:                func(e audit.Entry) bool { return e.Actor.Subject == theAnalyst },
		"&agency=telford-housing":             func(e audit.Entry) bool { return e.Actor.Agency == "telford-housing" },
		"&provider=mercia-health":             func(e audit.Entry) bool { return e.Provider == "mercia-health" },
		"&action=disclose":                    func(e audit.Entry) bool { return e.Action == audit.Disclose },
		"&purpose=protection-of-life":         func(e audit.Entry) bool { return e.Purpose == "protection-of-life" },
		"&action=deny&provider=mercia-health": func(e audit.Entry) bool { return e.Action == audit.Deny && e.Provider == "mercia-health" },
		"&from=" + middle.Format(time.RFC3339): func(e audit.Entry) bool {
			return e.Time >= middle.Format("2006-01-02T15:04:05.000000Z")
		},
		"&action=consult&to=" + middle.Format(time.RFC3339): func(e audit.Entry) bool { return e.Purpose == "soc-investigation" },
	} {
		found := h.entries(filter)
		if len(found) == 0 {
			t.Errorf("%s: nothing found", filter)
		}
		for _, i := range found {
			if !ok(i.Entry) {
				t.Errorf("%s: found %+v", filter, i.Entry)
			}
		}
	}
	var all []int64
	for cursor := ""; ; {
		var page struct {
			Items []audit.Indexed
			Next  string
		}
		h.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=self-monitoring&action=disclose&limit=2&cursor="+cursor, nil).want(http.StatusOK, &page)
		for _, i := range page.Items {
			all = append(all, i.Index)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	whole := []int64{}
	for _, i := range h.entries("&action=disclose") {
		whole = append(whole, i.Index)
	}
	if diff := cmp.Diff(whole, all); diff != "" || !slices.IsSortedFunc(all, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("pages (-whole +paged):\n%s", diff)
	}
	own := h.entries("&actor=ig-lead@west-mercia-police.example")
	if len(own) < 5 || own[0].Entry.Purpose != "verify-lawfulness" || own[0].Entry.Admin["route"] != "audit.entries" {
		t.Errorf("the searches are logged as %+v", own)
	}
}

// TestLogPurposeRequired refuses every reading of the log without one of the
// purposes of DPA 2018 s.62(4).
func TestLogPurposeRequired(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for _, path := range []string{"/v1/audit/entries", "/v1/audit/entries/0", "/v1/audit/export"} {
		for _, purpose := range []string{"", "?log_purpose=", "?log_purpose=curiosity"} {
			h.call("ig-lead", http.MethodGet, path+purpose, nil).problem(http.StatusBadRequest, "log-purpose")
		}
	}
	for _, bad := range []string{"&cursor=x", "&limit=-1", "&from=yesterday", "&to=2026"} {
		h.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=data-integrity"+bad, nil).problem(http.StatusBadRequest, "query-parameter")
	}
	h.call("ig-lead", http.MethodGet, "/v1/audit/entries/999?log_purpose=data-integrity", nil).want(http.StatusNotFound, nil)
}
