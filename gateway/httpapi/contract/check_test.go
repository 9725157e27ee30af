package contract

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// answered returns the headers that every answer has.
func answered(contentType string) http.Header {
	h := http.Header{}
	h.Set("X-Request-Id", "0198c2f4-6f0e-7c31-9a55-2f6b1f6f0a05")
	h.Set("Cache-Control", "no-store")
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return h
}

// example returns the documented example of an answer.
func example(t *testing.T, c *Contract, method, path, status string) []byte {
	t.Helper()
	for _, m := range c.find(method, path).responses[status].content {
		if text, ok := m.example.value.(string); ok {
			return []byte(text)
		}
		raw, err := json.Marshal(m.example.value)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	t.Fatalf("%s %s %s has no example", method, path, status)
	return nil
}

const subjectPath = "/v1/profiles/subject"

func TestCheckAcceptsWhatIsDocumented(t *testing.T) {
	c := load(t)
	problem := `{"type":"https://concord.example/problems/not-found","title":"Not found","status":404,"request_id":"0198c2f4-6f0e"}`
	note := "concord.example/log\n1\n7DFoL95WGReVL/eKeore/9D+vDct0mhxkWxGxjA4G0U=\n\n— concord.example/log abcd=\n"
	entry := string(example(t, c, "GET", "/v1/audit/entries/58", "200"))
	export := string(example(t, c, "GET", "/v1/audit/export", "200"))
	for _, tc := range []struct {
		name, method, path string
		status             int
		contentType, body  string
	}{
		{"an answer", "POST", subjectPath, 200, "application/json; charset=utf-8", string(example(t, c, "POST", subjectPath, "200"))},
		{"a query is passed over", "GET", "/v1/audit/entries?log_purpose=x", 200, "application/json", `{"items":[],"next":""}`},
		{"a parameter in the path", "GET", "/v1/audit/entries/58", 200, "application/json", entry},
		{"a problem", "GET", "/v1/agreements/ISA-1", 404, "application/problem+json", problem},
		{"text", "GET", "/v1/audit/checkpoint", 200, "text/plain; charset=utf-8", note},
		{"lines", "GET", "/v1/audit/export", 200, "application/x-ndjson", export + "\n" + export},
		{"no lines", "GET", "/v1/audit/export", 200, "application/x-ndjson", ""},
		{"a page", "GET", "/docs", 200, "text/html; charset=utf-8", "<!DOCTYPE html><title>x</title>"},
		{"no such path", "GET", "/v2/nothing", 404, "application/problem+json", problem},
		{"no such method", "DELETE", "/v1/agreements", 405, "application/problem+json", problem},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := c.Check(tc.method, tc.path, tc.status, answered(tc.contentType), []byte(tc.body)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheckFindsDeviations(t *testing.T) {
	c := load(t)
	good := string(example(t, c, "POST", subjectPath, "200"))
	with := func(old, replacement string) string {
		changed := strings.Replace(good, old, replacement, 1)
		if changed == good {
			t.Fatalf("the example does not have %s", old)
		}
		return changed
	}
	area := string(example(t, c, "POST", "/v1/profiles/area", "200"))
	for _, tc := range []struct {
		name, method, path string
		status             int
		contentType, body  string
		want               string
	}{
		{"an undocumented route", "GET", "/v1/secrets", 200, "application/json", "{}", "the route is not documented"},
		{"an undocumented method", "DELETE", "/v1/agreements", 200, "application/json", "{}", "the route is not documented"},
		{"an undocumented route refused with a page", "GET", "/v1/secrets", 404, "text/html", "<p>", `the content type "text/html" is not documented`},
		{"an empty parameter", "GET", "/v1/agreements/", 200, "application/json", "{}", "the route is not documented"},
		{"an undocumented status", "POST", subjectPath, 418, "application/json", good, "the status is not documented"},
		{"an undocumented content type", "POST", subjectPath, 200, "text/plain", good, "is not documented"},
		{"no content type", "POST", subjectPath, 200, "", good, "content type"},
		{"an unknown field", "POST", subjectPath, 200, "application/json", with(`{"audit":`, `{"extra":1,"audit":`), "additional properties 'extra'"},
		{"a missing field", "POST", subjectPath, 200, "application/json", with(`"withheld":`, `"withhold":`), "missing property 'withheld'"},
		{"another type", "POST", subjectPath, 200, "application/json", with(`"audit_index":57`, `"audit_index":"57"`), "/audit_index"},
		{"an unknown treatment", "POST", subjectPath, 200, "application/json", with(`:"outward_code"`, `:"blurred"`), "value must be one of"},
		{"a bad format", "POST", subjectPath, 200, "application/json", with(`2025-05-01T08:00:00.000000Z`, `yesterday`), "is not valid date-time"},
		{"sections without a match", "POST", subjectPath, 200, "application/json", with(`"matched"`, `"none"`), "/sections"},
		{"not JSON", "POST", subjectPath, 200, "application/json", good[1:], "not JSON"},
		{"more after the JSON", "POST", subjectPath, 200, "application/json", good + "{}", "not JSON"},
		{"a small count", "POST", "/v1/profiles/area", 200, "application/json", strings.Replace(area, `"count":15`, `"count":3`, 1), "multipleOf"},
		{"a suppressed count", "POST", "/v1/profiles/area", 200, "application/json", strings.Replace(area, `"count":null`, `"count":5`, 1), "/count"},
		{"a bad line", "GET", "/v1/audit/export", 200, "application/x-ndjson", "\n{}\n", "line 2"},
		{"a page that is none", "GET", "/docs", 200, "text/html", "docs", "does not match pattern"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := c.Check(tc.method, tc.path, tc.status, answered(tc.contentType), []byte(tc.body))
			var d *Deviation
			if !errors.As(err, &d) {
				t.Fatalf("Check = %v", err)
			}
			if d.Status != tc.status || d.Method != tc.method || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCheckFindsHeaders(t *testing.T) {
	c := load(t)
	problem := `{"type":"https://concord.example/problems/unavailable","title":"Not available","status":503,"request_id":"0198c2f4-6f0e"}`
	for _, tc := range []struct {
		name   string
		change func(http.Header)
		want   string
	}{
		{"sound", func(http.Header) {}, ""},
		{"no request id", func(h http.Header) { h.Del("X-Request-Id") }, "header X-Request-Id"},
		{"may be kept", func(h http.Header) { h.Set("Cache-Control", "public") }, "header Cache-Control"},
		{"no time to wait", func(h http.Header) { h.Del("Retry-After") }, "header Retry-After"},
		{"no number", func(h http.Header) { h.Set("Retry-After", "soon") }, "header Retry-After"},
		{"no time at all", func(h http.Header) { h.Set("Retry-After", "0") }, "header Retry-After"},
		{"twice", func(h http.Header) { h.Add("Retry-After", "6") }, "given 2 times"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := answered(problemType)
			h.Set("Retry-After", "5")
			tc.change(h)
			err := c.Check("GET", "/v1/datasets", 503, h, []byte(problem))
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check = %v, want %q", err, tc.want)
			}
		})
	}
}

// TestCheckChallenges has the one header that stands twice.
func TestCheckChallenges(t *testing.T) {
	c := load(t)
	problem := `{"type":"https://concord.example/problems/unauthenticated","title":"Not authenticated","status":401,"request_id":"0198c2f4-6f0e"}`
	for _, tc := range []struct {
		values []string
		sound  bool
	}{
		{[]string{`Bearer realm="concord"`}, true},
		{[]string{`Bearer realm="concord"`, `DPoP realm="concord", algs="EdDSA"`}, true},
		{nil, false},
		{[]string{`Basic realm="concord"`}, false},
		{[]string{`DPoP realm="concord"`, `Bearer realm="concord"`}, false},
		{[]string{`Bearer realm="concord"`, `Basic realm="concord"`}, false},
		{[]string{`Bearer realm="concord"`, `DPoP realm="concord"`, `DPoP realm="concord"`}, false},
	} {
		h := answered(problemType)
		h["Www-Authenticate"] = tc.values
		if err := c.Check("GET", "/v1/datasets", 401, h, []byte(problem)); (err == nil) != tc.sound {
			t.Errorf("%q: %v", tc.values, err)
		}
	}
}

func TestCheckRefusesABodyWhereThereIsNone(t *testing.T) {
	c, err := Load([]byte("openapi: 3.1.0\ninfo: {title: a, version: b}\npaths: {/a: {get: {operationId: a, summary: b, tags: [c], responses: {'204': {description: d}}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check("GET", "/a", 204, http.Header{}, nil); err != nil {
		t.Error(err)
	}
	if err := c.Check("GET", "/a", 204, http.Header{}, []byte("x")); err == nil {
		t.Error("a body was let through")
	}
}

// TestCheckDocumentedHead holds the answer to a HEAD of its own to have no body, whatever
// the description has for its status.
func TestCheckDocumentedHead(t *testing.T) {
	c := load(t)
	header := http.Header{"X-Request-Id": {"0198c2f4-6f0e-7c31-9a55-2f6b1f6f0a01"}, "Cache-Control": {"no-store"}, "Content-Type": {problemType}}
	const target = "/v1/submissions/0198c2f4-6f0e-7c31-9a55-2f6b1f6f0a01"
	if err := c.Check("HEAD", target, 404, header, nil); err != nil {
		t.Error(err)
	}
	if err := c.Check("HEAD", target, 404, header, []byte("{}")); err == nil {
		t.Error("a body was let through")
	}
}

func TestCheckRequest(t *testing.T) {
	c := load(t)
	subject := `{"purpose":"soc-investigation","justification":"x","case_ref":"OP-LANTERN","subject":{"nhs_number":"9990000018"}}`
	const submit = "/v1/datasets/housing.tenancy/submissions"
	for _, tc := range []struct {
		name, method, target string
		header               http.Header
		body                 string
		want                 string // empty: sound
	}{
		{"a question", "POST", subjectPath, asking("application/json"), subject, ""},
		{"rows", "POST", submit + "?agreement=ISA-1&atomic=true", asking("application/x-ndjson"), "{}\n{}\n", ""},
		{"no body needed", "POST", "/v1/editions", asking(""), "", ""},
		{"a body that may be there", "POST", "/v1/editions", asking("application/json"), "{}", ""},
		{"a public route", "GET", "/healthz", http.Header{}, "", ""},
		{"filters", "GET", "/v1/audit/entries?log_purpose=data-integrity&from=2025-01-01T00:00:00Z&limit=10", asking(""), "", ""},
		{"an unknown route", "GET", "/v1/secrets", asking(""), "", "the route is not documented"},
		{"no token", "POST", subjectPath, http.Header{"Content-Type": {"application/json"}}, subject, "a token is required"},
		{"a token in another case", "GET", "/v1/datasets", http.Header{"Authorization": {"bEARER x"}}, "", ""},
		{"a token with its proof", "GET", "/v1/datasets", http.Header{"Authorization": {"DPoP x"}, "Dpop": {"y"}}, "", ""},
		{"a token without its proof", "GET", "/v1/datasets", http.Header{"Authorization": {"DPoP x"}}, "", "a token is required"},
		{"a token with an empty proof", "GET", "/v1/datasets", http.Header{"Authorization": {"DPoP x"}, "Dpop": {""}}, "", "a token is required"},
		{"a token with two proofs", "GET", "/v1/datasets", http.Header{"Authorization": {"DPoP x"}, "Dpop": {"y", "z"}}, "", "a token is required"},
		{"a proof where none belongs", "GET", "/v1/datasets", http.Header{"Authorization": {"Bearer x"}, "Dpop": {"y"}}, "", "a token is required"},
		{"a proof alone", "GET", "/v1/datasets", http.Header{"Dpop": {"y"}}, "", "a token is required"},
		{"an empty token", "GET", "/v1/datasets", http.Header{"Authorization": {"Bearer "}}, "", "a token is required"},
		{"another scheme", "GET", "/v1/datasets", http.Header{"Authorization": {"Basic x"}}, "", "a token is required"},
		{"a body where none is taken", "GET", "/v1/datasets", asking("application/json"), "{}", "where none are documented"},
		{"no body where one is needed", "POST", subjectPath, asking("application/json"), "", "not JSON"},
		{"an unknown field", "POST", subjectPath, asking("application/json"), strings.Replace(subject, "{", `{"x":1,`, 1), "additional properties"},
		{"one weak identifier", "POST", subjectPath, asking("application/json"), strings.Replace(subject, "nhs_number", "family_name", 1), "/subject"},
		{"a bad row", "POST", submit + "?agreement=ISA-1", asking("application/x-ndjson"), "{}\n[]\n\x00", ""},
		{"a missing parameter", "POST", submit, asking("application/x-ndjson"), "{}\n", "query agreement is missing"},
		{"an unknown parameter", "GET", "/v1/datasets?name=x", asking(""), "", `"name" is not documented`},
		{"a parameter of another type", "GET", "/v1/audit/entries?log_purpose=data-integrity&limit=many", asking(""), "", "query limit"},
		{"a boolean that is none", "POST", submit + "?agreement=ISA-1&atomic=yes", asking("application/x-ndjson"), "{}\n", "query atomic"},
		{"a parameter given twice", "GET", "/v1/audit/entries?log_purpose=data-integrity&limit=1&limit=2", asking(""), "", "given 2 times"},
		{"a parameter of the path", "GET", "/v1/submissions/1", asking(""), "", "path id"},
		{"a query that cannot be read", "GET", "/v1/datasets?a=%zz", asking(""), "", "query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := c.CheckRequest(tc.method, tc.target, tc.header, []byte(tc.body))
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var d *Deviation
			if !errors.As(err, &d) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("CheckRequest = %v, want %q", err, tc.want)
			}
		})
	}
}

func asking(contentType string) http.Header {
	h := http.Header{"Authorization": {"Bearer x"}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return h
}

// FuzzCheck: whatever is answered, there is a verdict and never a panic.
func FuzzCheck(f *testing.F) {
	c := load(f)
	f.Add("GET", "/v1/datasets", 200, "application/json", []byte(`{"items":[],"next":""}`))
	f.Add("POST", "/v1/audit/export?x", 404, "application/problem+json", []byte(`{}`))
	f.Add("GET", "/v1/audit/export", 200, "application/x-ndjson", []byte("{}\n"))
	f.Fuzz(func(t *testing.T, method, target string, status int, contentType string, content []byte) {
		var d *Deviation
		if err := c.Check(method, target, status, answered(contentType), content); err != nil && !errors.As(err, &d) {
			t.Fatalf("Check = %v", err)
		}
		if err := c.CheckRequest(method, target, asking(contentType), content); err != nil && !errors.As(err, &d) {
			t.Fatalf("CheckRequest = %v", err)
		}
	})
}
