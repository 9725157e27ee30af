package gateway_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// ids are what may differ between two answers that say the same.
var ids = regexp.MustCompile(`"(request_id":"[^"]*"|audit_index":\d+)`)

func masked(body []byte) string { return ids.ReplaceAllString(string(body), `"-"`) }

// sameAnswer fails when two refusals differ in anything but their ids.
func sameAnswer(t *testing.T, what string, a, b *response) {
	t.Helper()
	if a.status != b.status {
		t.Errorf("%s: status %d and %d", what, a.status, b.status)
	}
	if diff := cmp.Diff(masked(a.body), masked(b.body)); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
	for _, hdr := range []*response{a, b} {
		hdr.header.Del("X-Request-Id")
		hdr.header.Del("Date")
		hdr.header.Del("Content-Length")
	}
	if diff := cmp.Diff(a.header, b.header); diff != "" {
		t.Errorf("%s: headers:\n%s", what, diff)
	}
}

// TestUnknowable holds that what one may not know of answers as what is not
// there.
func TestUnknowable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sub := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-1")}})
	const none = "01a20202-f6b6-76df-9487-b2a7582ee4fe"
	for _, c := range []struct {
		name, persona, method, hidden, absent string
		body                                  any
	}{
		{"schema of another sector's dataset", "housing-submitter", http.MethodGet, "/v1/datasets/health.substance_referral/schema", "/v1/datasets/health.nothing/schema", nil},
		{"submission to another sector's dataset", "housing-submitter", http.MethodPost, submissionsPath("police.nominal", "ISA-WMP-WMP-001"), submissionsPath("police.nothing", "ISA-WMP-WMP-001"), []any{}},
		{"another agency's submission", "severn-submitter", http.MethodGet, "/v1/submissions/" + sub.SubmissionID, "/v1/submissions/" + none, nil},
		{"an id that is no id", "severn-submitter", http.MethodGet, "/v1/submissions/" + sub.SubmissionID, "/v1/submissions/x", nil},
		{"another agency's agreement", "housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-SH-WMP-001"), submissionsPath("housing.tenancy", "ISA-XX-WMP-001"), []any{}},
		{"explanation of another's dataset", "housing-ig", http.MethodPost, "/v1/decisions/explain", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := h.in(t)
			if c.absent == "" {
				hidden := h.call(c.persona, c.method, c.hidden, map[string]any{"purpose": "soc-investigation", "dataset": "health.substance_referral"})
				absent := h.call(c.persona, c.method, c.hidden, map[string]any{"purpose": "soc-investigation", "dataset": "health.nothing"})
				sameAnswer(t, c.name, hidden, absent)
				return
			}
			hidden, absent := h.call(c.persona, c.method, c.hidden, c.body), h.call(c.persona, c.method, c.absent, c.body)
			if hidden.status < 400 {
				t.Fatalf("status %d: %s", hidden.status, hidden.body)
			}
			sameAnswer(t, c.name, hidden, absent)
		})
	}
	h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+sub.SubmissionID, nil).want(http.StatusOK, nil)
	h.call("housing-submitter", http.MethodGet, "/v1/datasets/housing.tenancy/schema", nil).want(http.StatusOK, nil)
}

// TestUnknowablePerson holds that what is withheld, and every refusal, is the
// same bytes for a person of whom there are records and for one of whom there
// are none.
func TestUnknowablePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	type list struct{ Withheld json.RawMessage }
	for _, purpose := range []string{"soc-investigation", "modern-slavery-safeguarding", "child-exploitation-safeguarding"} {
		var known, unknown list
		h.call("analyst", http.MethodPost, subjectPath, ask(purpose, rowan())).want(http.StatusOK, &known)
		h.call("analyst", http.MethodPost, subjectPath, ask(purpose, nobody())).want(http.StatusOK, &unknown)
		if len(known.Withheld) < 100 || string(known.Withheld) != string(unknown.Withheld) {
			t.Errorf("%s: withheld differs:\n%s", purpose, cmp.Diff(string(known.Withheld), string(unknown.Withheld)))
		}
	}
	for name, q := range map[string]func(map[string]string) map[string]any{
		"purpose that nothing permits": func(who map[string]string) map[string]any { return ask("tenancy-enforcement", who) },
		"unknown purpose":              func(who map[string]string) map[string]any { return ask("curiosity", who) },
		"purpose for areas":            func(who map[string]string) map[string]any { return ask("soc-local-profile", who) },
		"emergency purpose, no ground": func(who map[string]string) map[string]any { return ask("protection-of-life", who) },
		"ground that nothing covers": func(who map[string]string) map[string]any {
			return emergency(ask("protection-of-life", who), "court_order")
		},
		"no case link": func(who map[string]string) map[string]any {
			return with(ask("soc-investigation", who), "case_ref", "OP-OTHER")
		},
	} {
		known := h.call("analyst", http.MethodPost, subjectPath, q(rowan()))
		unknown := h.call("analyst", http.MethodPost, subjectPath, q(nobody()))
		known.want(http.StatusForbidden, nil)
		sameAnswer(t, name, known, unknown)
	}
}

