package gateway_test

import (
	"encoding/json"
	"io/fs"
	"path"
	"testing"

	"github.com/concord-gateway/concord/policies"
)

// paper is an agreement as its file has it, read without the code under test.
type paper struct {
	ID                  string
	Provider, Recipient struct{ Agency string }
	Datasets            []struct {
		Dataset   string
		Collects  []string
		Purposes  []paperPurpose
		Emergency map[string]struct{ Fields map[string]string }
	}
}

type paperPurpose struct {
	Purpose string
	Kinds   []string
	Fields  map[string]string
}

// papers reads every agreement file.
func papers(t testing.TB) []paper {
	t.Helper()
	files, err := fs.Glob(policies.Files, "agreements/*/agreement.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d agreements, %v", len(files), err)
	}
	var out []paper
	for _, name := range files {
		raw, err := fs.ReadFile(policies.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var p paper
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatalf("%s: %v", path.Base(path.Dir(name)), err)
		}
		out = append(out, p)
	}
	return out
}

// listed returns the fields that an agreement names for a dataset, in any way.
func (h *house) listed(t testing.TB, id, dataset string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, p := range papers(t) {
		for _, d := range p.Datasets {
			if p.ID != id || d.Dataset != dataset {
				continue
			}
			for _, f := range d.Collects {
				out[f] = true
			}
			for _, u := range d.Purposes {
				for f := range u.Fields {
					out[f] = true
				}
			}
			for _, e := range d.Emergency {
				for f := range e.Fields {
					out[f] = true
				}
			}
		}
	}
	return out
}
