package main

import (
	"errors"
	"fmt"
)

// report prints what was found. Its error is the exit code.
func (v *validateCmd) report(c *console, k *check) error {
	if v.JSON {
		if err := printJSON(c.out, struct {
			*check

			File      string    `json:"file"`
			Dataset   string    `json:"dataset"`
			Agreement string    `json:"agreement,omitempty"`
			Breaches  []*breach `json:"breaches"`
		}{k, v.File, v.Dataset, v.Agreement, k.found.sorted()}); err != nil {
			return err
		}
	} else {
		v.print(c, k)
	}
	switch {
	case k.Unreadable != "":
		return errors.New("the file cannot be read to its end")
	case k.Rejected > 0:
		return errRejected
	}
	return nil
}

// print says it to a person.
func (v *validateCmd) print(c *console, k *check) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }
	say("%s as %s", v.File, v.Dataset)
	if v.Agreement != "" {
		say(" under %s", v.Agreement)
	}
	say("\n\nread       %11s   rows\ngood       %11s", commas(k.Read), commas(k.Good))
	if k.Repeated > 0 {
		say("   of which %s the same as an earlier one", commas(k.Repeated))
	}
	say("\nrejected   %11s\n", commas(k.Rejected))
	if k.Unreadable != "" {
		say("\nAfter row %s the file cannot be read: %s\n", commas(k.Read), k.Unreadable)
	}
	if k.Rejected > 0 {
		say("\nWhat is wrong most often:\n")
		k.found.print(c.out)
	}
	say("\n")
	if v.Agreement == "" {
		say("note       only the rules of the dataset were checked: --agreement ID checks what the agreement says too\n")
	}
	switch {
	case k.Unreadable != "":
		say("next       put the file right where it breaks off, and check it again\n")
	case k.ErrorFile != "":
		say("errors     %s, which holds personal data\n", k.ErrorFile)
		say("next       correct the rows at their source, or submit FILE and then, corrected, the error file\n")
	case k.Rejected > 0:
		say("next       --errors OUT.csv writes the rejected rows into a file, each with what is wrong\n")
	default:
		say("next       concord submit %s --dataset %s --agreement %s --server URL\n", v.File, v.Dataset, orElse(v.Agreement, "ID"))
	}
}
