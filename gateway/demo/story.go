package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/replay"
)

// Story tells the whole job on the terminal, once: every step is a real
// request of a real gateway.
func (d *Demo) Story(ctx context.Context, submitted []Submitted) error {
	steps := []struct {
		title string
		tell  func(context.Context) error
	}{
		{"Partners submit, and every row is accounted for", func(ctx context.Context) error { return d.tellSubmissions(ctx, submitted) }},
		{"An analyst asks for the picture of an area", d.tellArea},
		{"An analyst asks about a person, for an investigation", d.tellSubject},
		{"The same question for another purpose", d.tellOtherPurpose},
		{"Threat to life", d.tellEmergency},
		{"What the partner sees of it", d.tellPartner},
		{"The partner verifies that nothing is left out of that", d.tellRegister},
		{"Every decision is made again, by the rules that the log names", d.tellReplay},
		{"The log is verified, by somebody who trusts only its public key", d.tellVerify},
		{"One stored byte is changed, in a copy, by somebody with the disk", d.tellTamper},
	}
	for i, s := range steps {
		d.printf("\n%d. %s\n%s\n", i+1, s.title, strings.Repeat("-", len(s.title)+3))
		if err := s.tell(ctx); err != nil {
			return fmt.Errorf("step %d of the story: %w", i+1, err)
		}
	}
	return nil
}

// rowError is one rejected row.
type rowError struct {
	Row                                    int
	Pointer, Column, Code, Message, Remedy string
}

func (d *Demo) tellSubmissions(ctx context.Context, submitted []Submitted) error {
	if err := d.tellAgreements(ctx); err != nil {
		return err
	}
	for _, s := range submitted {
		d.printf("   %-20s %-26s under %-15s %6d rows accepted\n", s.Persona, s.Dataset, s.Agreement, s.Accepted)
	}
	return d.tellSpreadsheet(ctx)
}

// tellSpreadsheet submits what an officer has exported from the housing system, with
// two rows that are wrong.
func (d *Demo) tellSpreadsheet(ctx context.Context) error {
	bad := d.world.BadRows()
	file, err := spreadsheet(bad.Rows)
	if err != nil {
		return err
	}
	a, err := d.client.do(ctx, bad.Persona, http.MethodPost, "/v1/datasets/"+bad.Dataset+"/submissions?agreement="+bad.Agreement, "text/csv", file)
	if err != nil {
		return err
	}
	var res struct {
		ID string `json:"submission_id"`

		Received, Accepted, Unchanged, Corrected, Rejected int
		Errors                                             []rowError
		AuditIndex                                         int64 `json:"audit_index"`
	}
	if err := a.into(http.StatusCreated, &res); err != nil {
		return err
	}
	d.printf("\n   An officer's spreadsheet of %d rows, with the housing system's own headings and dates as 31/01/2025:\n"+
		"   %d accepted, %d unchanged, %d corrected, %d rejected; log entry %d\n",
		res.Received, res.Accepted, res.Unchanged, res.Corrected, res.Rejected, res.AuditIndex)
	for _, e := range res.Errors {
		d.printf("     row %d, %s: %s %s [%s]\n", e.Row, e.Column, e.Message, e.Remedy, e.Code)
	}
	return d.tellErrorFile(ctx, bad.Persona, res.ID)
}

// tellErrorFile shows what the error file adds to the rows that were not taken.
func (d *Demo) tellErrorFile(ctx context.Context, persona, id string) error {
	a, err := d.client.file(ctx, persona, "/v1/submissions/"+id+"/errors", "text/csv")
	if err != nil {
		return err
	}
	lines, err := errorLines(a.body)
	if err != nil {
		return err
	}
	d.printf("   The error file has these two rows as they were sent, to be corrected and sent again:\n")
	for _, line := range lines {
		d.printf("     %s\n", line)
	}
	return nil
}

// tellAgreements says what the rows are submitted under.
func (d *Demo) tellAgreements(ctx context.Context) error {
	a, err := d.client.get(ctx, "analyst", "/v1/agreements")
	if err != nil {
		return err
	}
	var page struct {
		Items []struct{ Approval struct{ State string } }
	}
	if err := a.into(http.StatusOK, &page); err != nil {
		return err
	}
	live := 0
	for _, item := range page.Items {
		if item.Approval.State == "live" {
			live++
		}
	}
	d.printf("   %d of %d agreements are live, each signed with the keys of all its parties\n"+
		"   (here one process made and holds every key: for demonstration only)\n\n", live, len(page.Items))
	return nil
}

func (d *Demo) tellOtherPurpose(ctx context.Context) error {
	q := d.subjectQuestion("tenancy-enforcement", nil)
	q["justification"] = "The landlord would like to know before a possession hearing."
	a, err := d.client.post(ctx, "analyst", subjectPath, q)
	if err != nil {
		return err
	}
	var p struct {
		Title, Detail string
		Status        int
		AuditIndex    int64 `json:"audit_index"`
		Withheld      []policy.Withheld
	}
	if err := a.into(http.StatusForbidden, &p); err != nil {
		return err
	}
	d.printf("   Purpose tenancy-enforcement: %d %s. %s Log entry %d\n", p.Status, p.Title, p.Detail, p.AuditIndex)
	d.printWithheld(p.Withheld)
	return nil
}

