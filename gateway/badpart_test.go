package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// begin opens an upload of one good row and says where it is.
func (h *house) begin(body string) (location string) {
	h.t.Helper()
	r := h.post(h.http, submissionsPath("housing.concern", "ISA-TH-WMP-001"), strings.NewReader(body), "Content-Type", asNDJSON, "Upload-Complete", "?0")
	r.want(http.StatusCreated, nil)
	return r.header.Get("Location")
}

const partial = "application/partial-upload"

// TestBadParts refuses parts of an upload that say wrong things of themselves, and
// the upload goes on as if they had not come.
func TestBadParts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	row := jsonOf(t, canaryConcern(1)) + "\n"
	at := h.begin(row[:100])
	patch := func(body string, headers ...string) *response {
		return h.call("housing-submitter", http.MethodPatch, at, body, headers...)
	}
	for _, offset := range []string{"-1", "abc", "", "+100", "100.0", " 1e2", "100, 100", "99999999999999999999", "?0"} {
		patch(row[100:], "Content-Type", partial, "Upload-Offset", offset, "Upload-Complete", "?1").problem(http.StatusBadRequest, "upload-header")
	}
	patch(row[100:], "Content-Type", partial, "Upload-Complete", "?1").problem(http.StatusBadRequest, "upload-header")
	patch(row[100:], "Content-Type", partial, "Upload-Offset", "100", "Upload-Complete", "true").problem(http.StatusBadRequest, "upload-header")
	for _, mediaType := range []string{asNDJSON, "application/octet-stream", "text/plain"} {
		patch(row[100:], "Content-Type", mediaType, "Upload-Offset", "100", "Upload-Complete", "?1").
			problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	}
	for _, offset := range []string{"0", "99", "101", "999999999999"} {
		r := patch(row[100:], "Content-Type", partial, "Upload-Offset", offset, "Upload-Complete", "?1")
		if r.problem(http.StatusConflict, "upload-offset"); r.header.Get("Upload-Offset") != "100" {
			t.Errorf("offset %s: told %q", offset, r.header.Get("Upload-Offset"))
		}
	}
	var got submission
	patch(row[100:], "Content-Type", partial, "Upload-Offset", "100", "Upload-Complete", "?1").want(http.StatusCreated, &got)
	if got.Accepted != 1 || h.stored().records != 1 {
		t.Errorf("%+v", got)
	}
	patch(row, "Content-Type", partial, "Upload-Offset", "0", "Upload-Complete", "?0").problem(http.StatusConflict, "upload-ended")
	h.call("housing-submitter", http.MethodDelete, at, nil).problem(http.StatusConflict, "submission-ended")

	// Nor can anything be added to an upload that was cancelled.
	at = h.begin(row)
	h.call("housing-submitter", http.MethodDelete, at, nil).want(http.StatusAccepted, &got)
	if got.State != "cancelled" {
		t.Errorf("%+v", got)
	}
	patch(row, "Content-Type", partial, "Upload-Offset", "0", "Upload-Complete", "?0").problem(http.StatusConflict, "upload-ended")
	if n := h.stored().records; n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestBadUpload finds a file that cannot be read when its last part is there: it has
// failed, nothing of it is stored, and nothing can be added.
func TestBadUpload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	row := jsonOf(t, canaryConcern(1))
	r := h.post(h.http, path, strings.NewReader("["+row), "Content-Type", asJSON, "Upload-Complete", "?0").want(http.StatusCreated, nil)
	at := r.header.Get("Location")
	last := h.call("housing-submitter", http.MethodPatch, at, ",", "Content-Type", partial, "Upload-Complete", "?1", "Upload-Offset", r.header.Get("Upload-Offset"))
	last.problem(http.StatusBadRequest, "malformed-json")
	var got submission
	h.call("housing-submitter", http.MethodGet, at, nil).want(http.StatusOK, &got)
	if got.State != "failed" || len(got.Errors) != 1 || got.Errors[0].Code != "malformed-json" || h.stored().records != 0 {
		t.Errorf("%+v", got)
	}
	h.call("housing-submitter", http.MethodPatch, at, "]", "Content-Type", partial, "Upload-Offset", "0", "Upload-Complete", "?0").
		problem(http.StatusConflict, "upload-ended")
	h.silent([]string{string(last.body), jsonOf(t, got)})
}
