package dataset_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// newDataset is a dataset that is in no file of the repository. It uses what
// the shipped ones do not: a nested object, a definition, a nullable field.
const newDataset = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Fires",
  "description": "One deliberate fire.",
  "x-concord": {
    "name": "fire.incident", "version": "1.0.0", "kind": "person",
    "source_id": "/source_id", "area": "/place/area", "event_date": "/time/reported", "special_category": false,
    "indicators": [
      {"id": "fire.deliberate", "title": "Deliberate fires", "section": "violence", "when": [{"field": "/cause", "in": ["deliberate"]}]},
      {"id": "fire.casualties", "title": "Casualties", "section": "violence", "when": [{"field": "/place/indoors", "in": [true]}], "sum": "/casualties"}
    ]
  },
  "type": "object", "additionalProperties": false,
  "required": ["source_id", "place", "time", "cause"],
  "properties": {
    "source_id": {"title": "Reference", "type": "string", "minLength": 1},
    "cause": {"title": "Cause", "type": "string", "enum": ["deliberate", "accident"]},
    "casualties": {"title": "Casualties", "type": "integer", "minimum": 0, "maximum": 1000},
    "occupier": {"$ref": "#/$defs/name", "title": "Occupier's family name"},
    "crew_note": {"title": "Note", "type": ["string", "null"], "x-concord": {"personal": true}},
    "visits": {"title": "Visits", "type": "array", "items": {"type": "object", "additionalProperties": false,
      "properties": {"on": {"type": "string", "format": "date"}}}},
    "place": {
      "title": "Place", "type": "object", "additionalProperties": false, "required": ["area"],
      "properties": {
        "area": {"title": "Local authority", "type": "string", "format": "ons-code"},
        "indoors": {"title": "Indoors", "type": "boolean"},
        "postcode": {"title": "Postcode", "type": "string", "format": "uk-postcode", "x-concord": {"identifier": "postcode"}}
      }
    },
    "time": {
      "title": "Time", "type": "object", "additionalProperties": false,
      "properties": {"reported": {"title": "Reported", "type": "string", "format": "date-time"}}
    }
  },
  "$defs": {"name": {"type": "string", "maxLength": 80, "x-concord": {"identifier": "family_name"}}}
}`

// TestDatasetAddedAtRunTime: a file in a folder is all that a dataset needs.
func TestDatasetAddedAtRunTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fire.incident.schema.json"), []byte(newDataset), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := dataset.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	d, ok := r.Get("fire.incident")
	if !ok {
		t.Fatal("the dataset is not there")
	}
	row, problems := d.Validate([]byte(`{"source_id":"F-1","cause":"deliberate","casualties":2,"occupier":"Testwell-Brown","crew_note":null,
		"visits":[{"on":"2025-01-01"}],"place":{"area":"E07000238","indoors":true,"postcode":"wr102ab"},"time":{"reported":"2025-02-03T04:05:06+01:00"}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	const want = `{"casualties":2,"cause":"deliberate","crew_note":null,"occupier":"Testwell-Brown",` +
		`"place":{"area":"E07000238","indoors":true,"postcode":"WR10 2AB"},"source_id":"F-1",` +
		`"time":{"reported":"2025-02-03T04:05:06+01:00"},"visits":[{"on":"2025-01-01"}]}`
	if diff := cmp.Diff(want, string(row.Canonical)); diff != "" {
		t.Error(diff)
	}
	if row.SourceID != "F-1" || row.Area != "E07000238" || row.EventDate != "2025-02-03" {
		t.Errorf("parts: %q %q %q", row.SourceID, row.Area, row.EventDate)
	}
	if diff := cmp.Diff([]dataset.Identifier{{Type: dataset.FamilyName, Value: "testwell brown"}, {Type: dataset.Postcode, Value: "WR10 2AB"}}, row.Identifiers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dataset.Hit{{ID: "fire.deliberate", N: 1}, {ID: "fire.casualties", N: 2}}, row.Indicators); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/casualties", "/place/area", "/place/indoors", "/time/reported"}, d.Indicators[1].Reads); diff != "" {
		t.Error(diff)
	}
	again, err := d.Decode(row.Canonical)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(row, again); diff != "" {
		t.Error(diff)
	}
	_, problems = d.Validate([]byte(`{"source_id":"F-1","cause":"deliberate","place":{"area":"E07000238","who":"x"},"time":{}}`))
	if diff := cmp.Diff([]found{{"/place/who", "unknown-field"}}, list(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dataset string
		want    dataset.Field
	}{
		{"housing.concern", dataset.Field{Pointer: "/family_name", Title: "Family name", Identifier: dataset.FamilyName, Personal: true}},
		{"housing.concern", dataset.Field{Pointer: "/summary", Title: "Summary", Personal: true}},
		{"housing.concern", dataset.Field{Pointer: "/severity", Title: "Severity"}},
		{"housing.tenancy", dataset.Field{Pointer: "/support_needs", Title: "Support needs", SpecialCategory: true, Personal: true}},
		// In a special category dataset every field is one.
		{"health.substance_referral", dataset.Field{Pointer: "/area", Title: "Local authority", SpecialCategory: true}},
		{"police.ocg", dataset.Field{Pointer: "/members", Title: "Members (PNC IDs)", Identifier: dataset.PNCID, Personal: true}},
	} {
		got, ok := get(t, c.dataset).Field(c.want.Pointer)
		if diff := cmp.Diff(c.want, got); !ok || diff != "" {
			t.Errorf("%s %s: %s", c.dataset, c.want.Pointer, diff)
		}
	}
	if f, ok := get(t, "housing.concern").Field("/nothing"); ok {
		t.Errorf("an unknown pointer gives %+v", f)
	}
}
