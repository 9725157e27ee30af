package main

import (
	"fmt"

	"github.com/concord-gateway/concord/gateway/client"
)

// report prints what became of the rows. Its error is the exit code.
func (s *submitCmd) report(c *console, out *outcome) error {
	if s.JSON {
		if err := printJSON(c.out, out); err != nil {
			return err
		}
	} else {
		s.print(c, out)
	}
	switch out.State {
	case client.Complete, client.DryRun, client.Rejected:
		if out.Rejected > 0 {
			return errRejected
		}
		return nil
	case client.Processing, client.Paused, client.Uploading:
		return nil
	default:
		return fmt.Errorf("the submission %s has ended as %s: the same command again begins anew", out.ID, out.State)
	}
}

// print says it to a person.
func (s *submitCmd) print(c *console, out *outcome) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }
	say("%s as %s under %s: %s\n\n", s.File, s.Dataset, s.Agreement, stateInWords(out.State))
	if !out.State.Ended() {
		say("submission  %s\nnext        run the same command again without --no-wait to see what became of it\n", out.ID)
		return
	}
	for _, line := range []struct {
		name  string
		count int64
		what  string
	}{
		{"received", out.Received, "rows in the file"}, {"accepted", out.Accepted, "new"},
		{"unchanged", out.Unchanged, "there already, and the same"}, {"corrected", out.Corrected, "replace an older version"},
		{"rejected", out.Rejected, "not taken"},
	} {
		say("%-10s %11s   %s\n", line.name, commas(line.count), line.what)
	}
	found := breaches{}
	found.add(out.Errors)
	if len(found) > 0 {
		say("\nWhat is wrong most often:\n")
		found.print(c.out)
	}
	say("\nsubmission  %s\n", out.ID)
	if out.AuditIndex != nil {
		say("log         entry %d\n", *out.AuditIndex)
	}
	if out.ReceiptFile != "" {
		say("receipt     %s\n", out.ReceiptFile)
	}
	if out.State == client.DryRun && out.Rejected > 0 {
		say("next        concord validate --errors OUT.csv writes the rejected rows into a file; a dry run keeps none\n")
	}
	if out.ErrorFile != "" {
		say("errors      %s, which holds personal data\n", out.ErrorFile)
		say("next        correct the rows in it and submit it as it is; delete it then\n")
	}
}

// stateInWords says what a state means for the sender.
func stateInWords(s client.State) string {
	switch s {
	case client.Complete:
		return "done"
	case client.Rejected:
		return "refused as a whole, because a row is wrong; nothing was taken"
	case client.DryRun:
		return "checked; nothing was stored"
	case client.Processing, client.Paused, client.Uploading:
		return "the gateway is at work on it"
	case client.Interrupted, client.Cancelled, client.Failed:
		return "ended before its end (" + string(s) + "); the rows taken by then stay"
	}
	return string(s)
}
