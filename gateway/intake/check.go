package intake

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
)

// Checker holds rows against a dataset and an agreement, in this order: the
// dataset's schema, the fields that the agreement lists, what a schema cannot say
// (a date in the future, an area that is not covered), and what free text holds. It
// is safe for concurrent use.
type Checker struct {
	ds        *dataset.Dataset
	selection dataset.Selection
	// listed are the fields of the dataset that the agreement lists.
	listed []string
	areas  []string
	today  string
	// free are the fields of free text, named those that hold names, and born those
	// that hold dates of birth.
	free, named, born []string
	// anonymous says that free text may identify nobody; masks, that what does is
	// hidden instead of the row refused.
	anonymous, masks bool
}

// Checked is a row that is right.
type Checked struct {
	Row *dataset.Row
	// Completeness is how many of the fields that the agreement lists and the
	// dataset has are filled in, in per cent.
	Completeness int
	// Dropped are the pointers of the fields that were sent and are not kept,
	// sorted. A name that could be a value in the place of a name is not among
	// them; DroppedOther counts these.
	Dropped      []string
	DroppedOther int
	// Masked are the pointers of free text in which identifiers were masked.
	Masked []string
	// Found are the sorts of identifier that stand in free text of a dataset that is
	// not anonymous, each once.
	Found []Sort
}

// drop is the agreement's word for leaving out what it does not list.
const drop = "drop"

// NewChecker returns what checks the rows of one submission. now decides what is
// in the future.
func NewChecker(ds *dataset.Dataset, terms *agreement.Terms, now time.Time) *Checker {
	c := &Checker{
		ds: ds, areas: terms.Areas, today: ukDay(now),
		selection: dataset.Selection{Listed: map[string]bool{}, Drop: terms.Unlisted == drop},
	}
	for pointer := range terms.Fields {
		name, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
		c.selection.Listed[name] = true
	}
	for i := range ds.Fields {
		if terms.Fields[ds.Fields[i].Pointer] {
			c.listed = append(c.listed, ds.Fields[i].Pointer)
		}
		t := ds.Fields[i].Identifier
		if t == dataset.GivenName || t == dataset.FamilyName {
			c.named = append(c.named, ds.Fields[i].Pointer)
		}
		if t == dataset.DateOfBirth {
			c.born = append(c.born, ds.Fields[i].Pointer)
		}
	}
	c.free, c.anonymous, c.masks = ds.FreeText(), ds.Kind == dataset.Anonymous, terms.FreeText == agreement.MaskFreeText
	return c
}

// Check answers the row or what is wrong with it: exactly one of the two is set.
// It does not keep row.
func (c *Checker) Check(row *Row) (*Checked, []RowError) {
	if len(row.Problems) > 0 {
		return nil, row.Problems
	}
	taken, problems := c.ds.Take(row.Raw, c.selection)
	if len(problems) > 0 {
		return nil, rowErrors(row.N, problems)
	}
	if errs := c.plausible(row.N, taken.Row); len(errs) > 0 {
		return nil, errs
	}
	out := &Checked{Row: taken.Row, Completeness: c.completeness(taken.Row)}
	if errs := c.freeText(row.N, taken, out); len(errs) > 0 {
		return nil, errs
	}
	out.dropped(taken.Dropped)
	return out, nil
}

// Listed are the pointers of the fields that the agreement lists and the dataset
// has, sorted.
func (c *Checker) Listed() []string { return slices.Clone(c.listed) }

// plausible checks what a schema cannot say.
func (c *Checker) plausible(n int, row *dataset.Row) []RowError {
	var errs []RowError
	if row.EventDate > c.today {
		errs = append(errs, inFuture(n, c.ds.EventDate, "The date of the event is in the future."))
	}
	for _, pointer := range c.born {
		v, _ := row.At(pointer)
		if born, _ := v.(string); born > c.today {
			errs = append(errs, inFuture(n, pointer, "The date of birth is in the future."))
		}
	}
	if row.Area != "" && len(c.areas) > 0 && !slices.Contains(c.areas, row.Area) {
		errs = append(errs, RowError{
			Row: n, Pointer: c.ds.Area, Code: AreaNotAgreed,
			Message: "The agreement does not cover this local authority.",
			Remedy:  "Send only rows of the areas that the agreement lists.",
		})
	}
	return errs
}

func inFuture(n int, pointer, message string) RowError {
	return RowError{Row: n, Pointer: pointer, Code: "date-in-future", Message: message, Remedy: "Check the date."}
}

// AreaNotAgreed is the code of a row outside the area of the agreement.
const AreaNotAgreed = "area-not-agreed"

// completeness counts the listed fields that are filled in.
func (c *Checker) completeness(row *dataset.Row) int {
	if len(c.listed) == 0 {
		return 100
	}
	filled := 0
	for _, pointer := range c.listed {
		if v, ok := row.At(pointer); ok && Filled(v) {
			filled++
		}
	}
	return filled * 100 / len(c.listed)
}

// Filled reports whether a value of a row says something.
func Filled(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

// dropped notes which fields were left out.
func (c *Checked) dropped(fields map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if dataset.PlausibleName(name) {
			c.Dropped = append(c.Dropped, "/"+name)
		} else {
			c.DroppedOther++
		}
	}
}

func rowErrors(n int, problems []dataset.Problem) []RowError {
	errs := make([]RowError, len(problems))
	for i, p := range problems {
		errs[i] = RowError{Row: n, Pointer: p.Pointer, Code: p.Code, Message: p.Message, Remedy: p.Remedy}
	}
	return errs
}

// Days counts the days from the date of an event, "2006-01-02", to the day of a
// time in UTC, and reports whether there is a date. An event of the same or a
// later day counts zero.
func Days(event string, received time.Time) (int, bool) {
	day, err := time.Parse(time.DateOnly, event)
	if err != nil {
		return 0, false
	}
	const dayLength = 24 * time.Hour
	return max(int(received.UTC().Truncate(dayLength).Sub(day)/dayLength), 0), true
}
