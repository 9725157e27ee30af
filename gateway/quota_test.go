package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
)

// TestQuota refuses the question that goes over an agreement's quota, logs the
// refusal for each provider, and lets the analyst on when the hour has passed.
func TestQuota(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	question := ask("modern-slavery-safeguarding", rowan())
	for range 40 { // ISA-TH-WMP-001, clause 4.3: forty in an hour
		if got := h.released("modern-slavery-safeguarding"); !got["telford-housing housing.tenancy"] {
			t.Fatalf("within the quota: %v", got)
		}
	}
	r := h.call("analyst", http.MethodPost, subjectPath, question)
	p := r.problem(http.StatusTooManyRequests, "quota_exceeded")
	if p.AuditIndex == nil || r.header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", r.body, r.header.Get("Retry-After"))
	}
	if e := h.durable(*p.AuditIndex); e.Action != audit.Deny || e.Admin["code"] != "quota_exceeded" || e.ResponseSHA256 != "" {
		t.Errorf("the refusal is logged as %+v", e)
	}
	items, _ := h.register("housing-ig")
	if e := items[0].Entry; e.Action != audit.Deny || len(e.Released) > 0 || len(e.Withheld) == 0 {
		t.Errorf("the provider sees %+v", e)
	}
	// Another analyst is not held up by it.
	token := h.mint("west-mercia-police", "other@west-mercia-police.example", "analyst")
	h.callWith(token, http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "other@west-mercia-police.example", "subject": rowan(),
	}).want(http.StatusCreated, nil)
	h.callWith(token, http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	// Nor are an emergency and an area.
	h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life")).want(http.StatusOK, nil)
	h.clock.Advance(time.Hour)
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
}

// TestQuotaAcrossRestart counts what was asked before the gateway was started
// anew.
func TestQuotaAcrossRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	question := ask("modern-slavery-safeguarding", rowan())
	for range 40 {
		h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	}
	h.restart()
	h.call("analyst", http.MethodPost, subjectPath, question).problem(http.StatusTooManyRequests, "quota_exceeded")
}

// TestQuotaOfManyAtOnce lets no more through than the quota when all ask at
// once: the sequencer counts, whatever each request saw before.
func TestQuotaOfManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	answers := make(chan *response)
	const asked = 60
	for range asked {
		go func() {
			answers <- h.call("analyst", http.MethodPost, subjectPath, ask("modern-slavery-safeguarding", rowan()))
		}()
	}
	count := map[int]int{}
	for range asked {
		a := <-answers
		if count[a.status]++; a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
			t.Errorf("%d: %s", a.status, a.body)
		}
	}
	if count[http.StatusOK] != 40 || count[http.StatusTooManyRequests] != asked-40 {
		t.Errorf("%v, want 40 answers and %d refusals", count, asked-40)
	}
	items, _ := h.register("housing-ig")
	disclosed := 0
	for _, i := range items {
		if i.Entry.Action == audit.Disclose {
			disclosed++
		}
	}
	if disclosed != 40 {
		t.Errorf("the provider sees %d disclosures", disclosed)
	}
}
