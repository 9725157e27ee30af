package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

const description = "../../../schemas/openapi.yaml"

func rawDescription(tb testing.TB) []byte {
	tb.Helper()
	raw, err := os.ReadFile(description)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func load(tb testing.TB) *Contract {
	tb.Helper()
	c, err := Load(rawDescription(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestRoutes(t *testing.T) {
	want := []string{
		"DELETE /v1/submissions/{id}",
		"GET /docs",
		"GET /healthz",
		"GET /openapi.json",
		"GET /readyz",
		"GET /tlog/checkpoint",
		"GET /tlog/tile/{tile}",
		"GET /v1/agreements",
		"GET /v1/agreements/{id}",
		"GET /v1/audit/checkpoint",
		"GET /v1/audit/consistency",
		"GET /v1/audit/entries",
		"GET /v1/audit/entries/{index}",
		"GET /v1/audit/entries/{index}/proof",
		"GET /v1/audit/export",
		"GET /v1/case-links",
		"GET /v1/coverage", "GET /v1/datasets",
		"GET /v1/datasets/{dataset}/schema",
		"GET /v1/disclosures",
		"GET /v1/editions",
		"GET /v1/quality", "GET /v1/submissions/{id}",
		"GET /v1/submissions/{id}/errors", "GET /v1/submissions/{id}/quality",
		"HEAD /v1/submissions/{id}",
		"PATCH /v1/submissions/{id}",
		"POST /v1/agreements/{id}/suspend",
		"POST /v1/case-links",
		"POST /v1/case-links/import",
		"POST /v1/case-links/{id}/end",
		"POST /v1/datasets/{dataset}/merges",
		"POST /v1/datasets/{dataset}/submissions",
		"POST /v1/datasets/{dataset}/withdrawals",
		"POST /v1/decisions/explain",
		"POST /v1/editions",
		"POST /v1/policy/impact",
		"POST /v1/profiles/area",
		"POST /v1/profiles/subject",
	}
	if diff := cmp.Diff(want, load(t).Routes()); diff != "" {
		t.Error(diff)
	}
}

func TestJSONIsTheDescription(t *testing.T) {
	c := load(t)
	var got map[string]any
	if err := json.Unmarshal(c.JSON(), &got); err != nil {
		t.Fatal(err)
	}
	if got["openapi"] != "3.1.0" {
		t.Errorf("openapi = %v", got["openapi"])
	}
	// The JSON is YAML too, and says the same.
	again, err := Load(c.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(c.JSON()), string(again.JSON())); diff != "" {
		t.Error(diff)
	}
	c.JSON()[0] = 'x'
	if c.JSON()[0] != '{' {
		t.Error("the caller can change the description")
	}
}

// schemaNodes are the places of the document where a schema stands.
func schemaNodes(c *Contract) []node {
	var out []node
	components := c.doc.child("components")
	for _, name := range components.child("schemas").names() {
		out = append(out, components.child("schemas").child(name))
	}
	addMedia := func(content map[string]media) {
		for _, m := range content {
			for _, n := range []node{m.schema, m.line} {
				if n.exists() {
					out = append(out, n)
				}
			}
		}
	}
	for _, op := range c.operations {
		for _, p := range op.parameters {
			out = append(out, p.schema)
		}
		if op.request != nil {
			addMedia(op.request.content)
		}
		for _, r := range op.responses {
			addMedia(r.content)
			for _, h := range r.headers {
				out = append(out, h.schema)
			}
		}
	}
	return out
}

func TestEverySchemaCompiles(t *testing.T) {
	c := load(t)
	for _, n := range schemaNodes(c) {
		if _, err := c.schemas.at(n); err != nil {
			t.Errorf("%s: %v", n.ptr, err)
		}
	}
}

// Every body has a schema; a body that is not described cannot be checked.
func TestEveryBodyHasASchema(t *testing.T) {
	for _, op := range load(t).operations {
		check := func(where string, content map[string]media) {
			for kind, m := range content {
				if !m.schema.exists() {
					t.Errorf("%s %s: %s %s has no schema", op.method, op.template, where, kind)
				}
			}
		}
		if op.request != nil {
			check("request", op.request.content)
			if len(op.request.content) == 0 {
				t.Errorf("%s %s: the request body has no content", op.method, op.template)
			}
		}
		for status, r := range op.responses {
			check(status, r.content)
			if len(r.content) == 0 && status != "204" {
				t.Errorf("%s %s: %s has no content", op.method, op.template, status)
			}
		}
	}
}

// An object that lists its properties admits no others, so that a field which
// is answered and not described is found.
func TestObjectsAreClosed(t *testing.T) {
	schemas := load(t).doc.child("components").child("schemas")
	for _, name := range schemas.names() {
		s := schemas.child(name)
		if s.text("type") != "object" || !s.child("properties").exists() {
			continue
		}
		closed := s.child("additionalProperties").value == false || s.child("unevaluatedProperties").value == false
		if !closed {
			t.Errorf("%s admits unknown properties", name)
		}
		if s.text("description") == "" {
			t.Errorf("%s has no description", name)
		}
		for _, required := range s.texts("required") {
			if !s.child("properties").child(required).exists() {
				t.Errorf("%s requires %q, which it does not describe", name, required)
			}
		}
	}
}

func TestEverySchemaIsUsed(t *testing.T) {
	c := load(t)
	schemas := c.doc.child("components").child("schemas")
	for _, name := range schemas.names() {
		if !bytes.Contains(c.JSON(), []byte(`"#/components/schemas/`+name+`"`)) {
			t.Errorf("%s is not used", name)
		}
	}
}

func TestExamplesConform(t *testing.T) {
	c := load(t)
	var checked int
	check := func(where string, content map[string]media) {
		for kind, m := range content {
			if !m.example.exists() {
				continue
			}
			checked++
			if m.line.exists() {
				if err := c.checkLines(m, []byte(m.example.value.(string))); err != nil {
					t.Errorf("%s %s: %v", where, kind, err)
				}
				continue
			}
			if err := c.schemas.validate(m.schema, m.example.value); err != nil {
				t.Errorf("%s %s: %v", where, kind, err)
			}
		}
	}
	for _, op := range c.operations {
		if op.request != nil {
			check(op.id+" request", op.request.content)
		}
		for status, r := range op.responses {
			check(op.id+" "+status, r.content)
		}
	}
	if checked < 30 {
		t.Errorf("only %d examples", checked)
	}
}

// The person in the examples is one of the test range.
func TestExamplesUseTheTestRange(t *testing.T) {
	for line := range strings.Lines(string(rawDescription(t))) {
		if _, number, ok := strings.Cut(line, "nhs_number: '"); ok && !strings.HasPrefix(number, "999") {
			t.Errorf("not of the test range: %s", line)
		}
	}
}

func TestOperationsSayWhatTheyDo(t *testing.T) {
	known := []identity.Role{
		identity.Submitter, identity.Analyst, identity.Emergency, identity.Supervisor, identity.IGLead,
		identity.PartnerIG, identity.PolicyAuthor, identity.Approver, identity.Operator, identity.CaseSystem,
	}
	var public []string
	for _, op := range load(t).operations {
		for _, part := range []string{"Who may call: ", "Logged: ", "Withheld: "} {
			if !strings.Contains(op.description, "\n\n"+part) {
				t.Errorf("%s does not say %q", op.id, part)
			}
		}
		for _, role := range op.roles {
			if !slices.Contains(known, identity.Role(role)) {
				t.Errorf("%s names the role %q", op.id, role)
			}
		}
		if op.public() {
			public = append(public, op.method+" "+op.template)
			continue
		}
		for _, status := range []string{"401", "500"} {
			if _, ok := op.responses[status]; !ok {
				t.Errorf("%s does not document %s", op.id, status)
			}
		}
	}
	// DESIGN, "HTTP API": what needs no token.
	if diff := cmp.Diff([]string{"GET /healthz", "GET /readyz", "GET /tlog/checkpoint", "GET /tlog/tile/{tile}"}, public); diff != "" {
		t.Error(diff)
	}
}

// Errors are problems, and nothing that needs a token may be kept by a cache.
func TestResponsesAreUniform(t *testing.T) {
	for _, op := range load(t).operations {
		for status, r := range op.responses {
			if _, ok := r.content[problemType]; !ok && status >= "400" && status != "422" {
				t.Errorf("%s: %s is not a problem", op.id, status)
			}
			if !op.public() && !slices.ContainsFunc(r.headers, func(h parameter) bool { return h.name == "Cache-Control" && h.required }) {
				t.Errorf("%s: %s may be kept by a cache", op.id, status)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	sound := string(rawDescription(t))
	for _, tc := range []struct{ name, raw, pointer string }{
		{"not YAML", "a: [", ""},
		{"nothing", "", "/openapi"},
		{"a list", "- a", "/openapi"},
		{"a key given twice", sound + "\nopenapi: 3.1.0\n", ""},
		{"another version", strings.Replace(sound, "openapi: 3.1.0", "openapi: 3.0.3", 1), "/openapi"},
		{"no title", strings.Replace(sound, "title: Concord\n", "x-title: Concord\n", 1), "/info"},
		{"a dangling reference", strings.Replace(sound, "schemas/CaseLink'", "schemas/Gone'", 1), "/paths/~1v1~1case-links/post/responses/201/content/application~1json/schema"},
		{"a reference outside", strings.Replace(sound, "'#/components/schemas/CaseLink'", "'https://example.com/x'", 1), "/paths/~1v1~1case-links/post/responses/201/content/application~1json/schema"},
		{"no operation id", strings.Replace(sound, "operationId: submitRows\n", "x-id: submitRows\n", 1), "/paths/~1v1~1datasets~1{dataset}~1submissions/post"},
		{"no summary", strings.Replace(sound, "summary: Submit rows of a dataset\n", "x-summary: a\n", 1), "/paths/~1v1~1datasets~1{dataset}~1submissions/post"},
		{"an operation id used twice", strings.Replace(sound, "operationId: getHealth", "operationId: getReadiness", 1), "/paths/~1readyz/get"},
		{"an undeclared path parameter", strings.Replace(sound, "/v1/agreements/{id}:", "/v1/agreements/{id}/{part}:", 1), "/paths/~1v1~1agreements~1{id}~1{part}/get"},
		{"a declared parameter that the path lacks", strings.Replace(sound, "/v1/agreements/{id}:", "/v1/agreements/id:", 1), "/paths/~1v1~1agreements~1id/get"},
		{"a parameter in part of a segment", strings.Replace(sound, "/v1/agreements/{id}:", "/v1/agreements/x-{id}:", 1), "/paths/~1v1~1agreements~1x-{id}/get"},
		{"an optional path parameter", strings.Replace(sound, "in: path\n      required: true\n      description: The name of the dataset.", "in: path\n      description: The name of the dataset.", 1), "/paths/~1v1~1datasets~1{dataset}~1merges/post"},
		{"a response without a description", strings.Replace(sound, "          description: Alive.\n", "", 1), "/paths/~1healthz/get/responses/200"},
		{"a scheme that is not there", strings.Replace(sound, "- bearer: []", "- basic: []", 1), "/security/0/basic"},
		{"a scheme that cannot be checked", strings.Replace(sound, "in: header\n      name: DPoP", "in: cookie\n      name: DPoP", 1), "/security/2/proof"},
		{"a requirement of nothing", strings.Replace(sound, "- bearer: []", "- {}", 1), "/security/0"},
		{"requirements that are no list", strings.Replace(sound, "security: []", "security: {bearer: []}", 1), "/paths/~1tlog~1checkpoint/get/security"},
		{"no paths", "openapi: 3.1.0\ninfo: {title: a, version: b}\n", "/paths"},
		{"references in a circle", "openapi: 3.1.0\ninfo: {title: a, version: b}\nx: {$ref: '#/y'}\ny: {$ref: '#/x'}\n", "/x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Load([]byte(tc.raw))
			if c != nil || !fault.Is(err, fault.Invalid) {
				t.Fatalf("Load = %v, %v", c, err)
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Pointer != tc.pointer {
				t.Errorf("err = %v, want the pointer %q", err, tc.pointer)
			}
		})
	}
}

func TestNothingIsFetched(t *testing.T) {
	raw := strings.Replace(string(rawDescription(t)), "schema: {$ref: '#/components/schemas/Health'}",
		"schema: {$dynamicRef: 'https://example.com/schema.json'}", 1)
	c, err := Load([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	op := c.find("GET", "/healthz")
	_, err = c.schemas.at(op.responses["200"].content["application/json"].schema)
	if err == nil || !strings.Contains(err.Error(), "leaves the document") {
		t.Errorf("err = %v", err)
	}
}

// FuzzLoad: whatever is read, there is a typed error or a contract whose JSON
// is JSON, and never a panic.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("openapi: 3.1.0\ninfo: {title: a, version: b}\npaths: {/a: {get: {operationId: a, summary: b, tags: [c], responses: {'200': {description: d}}}}}\n"))
	f.Add([]byte("openapi: 3.1.0\ninfo: {title: a, version: b}\npaths: {/{a}: {get: {parameters: [{$ref: '#/x'}]}}}\nx: {name: a, in: path}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("{\"openapi\": \"3.1.0\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Load(raw)
		if err != nil {
			if c != nil || !fault.Is(err, fault.Invalid) {
				t.Fatalf("Load = %v, %v", c, err)
			}
			return
		}
		if _, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.JSON())); err != nil {
			t.Fatal(err)
		}
	})
}
