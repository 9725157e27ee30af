package gateway_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/schemas"
)

func copySchemas(t testing.TB) string {
	t.Helper()
	return copyTree(t, schemas.Files)
}

// parkingSchema is a dataset that Concord has never heard of.
const parkingSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "urn:concord:dataset:council.parking",
  "title": "Parking permits",
  "description": "One permit of a resident.",
  "x-concord": {
    "name": "council.parking", "version": "1.0.0", "kind": "person",
    "source_id": "/source_id", "area": "/area", "event_date": "/issued_on", "special_category": false,
    "indicators": [
      {"id": "council.permits", "title": "Permits issued", "section": "vehicles", "when": []},
      {"id": "council.permits_vans", "title": "Permits issued for vans", "section": "vehicles", "when": [{"field": "/vehicle", "in": ["van"]}]}
    ]
  },
  "type": "object",
  "additionalProperties": false,
  "required": ["source_id", "area", "given_name", "family_name", "date_of_birth", "postcode", "issued_on", "vehicle"],
  "properties": {
    "source_id": {"title": "Reference", "type": "string", "minLength": 1, "maxLength": 64},
    "area": {"title": "Local authority", "type": "string", "format": "ons-code"},
    "given_name": {"title": "Given name", "type": "string", "maxLength": 80, "x-concord": {"identifier": "given_name"}},
    "family_name": {"title": "Family name", "type": "string", "maxLength": 80, "x-concord": {"identifier": "family_name"}},
    "date_of_birth": {"title": "Date of birth", "type": "string", "format": "date", "x-concord": {"identifier": "date_of_birth"}},
    "postcode": {"title": "Postcode", "type": "string", "format": "uk-postcode", "x-concord": {"identifier": "postcode"}},
    "issued_on": {"title": "Issued on", "type": "string", "format": "date"},
    "vehicle": {"title": "Vehicle", "type": "string", "enum": ["car", "van"]},
    "plate": {"title": "Plate", "type": "string", "maxLength": 10, "x-concord": {"personal": true}}
  }
}`

// parkingAgreement shares it. telford-housing provides it here, so that the
// personas can send it.
const parkingAgreement = `{
  "id": "ISA-TC-WMP-001", "version": 3, "title": "Parking permits", "author": "policy-author@west-mercia-police.example",
  "provider": {"agency": "telford-housing", "sector": "local_authority", "role": "controller", "post": "Head of Parking", "contact": "ig@telford-housing.example"},
  "recipient": {"agency": "west-mercia-police", "sector": "police", "role": "controller", "post": "SIRO", "contact": "ig@west-mercia-police.example"},
  "basis": {
    "provider": {"regime": "uk_gdpr", "lawful_basis": ["UK GDPR Art 6(1)(e): public task"], "legal_power": ["Crime and Disorder Act 1998 s.115"]},
    "recipient": {"regime": "law_enforcement", "lawful_basis": ["DPA 2018 s.35(2)(b): necessary for a law enforcement task"], "legal_power": ["Crime and Disorder Act 1998 s.115"]}
  },
  "special_category": null,
  "datasets": [{
    "dataset": "council.parking", "areas": ["E06000020"], "unlisted": "refuse", "retention_days": 100,
    "collects": ["/source_id", "/postcode"],
    "purposes": [
      {"purpose": "soc-investigation", "kinds": ["subject"], "clause": "2.1",
       "fields": {"/given_name": "full", "/family_name": "full", "/date_of_birth": "year", "/vehicle": "full", "/issued_on": "month", "/plate": "mask"},
       "conditions": {"case_link": "assigned"}},
      {"purpose": "soc-local-profile", "kinds": ["area"], "clause": "2.2",
       "fields": {"/area": "count_only", "/issued_on": "count_only", "/vehicle": "count_only"}}
    ]
  }],
  "handling": {"marking": "OFFICIAL", "instructions": []},
  "valid": {"from": "2026-01-01", "to": "2027-12-31"},
  "review": "2027-01-31", "termination": {"notice_days": 30, "on_end": "erase"}, "embargo_days": 28, "suspended": null,
  "rights": {"provider": "ig@telford-housing.example", "recipient": "ig@west-mercia-police.example"}
}`

// TestNewDatasetWithoutCode adds a dataset and an agreement as two files, and
// submits it, asks for it in both ways, and finds it in the log and registers.
func TestNewDatasetWithoutCode(t *testing.T) {
	t.Parallel()
	schemasDir, policiesDir := copySchemas(t), copyPolicies(t)
	write(t, filepath.Join(schemasDir, "datasets", "council.parking.schema.json"), parkingSchema)
	write(t, filepath.Join(policiesDir, "agreements", "ISA-TC-WMP-001", "agreement.json"), parkingAgreement)
	h := newHouse(t, func(c *config.Config) { c.SchemasDir, c.PoliciesDir = schemasDir, policiesDir })
	permit := func(source, vehicle string) map[string]any {
		return row(rowan(), compoundIDs(), map[string]any{
			"source_id": source, "area": "E06000020", "issued_on": "2026-08-02", "vehicle": vehicle, "plate": "TE57 ABC",
		})
	}
	rows := []map[string]any{permit("P-0", "lorry")}
	for i := range 12 {
		rows = append(rows, permit("P-1"+string(rune('a'+i)), []string{"car", "van"}[i%2]))
	}
	got := h.submit(sent{"housing-submitter", "council.parking", "ISA-TC-WMP-001", rows})
	if got.Accepted != 12 || got.Rejected != 1 || got.Errors[0].Pointer != "/vehicle" {
		t.Fatalf("%+v", got)
	}
	a := h.find("soc-investigation", rowan())
	records := a.records("telford-housing", "council.parking")
	if len(records) != 12 || records[0]["/date_of_birth"] != 1990.0 && records[0]["/date_of_birth"] != "1990" || records[0]["/issued_on"] != "2026-08" {
		t.Errorf("%d records, %v", len(records), records[0])
	}
	if records[0]["/plate"] == "TE57 ABC" || records[0]["/postcode"] != nil || records[0]["/source_id"] != nil {
		t.Errorf("%v", records[0])
	}
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, nil)
	area := h.area("analyst", askArea("soc-local-profile", "E06000020", "2026-08", "2026-08", "none"))
	if c := area.cells("council.permits"); len(c) != 1 || c[0].Count == nil || *c[0].Count != 10 {
		t.Errorf("%+v", c)
	}
	if c := area.cells("council.permits_vans"); len(c) != 1 || c[0].Mark != "*" {
		t.Errorf("%+v", c)
	}
	items, _ := h.register("housing-ig")
	if !slices.ContainsFunc(items[0].Entry.Released, func(r auditReleased) bool { return r.Agreement == "ISA-TC-WMP-001" && r.Version == 3 }) {
		t.Errorf("%+v", items[0].Entry.Released)
	}
	// Who has no part in it does not know of it.
	h.call("health-ig", http.MethodGet, "/v1/datasets/council.parking/schema", nil).problem(http.StatusNotFound, "")
	h.call("housing-ig", http.MethodGet, "/v1/datasets/council.parking/schema", nil).want(http.StatusOK, nil)
}

// TestInvariant02DatasetWithoutAgreement releases nothing of a dataset that no
// agreement names, and lets nobody send it: not even its author.
func TestInvariant02DatasetWithoutAgreement(t *testing.T) {
	t.Parallel()
	dir := copySchemas(t)
	write(t, filepath.Join(dir, "datasets", "council.parking.schema.json"), parkingSchema)
	h := newHouse(t, func(c *config.Config) { c.SchemasDir = dir })
	for _, persona := range []string{"housing-submitter", "police-submitter"} {
		hidden := h.call(persona, http.MethodPost, submissionsPath("council.parking", "ISA-TH-WMP-001"), []any{})
		absent := h.call(persona, http.MethodPost, submissionsPath("council.nothing", "ISA-TH-WMP-001"), []any{})
		hidden.problem(http.StatusNotFound, "")
		sameAnswer(t, persona, hidden, absent)
	}
	h.fill()
	if a := h.find("soc-investigation", rowan()); len(a.whyWithheld("telford-housing", "council.parking")) > 0 {
		t.Error("a dataset that nobody shares is named")
	}
}
