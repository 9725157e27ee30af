package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// TestQualityAPI: a submitter sees the report of its own submissions, a lead of the
// host all, an analyst only what is covered, and nobody another agency's.
func TestQualityAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.saveQuality("telford-housing", "housing.tenancy", "ISA-TH-WMP-001")
	var one struct {
		Dataset string `json:"dataset"`
		Quality struct {
			Received int `json:"received"`
		} `json:"quality"`
	}
	path := "/v1/submissions/" + id + "/quality"
	h.call("housing-submitter", http.MethodGet, path, nil).want(http.StatusOK, &one)
	if one.Dataset != "housing.tenancy" || one.Quality.Received != 7 {
		t.Errorf("%+v", one)
	}
	h.call("severn-submitter", http.MethodGet, path, nil).want(http.StatusNotFound, nil)
	h.call("housing-submitter", http.MethodGet, "/v1/submissions/none/quality", nil).want(http.StatusNotFound, nil)

	var page struct {
		Items []struct {
			Provider string   `json:"provider"`
			State    string   `json:"state"`
			Received *int     `json:"received"`
			Complete *float64 `json:"completeness"`
		} `json:"items"`
	}
	for who, want := range map[string]int{"housing-submitter": 1, "housing-ig": 1, "ig-lead": 1, "severn-submitter": 0, "health-ig": 0} {
		h.call(who, http.MethodGet, "/v1/quality", nil).want(http.StatusOK, &page)
		if len(page.Items) != want {
			t.Errorf("%s: %d items", who, len(page.Items))
		}
	}
	h.call("health-ig", http.MethodGet, "/v1/quality?provider=telford-housing", nil).want(http.StatusForbidden, nil)
	h.call("ig-lead", http.MethodGet, "/v1/quality?provider=telford-housing&dataset=housing.tenancy", nil).want(http.StatusOK, &page)
	h.call("ig-lead", http.MethodGet, "/v1/quality?from=2026-12&to=2026-01", nil).want(http.StatusBadRequest, nil)

	const telford = "/v1/coverage?provider=telford-housing&dataset=housing.tenancy"
	for who, rows := range map[string]bool{"ig-lead": true, "analyst": false} {
		h.call(who, http.MethodGet, telford, nil).want(http.StatusOK, &page)
		if len(page.Items) == 0 {
			t.Fatalf("%s: nothing is covered", who)
		}
		last := page.Items[len(page.Items)-1]
		if last.State != "submitted" || (last.Received != nil) != rows || last.Complete == nil {
			t.Errorf("%s: %+v", who, last)
		}
	}
}

// saveQuality keeps the report of a submission that ends now, as the gateway does
// at the end of one.
func (h *house) saveQuality(provider, dataset, agreement string) string {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	now := h.clock.Now()
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(now.UnixMilli() >> (8 * (5 - i)))
	}
	id[6], id[8] = 0x70, 0x80
	tally := quality.New([]string{"/area", "/uprn"})
	tally.Received, tally.Valid, tally.Rejected = 7, 6, 1
	tally.Fields[0].Filled = 6
	sum := &quality.Summary{Provider: provider, Dataset: dataset, Agreement: agreement, Submission: id.String(), Received: now.Truncate(time.Microsecond), Tally: *tally}
	if err := quality.Save(h.t.Context(), db.Events(), sum); err != nil {
		h.t.Fatal(err)
	}
	return sum.Submission
}
