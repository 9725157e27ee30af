package gateway_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// TestInvariant07NoRowLost submits mixtures of new, unchanged, corrected,
// repeated and bad rows: each row is accounted for, and sending the same again
// changes nothing.
func TestInvariant07NoRowLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rng := rand.New(rand.NewPCG(7, 7))
	held := map[string]string{} // source id -> status
	for round := range 12 {
		var rows []map[string]any
		var want submission
		first := map[string]string{} // what this submission says of a source id
		here := map[string]string{}  // what this submission has said already
		for range 1 + rng.IntN(9) {
			source := fmt.Sprintf("T-%d", rng.IntN(8))
			status := []string{"current", "notice_served"}[rng.IntN(2)]
			r := with(tenancy(rowan(), source), "tenancy_status", status)
			want.Received++
			said, again := first[source]
			bad := rng.IntN(4) == 0
			if !bad && !again {
				first[source] = status
			}
			switch was, ok := held[source]; {
			case bad:
				r["uprn"] = "not a number"
				want.Rejected++
			case again && said != status: // two rows of one submission disagree
				want.Rejected++
			case again:
				want.Unchanged++
			case here[source] != "" && here[source] != status: // the same row with other content
				want.Rejected++
			case !ok:
				want.Accepted++
				held[source], here[source] = status, status
			case was == status:
				want.Unchanged++
				here[source] = status
			default:
				want.Corrected++
				held[source], here[source] = status, status
			}
			rows = append(rows, r)
		}
		s := sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", rows}
		got := h.submit(s)
		if got.Received != want.Received || got.Accepted != want.Accepted || got.Unchanged != want.Unchanged ||
			got.Corrected != want.Corrected || got.Rejected != want.Rejected {
			t.Fatalf("round %d: got %+v, want %+v", round, got, want)
		}
		if n := got.Accepted + got.Unchanged + got.Corrected + got.Rejected; n != got.Received || badRows(got) != got.Rejected {
			t.Fatalf("round %d: %d rows of %d accounted for: %+v", round, n, got.Received, got)
		}
		if n := h.stored().records; n != int64(len(held)) {
			t.Fatalf("round %d: %d records in force, want %d", round, n, len(held))
		}
		var read submission
		h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+got.SubmissionID, nil).want(http.StatusOK, &read)
		if fmt.Sprintf("%+v", withoutIndex(read)) != fmt.Sprintf("%+v", withoutIndex(got)) {
			t.Errorf("round %d: read again as %+v, was %+v", round, read, got)
		}
	}
	// The same rows again, twice: nothing is new, and nothing is lost.
	var all []map[string]any
	for source, status := range held {
		all = append(all, with(tenancy(rowan(), source), "tenancy_status", status))
	}
	for range 2 {
		if got := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", all}); got.Unchanged != len(all) || got.Accepted+got.Corrected+got.Rejected > 0 {
			t.Errorf("sent again: %+v, want %d unchanged", got, len(all))
		}
	}
}

func withoutIndex(s submission) submission {
	s.AuditIndex = nil
	return s
}

// badRows counts the rows that the errors are about.
func badRows(s submission) int {
	rows := map[int]bool{}
	for _, e := range s.Errors {
		rows[e.Row] = true
	}
	return len(rows)
}

// TestSubmissionErrors reports each bad row with its number, place and remedy,
// in both formats, and takes the good ones.
func TestSubmissionErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raw := func(row map[string]any) string {
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	rows := []string{
		raw(tenancy(rowan(), "T-1")),
		strings.Replace(raw(tenancy(rowan(), "T-2")), `"area"`, `"area":"E06000020","area"`, 1),
		raw(with(tenancy(rowan(), "T-3"), "Area", "E06000020")), // unknown, and dropped as the agreement says
		raw(with(tenancy(rowan(), "T-4"), "uprn", "1234567890123")),
		raw(with(tenancy(rowan(), "T-5"), "area", "E06000019")), // the agreement covers Telford alone
		raw(with(tenancy(rowan(), "T-6"), "tenancy_start", "2031-01-01")),
		raw(without(tenancy(rowan(), "T-7"), "family_name")),
		`{}`,
		raw(tenancy(nobody(), "T-9")),
	}
	wantPointers := map[int]string{2: "/area", 4: "/uprn", 5: "/area", 6: "/tenancy_start", 7: "/family_name"}
	for contentType, body := range map[string]string{
		"application/json":     "[" + strings.Join(rows, ",") + "]",
		"application/x-ndjson": strings.Join(rows, "\n") + "\n\n",
	} {
		var got submission
		h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001")+"&dry_run=true", body, "Content-Type", contentType).
			want(http.StatusOK, &got)
		if got.State != "dry_run" || got.Received != 9 || got.Accepted != 3 || got.Rejected != 6 || got.AuditIndex != nil {
			t.Errorf("%s: %+v", contentType, got)
		}
		for _, e := range got.Errors {
			if e.Row == 8 { // lacks everything, each field with its own pointer
				continue
			}
			if pointer, ok := wantPointers[e.Row]; !ok || e.Pointer != pointer || e.Code == "" || e.Message == "" {
				t.Errorf("%s: %+v, want pointer %q", contentType, e, pointer)
			}
			for _, value := range []string{"1234567890123", "E06000019", "Ashdown", "2031"} {
				if strings.Contains(e.Message+e.Remedy, value) {
					t.Errorf("%s: the error repeats a value: %+v", contentType, e)
				}
			}
		}
		if n := badRows(got); n != got.Rejected {
			t.Errorf("%s: errors for %d bad rows, want %d", contentType, n, got.Rejected)
		}
	}
	if got := h.stored(); got.records != 0 {
		t.Errorf("a dry run stored %d records", got.records)
	}
}

