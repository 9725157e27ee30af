package policy

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Case is a request and what must come of it, as people write it down: a file
// of YAML for each. A group is written "provider dataset".
type Case struct {
	// File is where it stands.
	File  string `yaml:"-"`
	Title string `yaml:"title"`
	Input Input  `yaml:"input"`
	Want  Wanted `yaml:"want"`
}

// Wanted is what must come of a case.
type Wanted struct {
	Allow bool `yaml:"allow"`
	// Released maps group and treatment to all fields with that treatment.
	Released map[string]map[string][]string `yaml:"released"`
	// Withheld maps a group to the codes of all its reasons.
	Withheld map[string][]string `yaml:"withheld"`
}

// ReadCases reads every *.yaml in a folder, strictly, in the order of names.
func ReadCases(fsys fs.FS, dir string) ([]Case, error) {
	const op = "policy.ReadCases"
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The cases cannot be listed.", err)
	}
	out := make([]Case, 0, len(names))
	for _, name := range names {
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "The case "+name+" cannot be read.", err)
		}
		c := Case{File: name}
		if err := yaml.UnmarshalWithOptions(raw, &c, yaml.Strict(), yaml.UseJSONUnmarshaler()); err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "The case "+name+" is not valid.", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Run decides the case and says whether it comes out as it must.
func (c *Case) Run(ctx context.Context, e *Engine) TestResult {
	r := TestResult{Name: strings.TrimSuffix(path.Base(c.File), ".yaml") + " (" + c.Title + ")"}
	d, err := e.Decide(ctx, c.Input)
	if err != nil {
		r.Detail = err.Error()
		return r
	}
	wrong := c.Differences(d)
	r.Passed, r.Detail = len(wrong) == 0, strings.Join(wrong, "; ")
	return r
}

// Differences lists in words what of a decision is not as it must be.
func (c *Case) Differences(d Decision) []string {
	var out []string
	if d.Allow != c.Want.Allow {
		out = append(out, fmt.Sprintf("allow is %t", d.Allow))
	}
	want, got := flat(c.Want), flat(summary(d))
	for _, line := range slices.Sorted(maps.Keys(want)) {
		if !got[line] {
			out = append(out, "not "+line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(got)) {
		if !want[line] {
			out = append(out, "unexpectedly "+line)
		}
	}
	return out
}

// summary writes a decision as a case wants it.
func summary(d Decision) Wanted {
	w := Wanted{Allow: d.Allow, Released: map[string]map[string][]string{}, Withheld: map[string][]string{}}
	for _, g := range d.Groups {
		key := g.Provider + " " + g.Dataset
		for f, grant := range g.Fields {
			if w.Released[key] == nil {
				w.Released[key] = map[string][]string{}
			}
			t := string(grant.Treatment)
			w.Released[key][t] = append(w.Released[key][t], f)
		}
	}
	for _, x := range d.Withheld {
		key := x.Provider + " " + x.Dataset
		w.Withheld[key] = append(w.Withheld[key], x.Code)
	}
	return w
}

// flat writes what is wanted as a set of lines.
func flat(w Wanted) map[string]bool {
	out := map[string]bool{}
	for g, treatments := range w.Released {
		for t, fields := range treatments {
			for _, f := range fields {
				out[fmt.Sprintf("released: %s %s as %s", g, f, t)] = true
			}
		}
	}
	for g, codes := range w.Withheld {
		count := map[string]int{}
		for _, code := range codes {
			count[code]++
			out[fmt.Sprintf("withheld: %s for %s (%d)", g, code, count[code])] = true
		}
	}
	return out
}
