package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/concord-gateway/concord/gateway/audit"
)

// printReport writes a report for a person.
func printReport(w io.Writer, r audit.Report) error {
	var b strings.Builder
	if r.From > 0 {
		fmt.Fprintf(&b, "verified before   %d entries\n", r.From)
	}
	fmt.Fprintf(&b, "entries     %d in %d batches\n", r.Entries, r.Batches)
	fmt.Fprintf(&b, "tree size   %d\n", r.Size)
	fmt.Fprintf(&b, "root        %s\n", r.Root)
	if r.Checkpoint > 0 {
		fmt.Fprintf(&b, "published   %d entries\n", r.Checkpoint)
	}
	if r.Receipt != nil {
		b.WriteString(receiptText(r.Receipt))
	}
	printProblems(&b, r.Problems)
	switch {
	case r.OK:
		b.WriteString("result      VERIFIED: nothing was changed, removed, inserted or reordered\n")
	case r.FirstBad != nil:
		fmt.Fprintf(&b, "result      DAMAGED: first bad entry is %d\n", *r.FirstBad)
	default:
		b.WriteString("result      DAMAGED\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printProblems(b *strings.Builder, problems []audit.Problem) {
	for _, p := range problems {
		fmt.Fprintf(b, "problem     %s [%s]\n", p.Message, p.Code)
	}
}

// receiptText says what became of a receipt. Where it was not kept, both signed
// heads are printed: together they are the proof.
func receiptText(r *audit.ReceiptReport) string {
	switch {
	case r.Kept && r.Published:
		return fmt.Sprintf("receipt     entry %d is in the published log, as promised\n", r.Index)
	case r.Kept:
		return fmt.Sprintf("receipt     entry %d is in the log, as promised, but in no published checkpoint yet\n", r.Index)
	default:
		return fmt.Sprintf("receipt     entry %d is NOT in the log. What the gateway signed for it:\n%s\nWhat it signed for the log:\n%s\n",
			r.Index, indent(r.Head), indent(r.LogHead))
	}
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// printEntry writes what became of one entry.
func printEntry(w io.Writer, r audit.EntryReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "entry       %d of %d\n", r.Index, r.Size)
	if e := r.Entry; e != nil {
		fmt.Fprintf(&b, "time        %s\naction      %s\nactor       %s, %s\n", e.Time, e.Action, e.Actor.Subject, e.Actor.Agency)
		if e.Purpose != "" {
			fmt.Fprintf(&b, "purpose     %s\n", e.Purpose)
		}
		if e.Provider != "" {
			fmt.Fprintf(&b, "provider    %s, number %d of its chain\n", e.Provider, e.ProviderSeq)
		}
	}
	if r.Problem != nil {
		printProblems(&b, []audit.Problem{*r.Problem})
	}
	if r.OK {
		b.WriteString("result      VERIFIED: the entry is in the published log, as it stands here\n")
	} else {
		b.WriteString("result      NOT PROVEN\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printRegister writes what became of a partner's register.
func printRegister(w io.Writer, r audit.RegisterReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "provider    %s\n", r.Provider)
	fmt.Fprintf(&b, "published   %d entries of the log; %d of them about this provider's data\n", r.Size, r.Uses)
	if r.Later > 0 {
		fmt.Fprintf(&b, "later       %d entries that were not published yet when the register was fetched\n", r.Later)
	}
	if len(r.Counts) > 0 {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
		_, _ = fmt.Fprintln(t, "\ndataset\tpurpose\tmonth\tdisclosed\trecords\tdenied")
		for _, c := range r.Counts {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\n", c.Dataset, c.Purpose, c.Month, c.Disclosed, c.Records, c.Denied)
		}
		_ = t.Flush() // into memory
		b.WriteString("\n")
	}
	printProblems(&b, r.Problems)
	if r.OK {
		b.WriteString("result      VERIFIED: every use that the published log holds in this provider's chain is here, none missing, none changed\n")
	} else {
		b.WriteString("result      DAMAGED\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
