package authoring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// casesDir holds cases, below the folder of policies.
const casesDir = "cases"

// Test runs the Rego tests of the core and of the newest version of every
// agreement, and the cases in policies/cases against the newest versions as if
// all had been approved.
func (d *Desk) Test(ctx context.Context) (*policy.TestReport, error) {
	const op = "authoring.Test"
	fsys := os.DirFS(filepath.Join(d.root, policiesDir))
	rego, err := d.regoOf(fsys)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The rules cannot be read.", err)
	}
	report, err := policy.RunTests(ctx, rego)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(fsys, casesDir); errors.Is(err, fs.ErrNotExist) {
		return report, nil
	}
	cases, err := policy.ReadCases(fsys, casesDir)
	if err != nil {
		return nil, err
	}
	rules, err := d.Rules(ctx, d.Newest())
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		report.Add(c.Run(ctx, rules.Policy))
	}
	return report, nil
}

// regoOf reads the rules and their tests. Of an agreement with a version that is
// to follow it takes those of that one: they are what the cases run against, and
// two versions of one package do not go together.
func (d *Desk) regoOf(fsys fs.FS) (map[string][]byte, error) {
	newest := map[string]string{}
	for _, a := range d.Versions { // ordered by id and version
		newest[a.ID] = path.Join(agreementsDir, a.Folder())
	}
	rego := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".rego" {
			return err
		}
		if id, of := strings.CutPrefix(name, agreementsDir+"/"); of {
			id, _, _ = strings.Cut(id, "/")
			if path.Dir(name) != newest[id] {
				return nil
			}
		}
		rego[name], err = fs.ReadFile(fsys, name)
		return err
	})
	return rego, err
}
