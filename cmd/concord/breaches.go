package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/concord-gateway/concord/gateway/intake"
)

// breach is how often one field breaks one rule.
type breach struct {
	Code string `json:"code"`
	// Field is the column, or else the pointer; empty for the whole row.
	Field string `json:"field,omitempty"`
	Rows  int64  `json:"rows"`
	// Example is the number of the first such row.
	Example int    `json:"example_row"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// breaches counts what is wrong. It holds no value of any row: fields are named as the
// dataset or the header has them.
type breaches map[[2]string]*breach

// mostBreaches bounds how many kinds are told apart, whatever is sent.
const mostBreaches = 10_000

func (b breaches) add(errs []intake.RowError) {
	for _, e := range errs {
		field := cmp.Or(e.Column, e.Pointer)
		key := [2]string{e.Code, field}
		at, ok := b[key]
		if !ok {
			if len(b) >= mostBreaches {
				continue
			}
			at = &breach{Code: e.Code, Field: field, Example: e.Row, Message: e.Message, Remedy: e.Remedy}
			b[key] = at
		}
		at.Rows++
	}
}

// sorted has the most frequent first.
func (b breaches) sorted() []*breach {
	return slices.SortedFunc(maps.Values(b), func(x, y *breach) int {
		return cmp.Or(cmp.Compare(y.Rows, x.Rows), cmp.Compare(x.Example, y.Example), cmp.Compare(x.Field, y.Field), cmp.Compare(x.Code, y.Code))
	})
}

// print writes the most frequent for a person.
func (b breaches) print(w io.Writer) {
	const most = 10
	all := b.sorted()
	for _, x := range all[:min(most, len(all))] {
		where := "the whole row"
		if x.Field != "" {
			where = x.Field
		}
		_, _ = fmt.Fprintf(w, "\n  %s, %s: %s, for example row %s\n    %s\n    %s\n",
			x.Code, where, rowCount(x.Rows), commas(int64(x.Example)), x.Message, x.Remedy)
	}
	if n := len(all) - most; n > 0 {
		_, _ = fmt.Fprintf(w, "\n  and %s other kinds, which the error file has\n", commas(int64(n)))
	}
}