func (d *Demo) tellEmergency(ctx context.Context) error {
	q := d.subjectQuestion("protection-of-life", map[string]string{"ground": "threat_to_life", "incident": "INC-2026-004711"})
	q["justification"] = "A credible threat against the person was received an hour ago."
	return d.tellProfile(ctx, q)
}

// tellPartner shows the newest entries about the housing partner's data, in the
// partner's own view.
func (d *Demo) tellPartner(ctx context.Context) error {
	a, err := d.client.get(ctx, "housing-ig", "/v1/disclosures")
	if err != nil {
		return err
	}
	var page struct {
		Items []struct {
			Index int64
			Entry audit.Entry
		}
	}
	if err := a.into(http.StatusOK, &page); err != nil {
		return err
	}
	const newest = 5
	d.printf("   Telford Housing's register, newest first (who it was about stays embargoed):\n")
	for _, it := range page.Items[:min(newest, len(page.Items))] {
		d.printf("     %4d  %-8s  chain %3d  %s by %s\n", it.Index, it.Entry.Action, it.Entry.ProviderSeq, purposeOf(it.Entry), it.Entry.Actor.Agency)
		for _, r := range it.Entry.Released {
			what := "counts"
			if it.Entry.Area == "" {
				what = strconv.Itoa(r.Records) + " record(s)"
			}
			d.printf("             released %s of %s, from %d fields, under %s\n", what, r.Dataset, len(r.Fields), r.Agreement)
		}
	}
	return nil
}

func purposeOf(e audit.Entry) string {
	switch {
	case e.Emergency != nil:
		return e.Purpose + ", EMERGENCY " + e.Emergency.Ground
	case e.Purpose != "" && e.Area != "":
		return e.Purpose + " for " + e.Area
	case e.Purpose != "":
		return e.Purpose
	default:
		return e.Admin["dataset"] + " " + e.Admin["state"]
	}
}

// tellReplay decides every request again from the archive of its rules, beside
// the running gateway.
func (d *Demo) tellReplay(ctx context.Context) error {
	r, err := gateway.Replay(ctx, gateway.Folder(d.folder.Dir), replay.Options{})
	if err != nil {
		return err
	}
	d.printf("   %d decisions, %d the same, %d different; refused before the rules were asked: %d\n",
		r.Decisions, r.Identical, r.DifferingCount, r.NotReplayable[replay.NoFacts])
	if !r.OK() {
		return errors.New("a decision differs")
	}
	return nil
}

// tellVerify closes the gateway, as if its machine had been seized, and
// verifies the folder.
func (d *Demo) tellVerify(ctx context.Context) error {
	if err := d.gateway.PublishCheckpoint(ctx); err != nil {
		return err
	}
	key := d.gateway.VKey()
	if err := d.Close(ctx); err != nil {
		return err
	}
	r, err := gateway.VerifyFolder(ctx, d.folder.Dir, audit.VerifyOptions{Keys: []string{key}})
	if err != nil {
		return err
	}
	d.printReport(r)
	if !r.OK {
		return errors.New("the log does not verify")
	}
	return nil
}

// tellTamper changes one byte of one entry in a copy of the folder.
func (d *Demo) tellTamper(ctx context.Context) error {
	key, err := os.ReadFile(filepath.Join(d.folder.Dir, gateway.KeyFile))
	if err != nil {
		return fmt.Errorf("the key of the log: %w", err)
	}
	dir, err := os.MkdirTemp("", "concord-tampered-")
	if err != nil {
		return fmt.Errorf("no temporary folder can be made: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := tamper(d.folder.Dir, dir); err != nil {
		return err
	}
	d.printf("   In one entry, the last letter of the asking agency's name is now another.\n")
	r, err := gateway.VerifyFolder(ctx, dir, audit.VerifyOptions{Keys: []string{strings.TrimSpace(string(key))}})
	if err != nil {
		return err
	}
	d.printReport(r)
	if r.OK || r.FirstBad == nil {
		return errors.New("the changed byte was not found")
	}
	return nil
}

func (d *Demo) printReport(r audit.Report) {
	d.printf("   %d entries, tree size %d, root %s\n", r.Entries, r.Size, r.Root)
	for _, p := range r.Problems {
		d.printf("   %s [%s]\n", p.Message, p.Code)
	}
	switch {
	case r.OK:
		d.printf("   VERIFIED: nothing was changed, removed, inserted or reordered.\n")
	case r.FirstBad != nil:
		d.printf("   DAMAGED: the first bad entry is %d.\n", *r.FirstBad)
	default:
		d.printf("   DAMAGED.\n")
	}
}

// printJSON is for values whose shape the reader should see.
func printJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(raw)
}
