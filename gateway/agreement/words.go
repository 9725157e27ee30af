package agreement

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// treatmentWords say what the recipient gets to see under each treatment, from
// the most to the least. The skeleton and the printed agreement share them.
var treatmentWords = []struct {
	treatment release.Treatment
	words     string
}{
	{release.Full, "the whole value"},
	{release.Mask, "masked: the shape of the value, and at most its first letter or its last two characters"},
	{release.Year, "the year only"},
	{release.Month, "the year and month only"},
	{release.AgeBand, "an age band only, such as 18-24"},
	{release.OutwardCode, "the first half of the postcode only"},
	{release.AreaCode, "the local authority only"},
	{release.Pseudonym, "a stand-in in place of the value, the same each time"},
	{release.CountOnly, "counted in area profiles, never shown"},
	{release.Withhold, "nothing: it is withheld"},
}

func inWords(t release.Treatment) string {
	for _, w := range treatmentWords {
		if w.treatment == t {
			return w.words
		}
	}
	return string(t)
}

// day writes a date of an agreement as people do.
func day(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.Format("2 January 2006")
}

// inOrder returns the fields of a dataset in the order of its schema file. A
// field that a definition spells out stands where it is used.
func inOrder(d *dataset.Dataset) []dataset.Field {
	lines, _ := positions(d.Name, d.Schema)
	line := func(f dataset.Field) int {
		at, n := "", 0
		for key := range strings.SplitSeq(strings.TrimPrefix(f.Pointer, "/"), "/") {
			at += "/properties/" + key
			n = cmp.Or(lines[at], n)
		}
		return n
	}
	return slices.SortedStableFunc(slices.Values(d.Fields), func(a, b dataset.Field) int { return cmp.Compare(line(a), line(b)) })
}

// sorted returns the keys of m in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
