package policy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// policyCase is one file of testdata/cases: a request to the shipped policies
// and what must come of it. A group is written "provider dataset".
type policyCase struct {
	Title string `yaml:"title"`
	Input Input  `yaml:"input"`
	Want  struct {
		Allow bool `yaml:"allow"`
		// Released maps group and treatment to all fields with that treatment.
		Released map[string]map[string][]string `yaml:"released"`
		// Withheld maps a group to the codes of all its reasons.
		Withheld map[string][]string `yaml:"withheld"`
	} `yaml:"want"`
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	cfg := sample(t)
	e := newEngine(t, cfg)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c policyCase
			if err := yaml.UnmarshalWithOptions(raw, &c, yaml.Strict(), yaml.UseJSONUnmarshaler()); err != nil {
				t.Fatal(err)
			}
			got, err := e.Decide(t.Context(), c.Input)
			if err != nil {
				t.Fatal(err)
			}
			if got.Allow != c.Want.Allow {
				t.Errorf("allow is %t", got.Allow)
			}
			released, withheld := summary(got)
			if diff := cmp.Diff(normalised(c.Want.Released), released); diff != "" {
				t.Errorf("released (-want +got):\n%s", diff)
			}
			want := map[string][]string{}
			for g, codes := range c.Want.Withheld {
				want[g] = slices.Sorted(slices.Values(codes))
			}
			if diff := cmp.Diff(want, withheld); diff != "" {
				t.Errorf("withheld (-want +got):\n%s", diff)
			}
			accountsForEveryField(t, cfg, c.Input, got)
		})
	}
}

func summary(d Decision) (released map[string]map[string][]string, withheld map[string][]string) {
	released, withheld = map[string]map[string][]string{}, map[string][]string{}
	for _, g := range d.Groups {
		key := g.Provider + " " + g.Dataset
		for f, grant := range g.Fields {
			if released[key] == nil {
				released[key] = map[string][]string{}
			}
			t := string(grant.Treatment)
			released[key][t] = append(released[key][t], f)
		}
	}
	for _, w := range d.Withheld {
		key := w.Provider + " " + w.Dataset
		withheld[key] = append(withheld[key], w.Code)
	}
	return normalised(released), withheld
}

func normalised(in map[string]map[string][]string) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for g, treatments := range in {
		out[g] = map[string][]string{}
		for t, fields := range treatments {
			out[g][t] = slices.Sorted(slices.Values(fields))
		}
	}
	return out
}

// accountsForEveryField checks that each field of each dataset asked for is
// either released or withheld, never both, and that lists are sorted.
func accountsForEveryField(tb interface {
	Helper()
	Errorf(format string, args ...any)
}, cfg Config, in Input, d Decision,
) {
	tb.Helper()
	released, withheld := map[Group]map[string]bool{}, map[Group]map[string]bool{}
	for _, g := range d.Groups {
		released[Group{g.Provider, g.Dataset}] = map[string]bool{}
		for f := range g.Fields {
			released[Group{g.Provider, g.Dataset}][f] = true
		}
	}
	for _, w := range d.Withheld {
		key := Group{w.Provider, w.Dataset}
		if withheld[key] == nil {
			withheld[key] = map[string]bool{}
		}
		if !slices.IsSorted(w.Fields) || w.Code == "" || w.Reason == "" {
			tb.Errorf("withheld entry is unsorted or gives no reason: %+v", w)
		}
		for _, f := range w.Fields {
			withheld[key][f] = true
			if released[key][f] {
				tb.Errorf("%v %s is both released and withheld (%s)", key, f, w.Code)
			}
		}
	}
	for _, g := range in.Groups {
		ds, ok := cfg.Datasets.Get(g.Dataset)
		if !ok {
			continue
		}
		both := maps.Clone(released[g])
		maps.Copy(both, withheld[g])
		if len(both) != len(ds.Fields) {
			tb.Errorf("%v: %d of %d fields are accounted for", g, len(both), len(ds.Fields))
		}
	}
}
