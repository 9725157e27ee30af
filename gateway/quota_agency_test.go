package gateway_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
)

// agencyQuota puts a quota for the whole agency into the agreement about
// possible victims of slavery.
func agencyQuota(t *testing.T, perHour int) func(*config.Config) {
	t.Helper()
	dir := copyPolicies(t)
	file := filepath.Join(dir, "agreements", "ISA-TH-WMP-001", "agreement.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	limited := strings.ReplaceAll(string(raw), `"per_hour": 40`, `"per_hour": 40, "agency_per_hour": `+strconv.Itoa(perHour))
	if err := os.WriteFile(file, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.PoliciesDir = dir }
}

// TestAgencyQuota has two analysts of one agency use up what the agency may ask
// for: both are refused and told when there is room, and an emergency is not.
func TestAgencyQuota(t *testing.T) {
	t.Parallel()
	const most = 6
	h := newHouse(t, agencyQuota(t, most))
	h.fill()
	question := ask("modern-slavery-safeguarding", rowan())
	tokens := []string{h.token("analyst"), h.mint("west-mercia-police", "other@west-mercia-police.example", "analyst")}
	h.callWith(tokens[1], http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "other@west-mercia-police.example", "subject": rowan(),
	}).want(http.StatusCreated, nil)
	for n := range most {
		h.callWith(tokens[n%2], http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
		h.clock.Advance(time.Minute)
	}
	h.restart()
	for _, token := range tokens {
		r := h.callWith(token, http.MethodPost, subjectPath, question)
		p := r.problem(http.StatusTooManyRequests, "agency_quota_exceeded")
		// The first of them leaves the hour most minutes before an hour is over.
		wait, err := strconv.Atoi(r.header.Get("Retry-After"))
		if want := 60 * (60 - most); err != nil || wait > want || wait < want-60 {
			t.Errorf("Retry-After %q, want about %d", r.header.Get("Retry-After"), want)
		}
		e := h.durable(*p.AuditIndex)
		if e.Action != audit.Deny || e.Admin["code"] != "agency_quota_exceeded" || e.ResponseSHA256 != "" {
			t.Errorf("the refusal is logged as %+v", e)
		}
	}
	items, _ := h.register("housing-ig")
	if raw, _ := json.Marshal(items[0].Entry.Withheld); items[0].Entry.Action != audit.Deny || !strings.Contains(string(raw), "agency_quota_exceeded") {
		t.Errorf("the provider sees %+v", items[0].Entry)
	}
	h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life")).want(http.StatusOK, nil)
	h.clock.Advance(time.Hour)
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
}

// TestAgencyQuotaOfManyAtOnce lets no more through than the agency's quota when
// all of its analysts ask at once: the sequencer counts.
func TestAgencyQuotaOfManyAtOnce(t *testing.T) {
	t.Parallel()
	const most, asked = 8, 20
	h := newHouse(t, agencyQuota(t, most))
	h.fill()
	token := h.mint("west-mercia-police", "other@west-mercia-police.example", "analyst")
	h.callWith(token, http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "other@west-mercia-police.example", "subject": rowan(),
	}).want(http.StatusCreated, nil)
	statuses := make(chan int)
	for n := range asked {
		go func() {
			with := token
			if n%2 == 0 {
				with = h.token("analyst")
			}
			statuses <- h.callWith(with, http.MethodPost, subjectPath, ask("modern-slavery-safeguarding", rowan())).status
		}()
	}
	count := map[int]int{}
	for range asked {
		count[<-statuses]++
	}
	if count[http.StatusOK] != most || count[http.StatusTooManyRequests] != asked-most {
		t.Errorf("%v, want %d answers and %d refusals", count, most, asked-most)
	}
}