// TestSubmissionBodies refuses bodies that cannot be read to the end, and
// stores nothing of them, not even the rows before the fault.
func TestSubmissionBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good, err := json.Marshal(tenancy(rowan(), "T-1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body, query, code string
		status                  int
	}{
		{"no array", string(good), "", "malformed-json", 400},
		{"cut off", "[" + string(good) + ",", "", "malformed-json", 400},
		{"broken behind a good row", "[" + string(good) + `,,]`, "", "malformed-json", 400},
		{"something follows", "[" + string(good) + "] x", "", "malformed-json", 400},
		{"no agreement", "[]", "none", "agreement-required", 400},
		{"flag", "[]", "&atomic=yes", "query-parameter", 400},
	} {
		before := h.stored()
		path := submissionsPath("housing.tenancy", "ISA-TH-WMP-001") + c.query
		if c.query == "none" {
			path = "/v1/datasets/housing.tenancy/submissions"
		}
		h.call("housing-submitter", http.MethodPost, path, c.body).problem(c.status, c.code)
		if after := h.stored(); after.records != before.records {
			t.Errorf("%s: %d records stored", c.name, after.records-before.records)
		}
	}
}

// TestSubmissionAtomic takes all rows or none.
func TestSubmissionAtomic(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rows := []map[string]any{tenancy(rowan(), "T-1"), with(tenancy(nobody(), "T-2"), "postcode", "WR1 2E")}
	var got submission
	path := submissionsPath("housing.tenancy", "ISA-TH-WMP-001") + "&atomic=true"
	h.call("housing-submitter", http.MethodPost, path, rows).want(http.StatusOK, &got)
	if got.State != "rejected" || got.Accepted != 0 || got.Rejected != 1 || got.AuditIndex == nil || h.stored().records != 0 {
		t.Errorf("with a bad row: %+v", got)
	}
	rows[1] = tenancy(nobody(), "T-2")
	h.call("housing-submitter", http.MethodPost, path, rows).want(http.StatusCreated, &got)
	if got.State != "complete" || got.Accepted != 2 || h.stored().records != 2 {
		t.Errorf("with good rows: %+v", got)
	}
}

// TestSubmissionUnderAgreements refuses rows under an agreement that does not
// let the agency share them now, and fields that the agreement does not list.
func TestSubmissionUnderAgreements(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct{ name, persona, dataset, agreement string }{
		{"expired", "education-submitter", "education.attendance", "ISA-ME-WMP-003"},
		{"suspended", "severn-submitter", "housing.tenancy", "ISA-SH-WMP-002"},
		{"other dataset", "housing-submitter", "housing.tenancy", "ISA-WMP-TH-001"},
		{"other provider", "severn-submitter", "housing.tenancy", "ISA-TH-WMP-001"},
	} {
		r := h.call(c.persona, http.MethodPost, submissionsPath(c.dataset, c.agreement), []any{})
		if r.status != http.StatusForbidden && r.status != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", c.name, r.status, r.body)
		}
	}
	// The agreement on concerns refuses what it does not list; the one on
	// tenancies drops it.
	var got submission
	refused := with(concern(rowan(), "C-1"), "reporter_role", "tenant")
	listed := h.listed(t, "ISA-TH-WMP-001", "housing.concern")
	got = h.submit(sent{"housing-submitter", "housing.concern", "ISA-TH-WMP-001", []map[string]any{refused}})
	if !listed["/reporter_role"] && (got.Rejected != 1 || got.Errors[0].Code != "field-not-agreed" || got.Errors[0].Pointer != "/reporter_role") {
		t.Errorf("a field that is not listed: %+v", got)
	}
	dropped := with(tenancy(rowan(), "T-1"), "support_needs", []string{"mental_health"})
	if h.listed(t, "ISA-TH-WMP-001", "housing.tenancy")["/support_needs"] {
		t.Fatal("the test needs a field that the agreement does not list")
	}
	if got = h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{dropped}}); got.Accepted != 1 {
		t.Errorf("a field that is dropped: %+v", got)
	}
	// What was dropped is not there: the same row without it is unchanged.
	if got = h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-1")}}); got.Unchanged != 1 {
		t.Errorf("the row without what was dropped: %+v", got)
	}
}
