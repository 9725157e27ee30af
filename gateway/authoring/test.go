package authoring

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// casesDir holds cases, below the folder of policies.
const casesDir = "cases"

// Test runs the Rego tests of the core and of every agreement, and the cases in
// policies/cases against the newest versions as if all had been approved.
func (d *Desk) Test(ctx context.Context) (*policy.TestReport, error) {
	const op = "authoring.Test"
	fsys := os.DirFS(filepath.Join(d.root, policiesDir))
	rego := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".rego" || path.Base(path.Dir(name)) == "next" {
			return err
		}
		rego[name], err = fs.ReadFile(fsys, name)
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The rules cannot be read.", err)
	}
	report, err := policy.RunTests(ctx, rego)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(fsys, casesDir); err != nil {
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
