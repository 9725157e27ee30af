package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// try is one request that a newcomer can send.
type try struct {
	persona, what string
	method, path  string
	body          any
}

// Guide prints what was submitted, where the API is and one ready request for
// each persona.
func (d *Demo) Guide(submitted []Submitted) {
	d.printf("\nConcord demonstration: synthetic people, one process holding every party's keys.\n")
	d.printf("It signed every agreement in the name of both parties: for demonstration only. The keys are in %s/%s/%s.\n\n", d.folder.Dir, policyDir, keyDir)
	for _, s := range submitted {
		d.printf("  %-20s %-26s %-15s %6d rows accepted\n", s.Persona, s.Dataset, s.Agreement, s.Accepted)
	}
	d.printf("\nThe API is at %s; its description, for anybody with a token: %s/docs\nThe data folder is %s\n", d.client.base, d.client.base, d.folder.Dir)
	d.printf("\nRequests to try, one for each persona. Each makes its own token:\n")
	for _, t := range d.tries() {
		d.printf("\n# %s: %s\n%s\n", t.persona, t.what, d.curl(t))
	}
	d.printf("\n# verify the log yourself, while it is served\n")
	d.printf("go run ./cmd/concord audit verify --dir %s --key %s/log.vkey\n", d.folder.Dir, d.folder.Dir)
	d.printf("\n# who has signed which agreement; and every logged decision made again\n")
	d.printf("go run ./cmd/concord agreement status --root %s/%s --config %s/%s\n", d.folder.Dir, policyDir, d.folder.Dir, configFile)
	d.printf("go run ./cmd/concord policy replay --dir %s\n", d.folder.Dir)
	d.printf("\nStop with Ctrl-C. Go on later with: go run ./cmd/concord serve --config %s/%s\n\n", d.folder.Dir, configFile)
}

// curl writes a request as a shell command.
func (d *Demo) curl(t try) string {
	var b strings.Builder
	b.WriteString("curl -s ")
	if t.method == http.MethodPost {
		b.WriteString("-X POST ")
	}
	b.WriteString("'" + d.client.base + t.path + "' \\\n  -H \"Authorization: Bearer $(go run ./cmd/concord token --persona " +
		t.persona + " --data " + d.folder.Dir + ")\"")
	if t.body != nil {
		raw, err := json.Marshal(t.body)
		if err == nil { // maps of strings always marshal
			b.WriteString(" \\\n  -H 'Content-Type: application/json' -d '" + strings.ReplaceAll(string(raw), "'", `'\''`) + "'")
		}
	}
	return b.String()
}

func (d *Demo) tries() []try {
	bad := d.world.BadRows()
	threat := map[string]string{"ground": "threat_to_life", "incident": "INC-2026-004711"}
	return []try{
		asks("housing-submitter", "submit rows, two of which are wrong",
			"/v1/datasets/"+bad.Dataset+"/submissions?dry_run=true&agreement="+bad.Agreement, bad.Rows),
		reads("severn-submitter", "what can be shared", "/v1/datasets"),
		reads("health-submitter", "what the schema of a dataset asks for", "/v1/datasets/health.assault_attendance/schema"),
		reads("education-submitter", "the agreements, with their status", "/v1/agreements"),
		reads("police-submitter", "the schema of a police dataset", "/v1/datasets/police.nominal/schema"),
		asks("analyst", "a person's profile, for the investigation", subjectPath, d.subjectQuestion("soc-investigation", nil)),
		asks("analyst", "the same for another purpose: refused", subjectPath, d.subjectQuestion("tenancy-enforcement", nil)),
		asks("analyst", "a threat to life", subjectPath, d.subjectQuestion("protection-of-life", threat)),
		asks("analyst", "the picture of an area", areaPath, areaQuestion(d.opt.Clock())),
		asks("supervisor", "freeze a new edition", "/v1/editions", struct{}{}),
		reads("ig-lead", "the newest entries of the log", "/v1/audit/entries?log_purpose=verify-lawfulness&limit=5"),
		reads("housing-ig", "every use of Telford Housing's data", "/v1/disclosures"),
		reads("health-ig", "every use of Mercia Health's data", "/v1/disclosures"),
		reads("education-ig", "every use of Mercia Education's data", "/v1/disclosures"),
		asks("policy-author", "may I? field by field, about nobody", explainPath,
			map[string]any{"purpose": "soc-investigation", "provider": "telford-housing"}),
		reads("approver-police", "one agreement, as it is enforced", "/v1/agreements/ISA-TH-WMP-001"),
		reads("approver-housing", "one agreement, as it is enforced", "/v1/agreements/ISA-TH-WMP-001"),
		reads("approver-health", "one agreement, as it is enforced", "/v1/agreements/ISA-MH-WMP-002"),
		reads("approver-education", "one agreement, as it is enforced", "/v1/agreements/ISA-ME-WMP-001"),
		reads("operator", "the newest published checkpoint", "/v1/audit/checkpoint"),
	}
}

// The paths that the demonstration asks most.
const (
	subjectPath = "/v1/profiles/subject"
	areaPath    = "/v1/profiles/area"
	explainPath = "/v1/decisions/explain"
)

func asks(persona, what, path string, body any) try {
	return try{persona: persona, what: what, method: http.MethodPost, path: path, body: body}
}

func reads(persona, what, path string) try {
	return try{persona: persona, what: what, method: http.MethodGet, path: path}
}

// subjectQuestion asks about the person of the story.
func (d *Demo) subjectQuestion(purpose string, emergency map[string]string) map[string]any {
	q := map[string]any{
		"purpose": purpose, "case_ref": Case,
		"justification": "Subject of the current operation; needed to plan the next step.",
		"subject":       d.world.Story().Adult.Identifiers(),
	}
	if emergency != nil {
		q["emergency"] = emergency
	}
	return q
}

func areaQuestion(now time.Time) map[string]any {
	from, to := lastYear(now)
	return map[string]any{
		"purpose": "soc-local-profile", "case_ref": "CSP-2026-2",
		"justification": "Half-yearly refresh of the local profile.",
		"area":          "E06000020", "from": from, "to": to, "by": "quarter",
	}
}
