package dataset_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

const newFile = "fire.incident.schema.json"

// TestWrongSchemas: a mistake in a schema stops the load, and the error names
// the file and the pointer.
func TestWrongSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, replacement, pointer string }{
		{"not JSON", `"title": "Fires",`, `"title": "Fires"`, ""},
		{"duplicate key", `"title": "Fires",`, `"title": "Fires", "title": "Fires",`, "/title"},
		{"other draft", "draft/2020-12", "draft/2019-09", "/$schema"},
		{"no title", `"title": "Fires",`, ``, "/title"},
		{"not valid by the metaschema", `["source_id", "place", "time", "cause"]`, `["source_id", "source_id"]`, "/required"},
		{"wrong type by the metaschema", `"maxLength": 80`, `"maxLength": "80"`, "/$defs/name/maxLength"},
		{"wrong pattern", `"maxLength": 80`, `"pattern": "("`, "/$defs/name/pattern"},
		{"unknown keyword", `"maxLength": 80`, `"maxlength": 80`, "/$defs/name/maxlength"},
		{"fields without a name", `"required": ["area"],`, `"patternProperties": {"^x": {}},`, "/properties/place/patternProperties"},
		{"unknown format", `"ons-code"`, `"ons-cod"`, "/properties/place/properties/area/format"},
		{"area of another format", `"ons-code"`, `"date"`, "/x-concord/area"},
		{"unknown format elsewhere", `"properties": {"on": {"type": "string", "format": "date"}`, `"properties": {"on": {"type": "string", "format": "day"}`,
			"/properties/visits/items/properties/on/format"},
		{"open object", `"type": "object", "additionalProperties": false, "required": ["area"]`, `"type": "object", "required": ["area"]`,
			"/properties/place/additionalProperties"},
		{"open object in a list", `"items": {"type": "object", "additionalProperties": false,`, `"items": {"type": "object",`,
			"/properties/visits/items/additionalProperties"},
		{"list of anything", `"items": {"type": "object", "additionalProperties": false,`, `"contains": {"type": "object", "additionalProperties": false,`,
			"/properties/visits/items"},
		{"untyped field", `"title": "Cause", "type": "string",`, `"title": "Cause",`, "/properties/cause/type"},
		{"object or null", `["string", "null"]`, `["object", "null"]`, "/properties/crew_note/type"},
		{"untitled field", `"title": "Cause", `, ``, "/properties/cause/title"},
		{"name of a field", `"crew_note"`, `"Crew note"`, "/properties"},
		{"name of a field in a list", `{"on": {"type"`, `{"On": {"type"`, "/properties/visits/items/properties"},
		{"remote reference", `"#/$defs/name"`, `"https://example.org/name.json"`, "/properties/occupier/$ref"},
		{"remote reference elsewhere", `"properties": {"on": {"type": "string", "format": "date"}`, `"properties": {"on": {"$ref": "other.json"}`,
			"/properties/visits/items/properties/on/$ref"},
		{"reference to nothing", `"#/$defs/name"`, `"#/$defs/nome"`, "/properties/occupier/$ref"},
		{"no annotation", `"x-concord": {
    "name"`, `"examples": {
    "name"`, "/x-concord"},
		{"unknown annotation at the root", `"special_category": false,`, `"special": false,`, "/x-concord"},
		{"unknown annotation at a field", `{"personal": true}`, `{"personnel": true}`, "/properties/crew_note/x-concord"},
		{"annotation without effect", `"properties": {"on": {"type": "string", "format": "date"}`,
			`"properties": {"on": {"type": "string", "format": "date", "x-concord": {"personal": true}}`,
			"/properties/visits/items/properties/on/x-concord"},
		{"unknown identifier", `"identifier": "postcode"`, `"identifier": "zip"`, "/properties/place/properties/postcode/x-concord/identifier"},
		{"identifier that is not text", `"title": "Indoors", "type": "boolean"`, `"title": "Indoors", "type": "boolean", "x-concord": {"identifier": "uprn"}`,
			"/properties/place/properties/indoors/type"},
		{"other file name", `"fire.incident"`, `"fire.accident"`, "/x-concord/name"},
		{"name", `"fire.incident"`, `"fire"`, "/x-concord/name"},
		{"version", `"1.0.0"`, `"1"`, "/x-concord/version"},
		{"kind", `"kind": "person"`, `"kind": "people"`, "/x-concord/kind"},
		{"anonymous with identifiers", `"kind": "person"`, `"kind": "anonymous"`, "/x-concord/kind"},
		{"source id names no field", `"source_id": "/source_id"`, `"source_id": "/id"`, "/x-concord/source_id"},
		{"source id not required", `"required": ["source_id", `, `"required": [`, "/x-concord/source_id"},
		{"source id may be empty", `"Reference", "type": "string", "minLength": 1`, `"Reference", "type": "string"`, "/x-concord/source_id"},
		{"area names no field", `"area": "/place/area"`, `"area": "/place"`, "/x-concord/area"},
		{"event date names no date", `"event_date": "/time/reported"`, `"event_date": "/cause"`, "/x-concord/event_date"},
		{"indicators without a date", `"event_date": "/time/reported"`, `"event_date": ""`, "/x-concord/indicators"},
		{"indicator twice", `"id": "fire.casualties"`, `"id": "fire.deliberate"`, "/x-concord/indicators/1/id"},
		{"indicator id", `"id": "fire.casualties"`, `"id": "casualties"`, "/x-concord/indicators/1/id"},
		{"indicator without title", `"title": "Casualties", "section"`, `"section"`, "/x-concord/indicators/1/title"},
		{"section", `"section": "violence", "when": [{"field": "/cause"`, `"section": "", "when": [{"field": "/cause"`, "/x-concord/indicators/0/section"},
		{"condition names no field", `"field": "/cause"`, `"field": "/causes"`, "/x-concord/indicators/0/when/0/field"},
		{"condition without values", `"in": ["deliberate"]`, `"in": []`, "/x-concord/indicators/0/when/0/in"},
		{"condition that never holds", `"in": ["deliberate"]`, `"in": ["accident", "deliberat"]`, "/x-concord/indicators/0/when/0/in/1"},
		{"condition of the wrong type", `"in": [true]`, `"in": ["true"]`, "/x-concord/indicators/1/when/0/in/0"},
		{"sum names no number", `"sum": "/casualties"`, `"sum": "/cause"`, "/x-concord/indicators/1/sum"},
	} {
		schema := strings.Replace(newDataset, c.old, c.replacement, 1)
		if schema == newDataset {
			t.Errorf("%s: the case changes nothing", c.name)
		}
		_, err := dataset.Load(fstest.MapFS{newFile: {Data: []byte(schema)}})
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Pointer != c.pointer || !strings.HasPrefix(f.Message, newFile+": "+c.pointer) {
			t.Errorf("%s: %v; want %s at %q", c.name, err, newFile, c.pointer)
		}
	}
}

