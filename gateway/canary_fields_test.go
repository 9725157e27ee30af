package gateway_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/schemas"
)

// property is what a schema says of a field.
type property struct {
	Type      string
	Format    string
	Enum      []any
	MaxLength int                         `json:"maxLength"` //nolint:tagliatelle // as JSON Schema has it
	XConcord  struct{ Identifier string } `json:"x-concord"` //nolint:tagliatelle // as the schemas have it
}

// personal reports whether a field may hold what is personal and of no list: an
// identifier, or text that somebody writes.
func (p *property) personal() bool {
	const word = 20
	return p.XConcord.Identifier != "" || p.Type == "string" && p.Enum == nil && p.Format == "" && p.MaxLength >= word
}

// TestCanariesAreEverywhere holds that the canaries of the tests of invariants 5 and 6
// are in every personal field of every dataset: also of one that is added.
func TestCanariesAreEverywhere(t *testing.T) {
	t.Parallel()
	sent := map[string]map[string]any{}
	for _, s := range canaryRows() {
		sent[s.dataset] = s.rows[0]
	}
	names, err := fs.Glob(schemas.Files, "datasets/*.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	values, fields := forbidden(), 0
	for _, name := range names {
		raw, err := schemas.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct{ Properties map[string]property }
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		dataset := strings.TrimSuffix(strings.TrimPrefix(name, "datasets/"), ".schema.json")
		for field, p := range schema.Properties {
			if !p.personal() {
				continue
			}
			fields++
			if text := fmt.Sprint(sent[dataset][field]); !holds(text, values) {
				t.Errorf("%s: no canary is in %s", dataset, field)
			}
		}
	}
	if len(names) < 10 || fields < 50 {
		t.Errorf("only %d fields of %d datasets", fields, len(names))
	}
}

func holds(text string, values []string) bool {
	for _, v := range values {
		if strings.Contains(text, v) {
			return true
		}
	}
	return false
}
