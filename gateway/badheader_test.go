package gateway_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestBadHeaders refuses a submission whose header fields do not say what they have
// to, and stores nothing of it.
func TestBadHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	body := jsonOf(t, canaryConcern(1)) + "\n"
	const key = "Idempotency-Key"
	var said []string
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		code    string
	}{
		{"two codings", []string{"Content-Encoding", "gzip", "Content-Encoding", "zstd"}, 415, "unsupported-media-type"},
		{"two codings in one", []string{"Content-Encoding", "gzip, zstd"}, 415, "unsupported-media-type"},
		{"the same coding twice", []string{"Content-Encoding", "gzip", "Content-Encoding", "gzip"}, 415, "unsupported-media-type"},
		{"an unknown coding", []string{"Content-Encoding", "br"}, 415, "unsupported-media-type"},
		{"a coding that is personal", []string{"Content-Encoding", "Zephyrcanary"}, 415, "unsupported-media-type"},
		{"key without text", []string{key, `""`}, 400, "idempotency-key"},
		{"key of nothing", []string{key, ""}, 400, "idempotency-key"},
		{"key without its end", []string{key, `"Zephyrcanary`}, 400, "idempotency-key"},
		{"key with a quote within", []string{key, `"Zephyr"canary"`}, 400, "idempotency-key"},
		{"key of one mark", []string{key, `"`}, 400, "idempotency-key"},
		{"key of other letters", []string{key, `"Zephyrcanary-é"`}, 400, "idempotency-key"},
		{"key too long", []string{key, `"` + strings.Repeat("k", 256) + `"`}, 400, "idempotency-key"},
		{"two keys", []string{key, `"Zephyrcanary"`, key, `"Quokkacanary"`}, 400, "idempotency-key"},
		{"complete in words", []string{"Upload-Complete", "yes"}, 400, "upload-header"},
		{"complete as a number", []string{"Upload-Complete", "1"}, 400, "upload-header"},
		{"complete twice", []string{"Upload-Complete", "?1", "Upload-Complete", "?0"}, 400, "upload-header"},
		{"a digest that is none", []string{"Repr-Digest", "sha-256=:Zephyrcanary:"}, 400, "repr-digest"},
		{"a digest of another body", []string{"Repr-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}, 400, "repr-digest"},
		{"another charset", []string{"Content-Type", "application/x-ndjson; charset=iso-8859-1"}, 415, "unsupported-media-type"},
		{"no media type", []string{"Content-Type", ""}, 415, "unsupported-media-type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := c.headers
			if headers[0] != "Content-Type" {
				headers = append([]string{"Content-Type", asNDJSON}, headers...)
			}
			r := h.in(t).post(h.http, path, strings.NewReader(body), headers...)
			if p := r.problem(c.status, c.code); p.Detail == "" {
				t.Errorf("%s", r.body)
			}
			said = append(said, string(r.body))
		})
	}
	if n := h.stored().records; n != 0 {
		t.Errorf("%d records are stored", n)
	}
	long := []string{"Content-Type", asNDJSON, key, `"` + strings.Repeat("k", 255) + `"`, "Content-Encoding", "identity", "Upload-Complete", "?1"}
	h.post(h.http, path, strings.NewReader(body), long...).want(http.StatusCreated, nil)
	h.silent(said)
}

// TestBadFileWithKey answers the same to the same bad file with the same key.
func TestBadFileWithKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	row := jsonOf(t, canaryConcern(1))
	for range 2 {
		h.call("housing-submitter", http.MethodPost, path, "["+row, "Idempotency-Key", `"k-1"`).problem(http.StatusBadRequest, "malformed-json")
	}
	if n := h.stored().records; n != 0 {
		t.Errorf("%d records", n)
	}
}

// TestBadNeighbour answers an agency that asks for another's upload, job or errors with
// the bytes of one that is not there.
func TestBadNeighbour(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	row := jsonOf(t, canaryConcern(1)) + "\n"
	open := h.begin(row)
	var done submission
	bad := with(canaryConcern(2), "severity", "Quokkacanary")
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "ISA-TH-WMP-001"), []any{bad}).want(http.StatusCreated, &done)
	const absent = "/v1/submissions/0198c2f4-6f0e-7c31-9a55-2f6b1f6f0a01"
	own := regexp.MustCompile(`"(request_id":"[^"]*|audit_index":[0-9]+)`)
	var said []string
	for _, c := range []struct {
		method, tail string
		headers      []string
	}{
		{http.MethodGet, "", nil},
		{http.MethodHead, "", nil},
		{http.MethodDelete, "", nil},
		{http.MethodPatch, "", []string{"Content-Type", partial, "Upload-Offset", "0", "Upload-Complete", "?0"}},
		{http.MethodPatch, "", []string{"Content-Type", partial, "Upload-Offset", "999", "Upload-Complete", "?1"}},
		{http.MethodGet, "/errors", nil},
		{http.MethodGet, "/errors?after=1.0&limit=1", nil},
		{http.MethodGet, "/errors?after=canary", nil},
		{http.MethodGet, "/errors", []string{"Accept", "text/csv"}},
	} {
		var want string
		for i, at := range []string{absent, open, "/v1/submissions/" + done.SubmissionID, "/v1/submissions/none"} {
			var body any
			if c.method == http.MethodPatch {
				body = row
			}
			r := h.call("severn-submitter", c.method, at+c.tail, body, c.headers...)
			r.want(http.StatusNotFound, nil)
			got := own.ReplaceAllString(string(r.body), "") + r.header.Get("Upload-Offset") + r.header.Get("Content-Type")
			if i == 0 {
				want = got
			}
			if got != want {
				t.Errorf("%s %s%s: %s, of one that is not there %s", c.method, at, c.tail, got, want)
			}
			said = append(said, string(r.body))
		}
	}
	if r := h.call("housing-submitter", http.MethodHead, open, nil); r.status != http.StatusNoContent || r.header.Get("Upload-Complete") != "?0" {
		t.Errorf("the upload afterwards: %d %v", r.status, r.header)
	}
	h.silent(said)
}

// TestAcceptErrors gives the error file to who asks for it by its name.
func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var done submission
	bad := with(canaryConcern(2), "severity", "Quokkacanary")
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "ISA-TH-WMP-001"), []any{bad}).want(http.StatusCreated, &done)
	const file, list = "text/csv; charset=utf-8", "application/json"
	for accept, want := range map[string]string{
		"text/csv": file, "text/csv, */*": file, "*/*, text/csv": file, "TEXT/CSV; header=present": file, "text/csv;q=0.9, */*;q=0.1": file,
		"application/json;q=0.5, text/csv": file,
		"":                                 list, "*/*": list, "text/*": list, list: list, "text/csv;q=0": list, "text/csv;q=0.5, application/json": list, "text/csvx": list,
	} {
		r := h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+done.SubmissionID+"/errors", nil, "Accept", accept).want(http.StatusOK, nil)
		if got := r.header.Get("Content-Type"); got != want {
			t.Errorf("Accept %q: %q, want %q", accept, got, want)
		}
	}
}