// TestUnknownPurposeIsLogged refuses a purpose that nobody agreed on, in a
// logged answer. What the caller wrote does not stand in the open entry, which
// partners read: neither a made-up purpose nor a made-up ground.
func TestUnknownPurposeIsLogged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const made = "Rowan Ashdown-Quill, raid tonight"
	p := h.call("analyst", http.MethodPost, subjectPath, ask(made, rowan())).problem(http.StatusForbidden, "purpose-unknown")
	h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), made)).want(http.StatusForbidden, nil)
	for _, e := range h.entries("") {
		if raw, err := json.Marshal(e); err != nil || bytes.Contains(raw, []byte("raid")) {
			t.Errorf("entry %d holds what the caller wrote: %s", e.Index, raw)
		}
	}
	if p.AuditIndex == nil || p.Pointer != "/purpose" {
		t.Fatalf("%+v", p)
	}
	for _, e := range h.entries("&request_id=" + p.RequestID) {
		if e.Index == *p.AuditIndex && e.Entry.Purpose == "unknown" && e.Entry.Action == "consult" {
			return
		}
	}
	t.Errorf("no entry %d for the purpose", *p.AuditIndex)
}

// TestBadTokens refuses every token that is not a current one of the agency's
// own issuer for this service, all in the same words.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := h.token("analyst")
	part := func(i int) string { return strings.Split(good, ".")[i] }
	var claims map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(part(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	payload := func(change map[string]any) string {
		c := without(claims, "")
		maps.Copy(c, change)
		return encode(t, c)
	}
	jwks := []byte(read(t, devissuer.KeySetFile(h.dir+"/issuer", devissuer.Police)))
	mac := hmac.New(sha256.New, jwks)
	input := encode(t, map[string]any{"alg": "HS256", "typ": "at+jwt"}) + "." + part(1)
	mac.Write([]byte(input))
	none := encode(t, map[string]any{"alg": "none", "typ": "at+jwt"})
	bad := map[string]string{
		"none":                   none + "." + part(1) + ".",
		"HS256 over public keys": input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another audience":       part(0) + "." + payload(map[string]any{"aud": "https://other.example"}) + "." + part(2),
		"more roles":             part(0) + "." + payload(map[string]any{"roles": []string{"ig-lead"}}) + "." + part(2),
		"no signature":           part(0) + "." + part(1) + ".",
		"garbage":                "x.y.z",
		"another agency":         h.mintFor(t, "telford-housing", devissuer.Police),
	}
	h.clock.Advance(2 * time.Hour)
	bad["expired"] = good
	var first *response
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		r := h.callWith(bad[name], http.MethodPost, subjectPath, ask("soc-investigation", rowan()))
		r.problem(http.StatusUnauthorized, "")
		if r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", name)
		}
		if first == nil {
			first = r
		}
		sameAnswer(t, name, first, r)
	}
	for name, headers := range map[string][]string{
		"basic":   {"Authorization", "Basic eDp5"},
		"nothing": {"Authorization", "Bearer "},
	} {
		if r := h.callWith("", http.MethodGet, "/v1/datasets", nil, headers...); r.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, r.status)
		}
	}
}

// mintFor makes a token that one agency's issuer signs with another agency in
// its claims.
func (h *house) mintFor(t *testing.T, signer, claimed string) string {
	t.Helper()
	other, err := devissuer.Create(t.TempDir()+"/issuer", claimed)
	if err != nil {
		t.Fatal(err)
	}
	other.Clock = h.clock.Now
	token, err := other.Mint(devissuer.Claims{Agency: claimed, Subject: "x@" + signer + ".example", Roles: []identity.Role{identity.Analyst}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
