package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/replay"
)

type policyCmd struct {
	Check   checkCmd   `cmd:"" help:"Read everything as a gateway would, hold it to the law, compile it, and say what is wrong."`
	Test    testCmd    `cmd:"" help:"Run the tests and cases of the rules and agreements."`
	Explain explainCmd `cmd:"" help:"Say field by field what would be released to whom, and what would have to change for the rest."`
	Impact  impactCmd  `cmd:"" help:"Decide past requests by a candidate, and say what would change for whom."`
	Build   buildCmd   `cmd:"" help:"Write the signed bundle that a gateway takes."`
	Replay  replayCmd  `cmd:"" help:"Decide every request in the log again and compare. Exit code 0: all the same; 1: some differ; 2: it could not be read."`
}

// checkCmd checks a folder.
type checkCmd struct{ desk }

// Run prints what was found.
func (k *checkCmd) Run(c *console) error {
	d, err := k.open()
	if err != nil {
		return err
	}
	found, err := d.Check(c.ctx, time.Now())
	if err != nil {
		return err
	}
	for _, f := range found.Lapsed {
		_, _ = fmt.Fprintln(c.out, "warning  ", f.String())
	}
	_, err = fmt.Fprintf(c.out, "sound     %d agreements in %d versions, %d datasets, %d purposes\nrevision  %s\n",
		found.Agreements, found.Versions, found.Datasets, found.Purposes, found.Revision)
	return err
}

// testCmd runs the tests of a folder.
type testCmd struct {
	desk

	Verbose bool `short:"v" help:"Name each test that passed."`
}

// Run prints what failed and how many passed.
func (t *testCmd) Run(c *console) error {
	d, err := t.open()
	if err != nil {
		return err
	}
	report, err := d.Test(c.ctx)
	if err != nil {
		return err
	}
	for _, r := range report.Results {
		if !r.Passed || t.Verbose {
			_, _ = fmt.Fprintln(c.out, r.Line())
		}
	}
	for _, line := range report.Uncovered {
		_, _ = fmt.Fprintln(c.out, "uncovered", line)
	}
	_, err = fmt.Fprintf(c.out, "%d passed, %d failed; %.1f%% of the rules covered\n", report.Passed, report.Failed, report.Coverage)
	if report.Failed > 0 {
		return errors.Join(err, errDiffers)
	}
	return err
}

// explainCmd explains.
type explainCmd struct {
	desk

	Agency    string   `required:"" help:"Who would ask." placeholder:"AGENCY"`
	Role      []string `default:"analyst" help:"The roles they hold." placeholder:"ROLE"`
	Clearance string   `help:"Their vetting level." placeholder:"LEVEL"`
	Purpose   string   `required:"" help:"For which purpose." placeholder:"ID"`
	Provider  string   `help:"Of this provider only." placeholder:"AGENCY"`
	Dataset   string   `help:"Of this dataset only." placeholder:"NAME"`
	Ground    string   `help:"In an emergency on this ground." placeholder:"GROUND"`
	At        string   `help:"As of when, a date or a time; now if not given." placeholder:"WHEN"`
	JSON      bool     `help:"Print as JSON."`
}

// Run prints a line for each field.
func (e *explainCmd) Run(c *console) error {
	d, err := e.open()
	if err != nil {
		return err
	}
	at := time.Now()
	if e.At != "" {
		if at, err = when(e.At); err != nil {
			return err
		}
	}
	items, err := d.Explain(c.ctx, authoring.Question{
		Agency: e.Agency, Roles: e.Role, Clearance: e.Clearance, Purpose: e.Purpose,
		Provider: e.Provider, Dataset: e.Dataset, Ground: e.Ground, At: at,
	})
	if err != nil {
		return err
	}
	if e.JSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"items": items})
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROVIDER\tDATASET\tFIELD\tTREATMENT\tAGREEMENT\tCLAUSE\tWHY, AND WHAT IT WOULD NEED")
	for _, i := range items {
		why := i.Code
		if len(i.WouldNeed) > 0 {
			why += ": needs " + strings.Join(i.WouldNeed, "; ")
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.Provider, i.Dataset, i.Field, i.Treatment, i.Agreement, i.Clause, why)
	}
	return w.Flush()
}

