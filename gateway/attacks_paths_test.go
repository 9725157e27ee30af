package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
)

// rawly sends one request exactly as it is written and returns the answer.
func (h *house) rawly(persona, method, target string, headers ...string) (status int, body string) {
	h.t.Helper()
	c, err := (&net.Dialer{}).DialContext(h.t.Context(), "tcp", h.srv.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	request := method + " " + target + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer " + h.token(persona) + "\r\n"
	for i := 0; i+1 < len(headers); i += 2 {
		request += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		h.t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.TrimSpace(method)})
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, target, err)
	}
	return r.StatusCode, string(raw)
}

// TestAttackPaths writes a path in ways that a proxy, a router and a handler might
// read as different ones. What is not the path of a route is none, and an id that is
// written in another way is another id.
func TestAttackPaths(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-1")}}).SubmissionID
	own := h.submit(sent{"severn-submitter", "housing.tenancy", "ISA-SH-WMP-001", []map[string]any{severnTenancy("T-1")}}).SubmissionID
	n := 0
	for _, target := range []string{
		// To another's submission, past the check of one's own.
		"/v1/submissions/" + own + "/../" + theirs, "/v1/submissions/" + own + "/%2e%2e/" + theirs, "/v1/submissions/" + own + "%2f..%2f" + theirs,
		"/v1/submissions/" + own + "%252f..%252f" + theirs, "/v1/submissions/" + own + "%2F%2E%2E%2F" + theirs + "/errors", "/v1/submissions/" + own + "," + theirs,
		"/v1/submissions/" + own + ";id=" + theirs, "/v1/submissions/" + own + "%00" + theirs, "/v1/submissions/" + own + "%0a" + theirs, "/v1/submissions/./" + theirs,
		"/v1/submissions//" + theirs, "/v1/submissions/%7B" + theirs + "%7D", "/v1/submissions/urn:uuid:" + theirs, "/v1/submissions/" + strings.ReplaceAll(theirs, "-", ""),
		"/v1/submissions/" + strings.ToUpper(theirs), "/v1/submissions/" + strings.Replace(theirs, "0", "%30", 1), "/v1/submissions/" + strings.Replace(theirs, "0", "%2530", 1),
		"/v1/submissions/" + theirs + "/", "/v1/submissions/" + theirs + "%20", "/v1/submissions/%20" + theirs, "/v1/submissions/" + theirs + ".json", "/v1/submissions/*",
		"/v1/submissions/" + theirs + "%2Ferrors", "/v1/submissions/" + theirs + "/errors/", "/v1/submissions/" + theirs + "/../" + theirs + "/quality",
		// To a route of other roles, past the check of a route for all.
		"/v1/agreements/../audit/entries?log_purpose=self-monitoring", "/v1/agreements/%2e%2e/audit/entries?log_purpose=self-monitoring",
		"/v1/agreements/..%2faudit%2fentries?log_purpose=self-monitoring", "/v1/agreements/..%252faudit%252fentries", "/v1/datasets/..%5caudit%5centries", "/v1/datasets/..\\audit\\entries",
		"//v1/audit/entries?log_purpose=self-monitoring", "/v1//audit/entries?log_purpose=self-monitoring", "/v1/./audit/entries?log_purpose=self-monitoring", "/V1/audit/entries", "/v1/Audit/entries",
		"/v1/audit/entries/?log_purpose=self-monitoring", "/v1/audit/entries;a=b?log_purpose=self-monitoring", "/v1/audit%2fentries?log_purpose=self-monitoring", "/v1/audit/entries%00", "/v1/audit/entries%3flog_purpose=x",
		"/v1/audit/entries/0%2fproof?log_purpose=self-monitoring", "/v1/audit/entries/0/../0?log_purpose=self-monitoring", "/v1/audit/entries/%2b0", "/v1/audit/entries/0x0", "/v1/audit/entries/-0",
		"/healthz/../v1/audit/entries", "/healthz%2f..%2fv1%2faudit%2fentries", "/tlog/../v1/audit/entries?log_purpose=self-monitoring", "/tlog/tile/../../v1/audit/entries",
		"/tlog/tile/..%2f..%2f..%2fetc%2fpasswd", "/tlog/tile/%252e%252e/x", "/docs/../v1/audit/entries", "/openapi.json/../v1/audit/entries", "/debug/pprof/", "/metrics", "/.git/config",
	} {
		status, body := h.rawly("severn-submitter", http.MethodGet, target)
		if status < http.StatusBadRequest || status >= http.StatusInternalServerError {
			t.Errorf("%s: status %d: %s", target, status, body)
		}
		if strings.Contains(body, theirs) || strings.Contains(body, "telford-housing") || strings.Contains(body, `"items"`) {
			t.Errorf("%s: %s", target, body)
		}
		n++
	}
	attacktest.Paths.Refused(t, "encoded slashes, dot segments, double encoding", n)
}

// TestAttackMethods asks for another method than the one on the wire, and for methods
// that no route has.
func TestAttackMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var begun submission
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), "[", "Upload-Complete", "?0").want(http.StatusCreated, &begun)
	path, n := "/v1/submissions/"+begun.SubmissionID, 0
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Override-Method"} {
		for _, method := range []string{"DELETE", "PATCH", "delete"} {
			if status, body := h.rawly("housing-submitter", http.MethodGet, path, header, method); status != http.StatusOK {
				t.Errorf("%s: %s: status %d: %s", header, method, status, body)
			}
			// Where only GET is for the role, POST in its place is POST.
			status, body := h.rawly("housing-submitter", http.MethodPost, "/v1/editions", header, http.MethodGet, "Content-Length", "0")
			if status != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", header, status, body)
			}
			n += 2
		}
	}
	if status, body := h.rawly("housing-submitter", http.MethodGet, path+"?_method=DELETE"); status != http.StatusBadRequest {
		t.Errorf("_method: status %d: %s", status, body)
	}
	for _, method := range []string{"PUT", "POST", "TRACE", "OPTIONS", "CONNECT", "get", "GETT", "DELETE ", "PROPFIND", "COPY", "MOVE"} {
		if status, body := h.rawly("housing-submitter", method, path); status < http.StatusBadRequest || status >= http.StatusInternalServerError {
			t.Errorf("%q: status %d: %s", method, status, body)
		}
		n++
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE"} { // of a route that has only GET
		if status, _ := h.rawly("ig-lead", method, "/v1/audit/entries?log_purpose=self-monitoring"); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, status)
		}
		n++
	}
	var still struct{ State string }
	h.call("housing-submitter", http.MethodGet, path, nil).want(http.StatusOK, &still)
	if still.State != "uploading" {
		t.Errorf("the upload is %s", still.State)
	}
	attacktest.Paths.Refused(t, "methods overridden, and methods that no route has", n+1)
}
