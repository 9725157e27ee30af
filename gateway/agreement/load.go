package agreement

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
)

// The files of an agreement's folder.
const (
	agreementFile  = "agreement.json"
	conditionsFile = "conditions.rego"
)

// defaultEmbargoDays is the embargo where an agreement does not give one.
const defaultEmbargoDays = 28

// Load reads every folder at the root of fsys as one agreement. It returns all
// of them or none: the cause of its fault is a Findings with everything that
// is wrong, each with file, line, JSON pointer, rule and remedy.
func Load(fsys fs.FS, ds *dataset.Registry) (*Register, error) {
	const op = "agreement.Load"
	schema, err := compileSchema()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The schema of agreements cannot be read.", err)
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The folder of agreements cannot be read.", err)
	}
	var (
		all   []*Agreement
		found Findings
	)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		a, wrong := read(fsys, e.Name(), schema)
		found = append(found, wrong...)
		if a != nil {
			found = append(found, check(a, e.Name(), ds)...)
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *Agreement) int { return strings.Compare(a.ID, b.ID) })
	found = append(found, conflicts(all)...)
	if err := found.fault(op); err != nil {
		return nil, err
	}
	return newRegister(all), nil
}

// read reads one folder. The agreement is nil when its form is wrong, since
// nothing can then be said of its sense.
func read(fsys fs.FS, folder string, schema validator) (*Agreement, []Finding) {
	file := path.Join(folder, agreementFile)
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, []Finding{{
			File: file, Rule: "unreadable", Message: "the file cannot be read: " + err.Error(),
			Remedy: "give each agreement a folder of its own with an " + agreementFile,
		}}
	}
	lines, found := positions(file, raw)
	if len(found) > 0 {
		return nil, found
	}
	a := &Agreement{EmbargoDays: defaultEmbargoDays, Source: raw, file: file, lines: lines}
	if found := schema.check(a); len(found) > 0 {
		return nil, found
	}
	if err := json.Unmarshal(raw, a); err != nil {
		return nil, []Finding{a.found("", "malformed", err.Error(), "follow schemas/agreement.schema.json")}
	}
	a.Conditions, err = fs.ReadFile(fsys, path.Join(folder, conditionsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, []Finding{{
			File: path.Join(folder, conditionsFile), Rule: "unreadable",
			Message: "the file cannot be read: " + err.Error(), Remedy: "make it readable, or remove it",
		}}
	}
	return a, nil
}

// slot is one field for one use between two agencies: a purpose and kind of
// request, or a ground.
type slot struct{ provider, recipient, dataset, use, field string }

type claim struct {
	agreement *Agreement
	pointer   string
	treatment release.Treatment
}

// conflicts finds fields that two agreements in force at the same time treat
// differently. The agreements are sorted by id.
func conflicts(all []*Agreement) []Finding {
	var found []Finding
	claims := map[slot][]claim{}
	for _, a := range all {
		a.eachField(func(s slot, pointer string, t release.Treatment) {
			for _, c := range claims[s] {
				if c.treatment == t || !c.agreement.Valid.overlaps(a.Valid) {
					continue
				}
				found = append(found, a.found(pointer, "conflict",
					fmt.Sprintf("%q is given here, and %q by %s (%s) for the same field, use and parties",
						t, c.treatment, c.agreement.ID, c.pointer),
					"give both the same treatment, or let one end before the other begins"))
			}
			claims[s] = append(claims[s], claim{a, pointer, t})
		})
	}
	return found
}

// eachField calls do for every field of every purpose and ground.
func (a *Agreement) eachField(do func(s slot, pointer string, t release.Treatment)) {
	for i, share := range a.Datasets {
		base := fmt.Sprintf("/datasets/%d", i)
		s := slot{provider: a.Provider.Agency, recipient: a.Recipient.Agency, dataset: share.Dataset}
		for j, p := range share.Purposes {
			for f, t := range p.Fields {
				for _, kind := range p.Kinds {
					s.use, s.field = "purpose "+p.Purpose+" "+kind, f
					do(s, fmt.Sprintf("%s/purposes/%d/fields/%s", base, j, escape(f)), t)
				}
			}
		}
		for g, ground := range share.Emergency {
			for f, t := range ground.Fields {
				s.use, s.field = "ground "+g, f
				do(s, fmt.Sprintf("%s/emergency/%s/fields/%s", base, escape(g), escape(f)), t)
			}
		}
	}
}

func (p Period) overlaps(q Period) bool { return p.From <= q.To && q.From <= p.To }
