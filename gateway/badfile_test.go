package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// post sends a body as it is, with any headers.
func (h *house) post(c *http.Client, path string, body io.Reader, headers ...string) *response {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.srv.URL+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token("housing-submitter"))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return &response{t: h.t, status: res.StatusCode, header: res.Header, body: raw}
}

// concernHeader is the header of a CSV of concerns, in which the canaries stand.
const concernHeader = "source_id,area,uprn,given_name,family_name,date_of_birth,postcode,concern_type,reported_on,severity,status,children_present,summary," +
	"fact_or_opinion,subject_category"

// canaryConcern is a good row of housing.concern with the source id n.
func canaryConcern(n int) map[string]any {
	row := without(concern(canary(), fmt.Sprintf("C-%d", n)), "reporter_role")
	row["summary"] = "Summarycanary is afraid."
	return row
}

// cellsOf is the row as a line of CSV.
func cellsOf(t *testing.T, row map[string]any) string {
	t.Helper()
	var cells []string
	for column := range strings.SplitSeq(concernHeader, ",") {
		cell := ""
		if v, ok := row[column]; ok {
			cell = fmt.Sprint(v)
		}
		cells = append(cells, cell)
	}
	return line(t, cells)
}

func jsonOf(t *testing.T, row any) string {
	t.Helper()
	raw, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// silent holds that neither what was said, nor the gateway's own log, nor an open entry
// repeats a canary.
func (h *house) silent(said []string) {
	h.t.Helper()
	for _, e := range h.entries("") {
		said = append(said, jsonOf(h.t.(*testing.T), e.Entry))
	}
	said = append(said, h.logs.String())
	if len(said) < 3 {
		h.t.Fatal("nothing was said")
	}
	values := slices.DeleteFunc(forbidden(), func(v string) bool { return v == "" })
	for _, text := range said {
		for _, value := range values {
			if strings.Contains(text, value) {
				h.t.Errorf("%q is repeated in %.300s", value, text)
			}
		}
	}
}

// badFile is a body that is refused as a whole.
type badFile struct {
	name, format, encoding string
	body                   []byte
	status                 int
	code                   string
}

// TestBadFiles sends bodies that cannot be read: each is refused with a code of its
// own, and nothing of it is stored, not even the good rows at its beginning.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	var said []string
	for _, c := range badFiles(t) {
		t.Run(c.name, func(t *testing.T) {
			h := h.in(t)
			headers := []string{"Content-Type", c.format}
			if c.encoding != "" {
				headers = append(headers, "Content-Encoding", c.encoding)
			}
			r := h.post(h.http, path, bytes.NewReader(c.body), headers...)
			p := r.problem(c.status, c.code)
			if p.Detail == "" || p.AuditIndex == nil {
				t.Errorf("%s", r.body)
			}
			said = append(said, string(r.body))
			if n := h.stored().records; n != 0 {
				t.Errorf("%d records are stored", n)
			}
		})
	}
	h.silent(said)
}
