// Package quality counts of what quality the data is that partners send: what is
// filled in, what was refused and by which rule, how late it comes.
//
// A Tally is made while a submission is checked and costs a fraction of a
// microsecond a row. It holds numbers, names of fields and codes of rules: nothing
// of any row, so it may stand in a journal in plain. A Summary is the tally of one
// submission with what it was; it is kept as an event of kind "quality" under
// "<provider>/<dataset>/<submission>". Submission ids are UUIDv7, so the ids of a
// provider and dataset are in the order of time, and a History reads only the
// months that are asked for. A Report is what people read: shares, medians.
package quality

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/intake"
)

// Tally counts one submission, or several together. Its zero value is ready. It is
// not safe for concurrent use: workers have one each and merge them.
type Tally struct {
	// Received are all rows; Valid + Rejected + Duplicates of them.
	Received int `json:"received"`
	Valid    int `json:"valid"`
	Rejected int `json:"rejected"`
	// Unchanged are valid rows whose content was stored before.
	Unchanged int `json:"unchanged"`
	// Duplicates are rows that stand in the same submission twice, word for word.
	Duplicates int `json:"duplicates"`
	// OutsideArea are rows of an area that the agreement does not cover.
	OutsideArea int `json:"outside_area"`
	// Fields are the listed fields, sorted by pointer.
	Fields []Field `json:"fields"`
	// Rules are how often each rule refused each field, sorted.
	Rules []Rule `json:"rules"`
	// Dropped, Masked and Found are counts by pointer, by pointer and by kind of
	// identifier.
	Dropped map[string]int `json:"dropped,omitempty"`
	Masked  map[string]int `json:"masked,omitempty"`
	Found   map[string]int `json:"found,omitempty"`
	// Days counts valid rows by the days from event to receipt; see bounds.
	Days []int `json:"days,omitempty"`
}

// Field says in how many valid rows a field is filled in.
type Field struct {
	Pointer string `json:"pointer"`
	Filled  int    `json:"filled"`
}

// Rule says how often a rule refused a field.
type Rule struct {
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	Rows    int    `json:"rows"`
}

// Other is the name under which is counted what has no name that can be shown, or
// what comes after the first maxNames names.
const Other = "(other)"

// maxNames bounds each list of a tally, whatever a partner sends.
const maxNames = 200

// New returns a tally of the listed fields.
func New(listed []string) *Tally {
	t := &Tally{Fields: make([]Field, len(listed)), Rules: []Rule{}}
	for i, pointer := range slices.Sorted(slices.Values(listed)) {
		t.Fields[i].Pointer = pointer
	}
	return t
}

// AddRow counts a valid row that was received at a time.
func (t *Tally) AddRow(c *intake.Checked, received time.Time) {
	t.Received++
	t.Valid++
	for i := range t.Fields {
		if v, ok := c.Row.At(t.Fields[i].Pointer); ok && intake.Filled(v) {
			t.Fields[i].Filled++
		}
	}
	for _, pointer := range c.Dropped {
		t.Dropped = add(t.Dropped, pointer, 1)
	}
	if c.DroppedOther > 0 {
		t.Dropped = add(t.Dropped, Other, c.DroppedOther)
	}
	for _, pointer := range c.Masked {
		t.Masked = add(t.Masked, pointer, 1)
	}
	for _, sort := range c.Found {
		t.Found = add(t.Found, string(sort), 1)
	}
	if days, ok := intake.Days(c.Row.EventDate, received); ok {
		if t.Days == nil {
			t.Days = make([]int, buckets)
		}
		t.Days[bucket(days)]++
	}
}

// AddRejected counts a row that was refused.
func (t *Tally) AddRejected(errs []intake.RowError) {
	t.Received++
	t.Rejected++
	outside := false
	for i := range errs {
		t.rule(errs[i].Code, fieldOf(errs[i].Pointer), 1)
		outside = outside || errs[i].Code == intake.AreaNotAgreed
	}
	if outside {
		t.OutsideArea++
	}
}

// AddDuplicate counts a row that the submission has already.
func (t *Tally) AddDuplicate() {
	t.Received++
	t.Duplicates++
}

// AddUnchanged notes that n of the valid rows were stored before.
func (t *Tally) AddUnchanged(n int) { t.Unchanged += n }

// Merge adds what another tally counted.
func (t *Tally) Merge(o *Tally) {
	t.Received += o.Received
	t.Valid += o.Valid
	t.Rejected += o.Rejected
	t.Unchanged += o.Unchanged
	t.Duplicates += o.Duplicates
	t.OutsideArea += o.OutsideArea
	for _, f := range o.Fields {
		at, found := slices.BinarySearchFunc(t.Fields, f.Pointer, func(f Field, p string) int { return strings.Compare(f.Pointer, p) })
		if !found {
			t.Fields = slices.Insert(t.Fields, at, Field{Pointer: f.Pointer})
		}
		t.Fields[at].Filled += f.Filled
	}
	for _, r := range o.Rules {
		t.rule(r.Code, r.Pointer, r.Rows)
	}
	t.Dropped, t.Masked, t.Found = addAll(t.Dropped, o.Dropped), addAll(t.Masked, o.Masked), addAll(t.Found, o.Found)
	if len(o.Days) == buckets {
		if t.Days == nil {
			t.Days = make([]int, buckets)
		}
		for i, n := range o.Days {
			t.Days[i] += n
		}
	}
}

// rule counts rows that a rule refused.
func (t *Tally) rule(code, pointer string, rows int) {
	want := Rule{Code: code, Pointer: pointer}
	at, found := slices.BinarySearchFunc(t.Rules, want, compareRules)
	if !found && len(t.Rules) >= maxNames && pointer != "" {
		t.rule(code, "", rows) // there are few codes: they come from Concord
		return
	}
	if !found {
		t.Rules = slices.Insert(t.Rules, at, want)
	}
	t.Rules[at].Rows += rows
}

func compareRules(a, b Rule) int {
	return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(a.Pointer, b.Pointer))
}

// fieldOf is a pointer without the indexes of lists.
func fieldOf(pointer string) string {
	for i := 0; i+1 < len(pointer); i++ {
		if pointer[i] == '/' && pointer[i+1] >= '0' && pointer[i+1] <= '9' {
			return pointer[:i]
		}
	}
	return pointer
}

func add(counts map[string]int, name string, n int) map[string]int {
	if counts == nil {
		counts = map[string]int{}
	}
	if _, known := counts[name]; !known && len(counts) >= maxNames {
		name = Other
	}
	counts[name] += n
	return counts
}

func addAll(counts, more map[string]int) map[string]int {
	names := make([]string, 0, len(more))
	for name := range more {
		names = append(names, name)
	}
	slices.Sort(names) // what is over the limit does not depend on chance
	for _, name := range names {
		counts = add(counts, name, more[name])
	}
	return counts
}
