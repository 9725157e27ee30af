package gateway_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/config"
)

// TestInvariant02NewField adds a field to a dataset that agreements share
// already. Until an agreement names it, it is withheld under every purpose, and
// a row that has it is kept without it.
func TestInvariant02NewField(t *testing.T) {
	t.Parallel()
	const provider, dataset = "telford-housing", "housing.tenancy"
	dir := copySchemas(t)
	file := filepath.Join(dir, "datasets", dataset+".schema.json")
	text := read(t, file)
	changed := strings.Replace(text, `"properties": {`, `"properties": {
    "nickname": {"title": "Nickname", "type": "string", "maxLength": 80, "x-concord": {"personal": true}},`, 1)
	if changed == text {
		t.Fatal("the schema has no properties")
	}
	write(t, file, changed)
	h := newHouse(t, func(c *config.Config) { c.SchemasDir = dir })
	sentRow := tenancy(rowan(), "T-NEW")
	sentRow["nickname"] = "Row"
	if got := h.submit(sent{"housing-submitter", dataset, "ISA-TH-WMP-001", []map[string]any{sentRow}}); got.Accepted != 1 {
		t.Fatalf("%+v", got)
	}
	for _, purpose := range []string{"soc-investigation", "modern-slavery-safeguarding"} {
		a := h.find(purpose, rowan())
		records := a.records(provider, dataset)
		if len(records) != 1 || records[0]["/given_name"] != rowan()["given_name"] || records[0]["/nickname"] != nil {
			t.Errorf("%s: %v", purpose, records)
		}
		if !a.withholds(provider, dataset, "not_in_agreement", "/nickname") {
			t.Errorf("%s: the new field is not named as withheld: %+v", purpose, a.Withheld)
		}
	}
}

// withholds reports whether a field is named as withheld for a reason.
func (a *subjectAnswer) withholds(provider, dataset, code, field string) bool {
	for _, w := range a.Withheld {
		if w.Provider == provider && w.Dataset == dataset && w.Code == code && slices.Contains(w.Fields, field) {
			return true
		}
	}
	return false
}