// TestKindFitsFields: the kind of a dataset and its fields do not contradict
// each other.
func TestKindFitsFields(t *testing.T) {
	t.Parallel()
	schema := func(kind, special, field string) string {
		return `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Fires",
			"x-concord": {"name": "fire.incident", "version": "1.0.0", "kind": "` + kind + `", "source_id": "/source_id", "special_category": ` + special + `},
			"type": "object", "additionalProperties": false, "required": ["source_id"],
			"properties": {"source_id": {"title": "Reference", "type": "string", "minLength": 1},
				"who": {"title": "Who", "type": "string", "x-concord": {` + field + `}}}}`
	}
	for _, c := range []struct{ kind, special, field, pointer string }{
		{"person", "false", `"identifier": "nhs_number"`, ""},
		{"person", "false", `"personal": true`, "/x-concord/kind"},
		{"anonymous", "false", `"personal": true`, ""},
		{"anonymous", "false", `"identifier": "uprn"`, "/x-concord/kind"},
		{"anonymous", "true", `"personal": true`, "/x-concord/special_category"},
		{"group", "true", `"personal": true`, ""},
	} {
		_, err := dataset.Load(fstest.MapFS{newFile: {Data: []byte(schema(c.kind, c.special, c.field))}})
		var f *fault.Error
		if got := errors.As(err, &f); got != (c.pointer != "") || got && f.Pointer != c.pointer {
			t.Errorf("%s, special %s, %s: %v", c.kind, c.special, c.field, err)
		}
	}
}

// TestIndicatorOfTwoDatasets: ids are unique over all files.
func TestIndicatorOfTwoDatasets(t *testing.T) {
	t.Parallel()
	_, err := dataset.Load(fstest.MapFS{
		newFile:                      {Data: []byte(newDataset)},
		"fire.training.schema.json":  {Data: []byte(strings.Replace(newDataset, `"fire.incident"`, `"fire.training"`, 1))},
		"README.md":                  {Data: []byte("not a schema")},
		"old/fire.false.schema.json": {Data: []byte("not at the root")},
	})
	var f *fault.Error
	if !errors.As(err, &f) || f.Pointer != "/x-concord/indicators/0/id" || !strings.HasPrefix(f.Message, "fire.training.schema.json: ") {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(newDataset)
	f.Add(`{"$schema":"https://json-schema.org/draft/2020-12/schema"}`)
	f.Fuzz(func(t *testing.T, schema string) {
		r, err := dataset.Load(fstest.MapFS{newFile: {Data: []byte(schema)}})
		if (r == nil) == (err == nil) {
			t.Fatalf("registry %v, error %v", r, err)
		}
	})
}
