package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
)

const withdrawalsPath = "/v1/datasets/housing.tenancy/withdrawals"

func withdraw(reason string, sources ...string) map[string]any {
	return map[string]any{"source_ids": sources, "reason": reason}
}

// TestWithdrawal takes a tenancy away: the next profile has it no more, the log
// says that it went and seals which one, and the provider sees the entry.
func TestWithdrawal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	before := h.stored().records
	var got struct {
		Withdrawn, Absent int
		AuditIndex        int64 `json:"audit_index"`
	}
	h.call("severn-submitter", http.MethodPost, withdrawalsPath, withdraw("theirs", "T-1")).want(http.StatusOK, &got)
	if got.Withdrawn != 0 || h.stored().records != before {
		t.Fatalf("another agency's record: %+v", got)
	}
	h.call("housing-submitter", http.MethodPost, withdrawalsPath, withdraw("CANARY-REASON", "T-1", "T-77")).want(http.StatusOK, &got)
	if got.Withdrawn != 1 || got.Absent != 1 || h.stored().records != before-1 {
		t.Errorf("%+v", got)
	}
	e := h.durable(got.AuditIndex)
	if e.Action != audit.Erase || e.Provider != "telford-housing" || e.Admin["records"] != "1" {
		t.Errorf("%+v", e)
	}
	if seen, _ := h.register("housing-ig"); len(seen) == 0 || seen[0].Index != got.AuditIndex {
		t.Errorf("the provider's register begins with %+v", seen)
	}
	var answer subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &answer)
	for _, s := range answer.Sections {
		if s.Dataset == "housing.tenancy" {
			t.Errorf("still released: %+v", s)
		}
	}
	for _, personal := range []string{"CANARY-REASON", "T-77"} {
		if strings.Contains(h.openEntries()+h.logs.String(), personal) {
			t.Errorf("%s stands in the open", personal)
		}
	}
	h.restart()
	if h.stored().records != before-1 {
		t.Errorf("%d records after a restart", h.stored().records)
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
}

func TestWithdrawalRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		name, code string
		status     int
		body       any
	}{
		{"no reason", "required", http.StatusBadRequest, map[string]any{"source_ids": []string{"T-1"}}},
		{"blank reason", "required", http.StatusBadRequest, withdraw(" ", "T-1")},
		{"no ids", "required", http.StatusBadRequest, map[string]any{"reason": "x"}},
		{"an unknown field", "unknown-field", http.StatusBadRequest, `{"source_ids":["T-1"],"reason":"x","cascade":true}`},
		{"a number", "wrong-type", http.StatusBadRequest, `{"source_ids":[1],"reason":"x"}`},
		{"too many", "too-many-rows", http.StatusRequestEntityTooLarge, withdraw("x", strings.Split(strings.Repeat("T-1,", 10_000)+"T-1", ",")...)},
		{"too large", "", http.StatusRequestEntityTooLarge, withdraw("x", strings.Repeat("T", 1<<20))},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.in(t).call("housing-submitter", http.MethodPost, withdrawalsPath, c.body).problem(c.status, c.code)
		})
	}
}
