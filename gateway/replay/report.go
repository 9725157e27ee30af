package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Text is the report in plain English, for a terminal. It names entries of the
// log, and nobody.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "requests        %d in the log\n", r.Requests)
	fmt.Fprintf(&b, "decided again   %d, of which %d identical and %d different\n", r.Decisions, r.Identical, r.DifferingCount)
	for _, reason := range slices.Sorted(maps.Keys(r.NotReplayable)) {
		fmt.Fprintf(&b, "not replayable  %d: %s\n", r.NotReplayable[reason], reason.words())
	}
	for _, v := range r.Revisions {
		fmt.Fprintf(&b, "revision        %s  %d identical, %d different, %d not replayable\n", v.Revision, v.Identical, v.Differing, v.NotReplayable)
	}
	for _, d := range r.Differing {
		fmt.Fprintf(&b, "DIFFERS         entry %d: %s\n", d.Index, strings.Join(d.What, ", "))
	}
	if rate := r.Took.Seconds(); rate > 0 {
		fmt.Fprintf(&b, "took            %s, %.0f requests a second\n", r.Took.Round(time.Millisecond), float64(r.Requests)/rate)
	}
	if r.OK() {
		b.WriteString("result          IDENTICAL: the rules that the log names decide what the log says\n")
	} else {
		b.WriteString("result          DIFFERENT, or something that ought to be there is missing\n")
	}
	return b.String()
}

// words says a reason in words.
func (r Reason) words() string {
	switch r {
	case NoFacts:
		return "refused before the rules were asked"
	case KeyDestroyed:
		return "past their retention, the key is destroyed"
	case Damaged:
		return "the entry is not what was written"
	case FactsUnreadable:
		return "the facts are not a question to these rules"
	case NoArchive:
		return "the rules were not archived"
	case ArchiveDamaged:
		return "what is archived is not what was in force"
	case Undecided:
		return "the rules failed to decide now"
	case Unanswered:
		return "the rules have no whole answer"
	}
	return string(r)
}
