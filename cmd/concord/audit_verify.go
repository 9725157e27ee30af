package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
)

// verifyCmd verifies a log, or a part of one. It trusts nothing but the keys,
// and an old checkpoint where one is given.
type verifyCmd struct {
	logFlags

	Export      string `xor:"source" required:"" type:"existingfile" help:"The log in a file from concord audit export, offline." placeholder:"FILE"`
	Entry       string `xor:"source" required:"" type:"existingfile" help:"One entry, in a file from concord audit extract, offline." placeholder:"FILE"`
	Disclosures string `xor:"source" required:"" type:"existingfile" help:"A partner's register, in a file from concord audit disclosures." placeholder:"FILE"`

	Key     []string `required:"" sep:"none" help:"A public key of the log (a verifier key), or a file of them; its first, at least." placeholder:"VKEY"`
	Witness []string `sep:"none" help:"The verifier key of a witness, or a file of them." placeholder:"VKEY"`
	Quorum  int      `help:"How many of the witnesses must have cosigned the checkpoint. All, where it is not given." placeholder:"N"`

	Since       string `help:"An older checkpoint, in a file, that the log must continue." type:"existingfile" placeholder:"CHECKPOINT"`
	Incremental bool   `help:"Verify only what follows --since."`
	Receipt     string `help:"A receipt, in a file, that the log must have kept." type:"existingfile" placeholder:"FILE"`
	JSON        bool   `help:"Print the report as JSON."`
}

// Run verifies and prints what it found.
func (v *verifyCmd) Run(c *console) error {
	opt, err := v.options()
	if err != nil {
		return err
	}
	switch {
	case v.Entry != "":
		return v.entry(c, opt)
	case v.Disclosures != "":
		return v.register(c, opt)
	default:
		return v.log(c, opt)
	}
}

// options are what is trusted.
func (v *verifyCmd) options() (opt audit.VerifyOptions, err error) {
	if v.Entry != "" || v.Disclosures != "" {
		if v.Since != "" || v.Receipt != "" || v.Incremental {
			return opt, errors.New("--since, --incremental and --receipt need a whole log: --dir, --server or --export")
		}
	}
	if v.Incremental && v.Since == "" {
		return opt, errors.New("--incremental goes on from a checkpoint: give one with --since")
	}
	opt.Incremental = v.Incremental
	if opt.Keys, err = verifierKeys(v.Key); err != nil {
		return opt, err
	}
	if opt.Witnesses, err = verifierKeys(v.Witness); err != nil {
		return opt, err
	}
	if opt.Quorum = v.Quorum; opt.Quorum == 0 {
		opt.Quorum = len(opt.Witnesses)
	}
	if v.Since != "" {
		if opt.Since, err = os.ReadFile(v.Since); err != nil {
			return opt, fmt.Errorf("the checkpoint cannot be read: %w", err)
		}
	}
	if v.Receipt != "" {
		opt.Receipt, err = readReceipt(v.Receipt)
	}
	return opt, err
}

// verifierKeys are keys as they were given: each itself, or a file with one on
// each line.
func verifierKeys(given []string) ([]string, error) {
	var keys []string
	for _, g := range given {
		const plusSigns = 2 // a verifier key has two at least
		if strings.Count(g, "+") >= plusSigns {
			keys = append(keys, g)
			continue
		}
		raw, err := os.ReadFile(g)
		if err != nil {
			return nil, fmt.Errorf("the key is neither a verifier key nor a file that can be read: %w", err)
		}
		keys = append(keys, strings.Fields(string(raw))...)
	}
	return keys, nil
}

// readReceipt reads a receipt, or the answer of the gateway that holds one.
func readReceipt(path string) (*audit.Receipt, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the receipt cannot be read: %w", err)
	}
	type holder struct {
		audit.Receipt

		Audit *audit.Receipt `json:"audit"`
	}
	var answer struct {
		holder

		Submission *holder `json:"receipt"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("the receipt cannot be read: %w", err)
	}
	held := &answer.holder
	if answer.Submission != nil {
		held = answer.Submission
	}
	receipt := cmp.Or(held.Audit, &held.Receipt)
	if receipt.Head == "" || receipt.EntryHash == "" {
		return nil, fmt.Errorf("%s holds no receipt", path)
	}
	return receipt, nil
}

// log verifies a whole log, or what follows a checkpoint.
func (v *verifyCmd) log(c *console, opt audit.VerifyOptions) error {
	bar := c.progress("verifying")
	opt.Progress = bar.at
	report, err := v.verify(c, opt)
	bar.done()
	if err != nil {
		return err
	}
	if err := v.print(c.out, report, func(w io.Writer) error { return printReport(w, report) }); err != nil {
		return err
	}
	if !report.OK {
		return errDamaged
	}
	return nil
}

// verify reads the log where it is.
func (v *verifyCmd) verify(c *console, opt audit.VerifyOptions) (report audit.Report, err error) {
	switch {
	case v.Dir != "" || v.Config != "":
		err = v.open(c, func(ctx context.Context, store audit.Store) error {
			report, err = audit.Verify(ctx, audit.StoreSource(store), opt)
			return err
		})
		return report, err
	case v.Export != "":
		f, err := os.Open(v.Export)
		if err != nil {
			return report, fmt.Errorf("the export cannot be read: %w", err)
		}
		defer func() { _ = f.Close() }()
		return audit.Verify(c.ctx, audit.ReadExport(f), opt)
	default:
		asked, err := dial(v.Server)
		if err != nil {
			return report, err
		}
		body, err := asked.Export(c.ctx)
		if err != nil {
			return report, err
		}
		defer func() { _ = body.Close() }()
		return audit.Verify(c.ctx, audit.ReadExport(body), opt)
	}
}

// entry verifies one entry.
func (v *verifyCmd) entry(c *console, opt audit.VerifyOptions) error {
	raw, err := os.ReadFile(v.Entry)
	if err != nil {
		return fmt.Errorf("the entry cannot be read: %w", err)
	}
	var evidence audit.Evidence
	if err := json.Unmarshal(raw, &evidence); err != nil {
		return fmt.Errorf("%s is no file from concord audit extract: %w", v.Entry, err)
	}
	report, err := audit.VerifyEvidence(evidence, opt)
	if err != nil {
		return err
	}
	if err := v.print(c.out, report, func(w io.Writer) error { return printEntry(w, report) }); err != nil {
		return err
	}
	if !report.OK {
		return errDamaged
	}
	return nil
}

// register verifies a partner's register.
func (v *verifyCmd) register(c *console, opt audit.VerifyOptions) error {
	f, err := os.Open(v.Disclosures)
	if err != nil {
		return fmt.Errorf("the register cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	report, err := audit.VerifyRegister(f, opt)
	if err != nil {
		return err
	}
	if err := v.print(c.out, report, func(w io.Writer) error { return printRegister(w, report) }); err != nil {
		return err
	}
	if !report.OK {
		return errDamaged
	}
	return nil
}

// print writes a report as JSON or for a person.
func (v *verifyCmd) print(w io.Writer, report any, forPeople func(io.Writer) error) error {
	if v.JSON {
		return printJSON(w, report)
	}
	return forPeople(w)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