// pastFlags say where past requests are: exactly one is given.
type pastFlags struct {
	Config string `xor:"past" required:"" type:"existingfile" help:"The log of this configuration. Keys may be in Vault, gateways may run." placeholder:"FILE"`
	Dir    string `xor:"past" required:"" type:"existingdir" help:"The log of this data folder, which holds its keys." placeholder:"DIR"`
}

// config is the configuration, or that of the folder.
func (p *pastFlags) config() (*config.Config, error) {
	if p.Dir != "" {
		return gateway.Folder(p.Dir), nil
	}
	return config.Load(p.Config)
}

// impactCmd works out what a candidate would change.
type impactCmd struct {
	pastFlags

	Candidate string `required:"" type:"path" help:"A bundle, or a folder that holds policies/ and schemas/." placeholder:"BUNDLE"`
	LiveFrom  string `help:"When the candidate would go live; the next day if not given." placeholder:"WHEN"`
	Provider  string `help:"The data of this agency only." placeholder:"AGENCY"`
	Out       string `help:"Write the report here, as JSON, for signing." placeholder:"FILE"`
}

// Run prints the report and writes it.
func (i *impactCmd) Run(c *console) error {
	cfg, err := i.config()
	if err != nil {
		return err
	}
	files, err := candidate(i.Candidate)
	if err != nil {
		return err
	}
	defer longRun()()
	bar := c.progress("deciding")
	o := replay.ImpactOptions{At: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1), Provider: i.Provider, Progress: bar.at}
	if i.LiveFrom != "" {
		if o.At, err = when(i.LiveFrom); err != nil {
			return err
		}
	}
	report, err := gateway.Impact(c.ctx, cfg, files, o)
	bar.done()
	if err != nil {
		return err
	}
	if i.Out != "" {
		raw, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(i.Out, append(raw, '\n'), 0o600); err != nil {
			return err
		}
	}
	_, err = fmt.Fprint(c.out, report.Text())
	return err
}

// candidate reads a folder or a bundle. Whose signature it bears does not matter
// here: what it would do is what is asked.
func candidate(path string) (bundle.Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		d, err := authoring.Open(path)
		if err != nil {
			return nil, err
		}
		return d.Files, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return bundle.Contents(raw)
}

// buildCmd writes a bundle.
type buildCmd struct {
	desk

	Key      string `required:"" type:"existingfile" help:"The policy author's private key." placeholder:"FILE"`
	Out      string `required:"" help:"The bundle; one that is there is replaced." placeholder:"FILE"`
	Sequence int64  `help:"The number of the bundle; one more than the one that is there, if not given."`
}

// Run builds and prints the number.
func (b *buildCmd) Run(c *console) error {
	d, err := b.open()
	if err != nil {
		return err
	}
	key, err := os.ReadFile(b.Key)
	if err != nil {
		return err
	}
	n, err := d.Build(c.ctx, b.Out, string(key), b.Sequence)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "written   %s, number %d\nrevision  %s\n", b.Out, n, d.Files.Revision())
	return err
}

// replayCmd replays a log.
type replayCmd struct {
	pastFlags

	JSON bool `help:"Print the report as JSON."`
}

// errDiffers is returned by a replay or a test run that found a difference and
// has said so.
var errDiffers = errors.New("there are differences")

// longRun suits the collector to reading a log from end to end, which holds
// little and leaves much behind; the function that it returns ends that.
func longRun() func() {
	const percent = 800
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}

// Run replays and prints.
func (r *replayCmd) Run(c *console) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	defer longRun()()
	bar := c.progress("replaying")
	report, err := gateway.Replay(c.ctx, cfg, replay.Options{Progress: bar.at})
	bar.done()
	if err != nil {
		return err
	}
	if r.JSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		_, err = fmt.Fprint(c.out, report.Text())
	}
	if !report.OK() {
		return errors.Join(err, errDiffers)
	}
	return err
}
