package agreement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// conditionNames are the attributes of a row condition that are not pointers.
var conditionNames = []string{"event_date", "area", "date_of_birth", "subject_category"}

// areaCode is an ONS code, or the code of a local policing area.
var areaCode = regexp.MustCompile(`^(?:[EWSN]\d{8}|lpa:[a-z0-9]+(?:-[a-z0-9]+)*)$`)

// rows checks row conditions. Where attribute, operation and value do not fit each
// other, package release denies every row and nobody is told why, so that it is
// refused here; and so is a value that can never occur among others that can.
func (c *checker) rows(at string, rows []release.Condition, d *dataset.Dataset) {
	for i, r := range rows {
		here := fmt.Sprintf("%s/%d", at, i)
		pointer, ok := attribute(r.Attr, d)
		switch {
		case ok:
			if what, fits := misfit(r, pointer, d); !fits {
				c.add(here+"/value", "condition-value",
					fmt.Sprintf("%q and its value do not fit %q, so that the condition would not mean what it says", r.Op, r.Attr), what)
			}
		case strings.HasPrefix(r.Attr, "/"):
			c.add(here+"/attr", "field-unknown", fmt.Sprintf("the dataset %s has no field %q", d.Name, r.Attr),
				"name a field of the dataset's schema")
		case slices.Contains(conditionNames, r.Attr):
			c.add(here+"/attr", "attribute-unknown",
				fmt.Sprintf("the dataset %s has no %s, so that no row would ever be released", d.Name, r.Attr),
				"name a field of the dataset by its JSON pointer")
		default:
			c.add(here+"/attr", "attribute-unknown",
				fmt.Sprintf("there is no attribute %q, so that no row would ever be released", r.Attr),
				"name a field of the dataset, or one of "+strings.Join(conditionNames, ", "))
		}
	}
}

// attribute returns the pointer of the field that an attribute stands for.
func attribute(attr string, d *dataset.Dataset) (string, bool) {
	pointer := attr
	switch attr {
	case "event_date":
		pointer = d.EventDate
	case "area":
		pointer = d.Area
	case "date_of_birth", "subject_category":
		pointer = "/" + attr
	}
	_, ok := d.Field(pointer)
	return pointer, ok
}

// misfit tells whether an operation and its value fit the field, and if not
// what would.
func misfit(r release.Condition, pointer string, d *dataset.Dataset) (remedy string, fits bool) {
	form, _ := d.Form(pointer)
	// The event date of a record is a whole day, whatever the field's format.
	dated := form.Format == "date" || form.Format == "date-time" || r.Attr == "event_date"
	number, isNumber := r.Value.(float64)
	switch r.Op {
	case "eq":
		return "give one value that the field can have", form.Type != "array" && d.Admits(pointer, r.Value)
	case "in":
		return "give a list of values that the field can have; a field that is itself a list cannot be compared",
			form.Type != "array" && every(r.Value, func(v any) bool { return d.Admits(pointer, v) })
	case "gte", "lte":
		if dated {
			return "give a date written YYYY-MM-DD", isDate(r.Value)
		}
		numeric := form.Type == "integer" || form.Type == "number"
		return "give a number for a field that holds numbers, or a date for one that holds dates; nothing else has an order",
			isNumber && numeric
	case "age_gte", "age_lte":
		return "give a number of years, for a field that holds a date", dated && isNumber && number >= 0
	case "within_days":
		return "give a number of days, for a field that holds a date", dated && isNumber && number >= 0
	case "area_in":
		return "give ONS codes or codes like lpa:north-worcestershire, for a field that holds an ONS code",
			form.Format == "ons-code" && (isArea(r.Value) || every(r.Value, isArea))
	}
	return "use one of the operations of schemas/" + schemaFile, false
}

// every reports whether the value is a list with items, all of which hold.
func every(value any, holds func(any) bool) bool {
	list, ok := value.([]any)
	return ok && len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return !holds(v) })
}

func isArea(value any) bool {
	code, ok := value.(string)
	return ok && areaCode.MatchString(code)
}

func isDate(value any) bool {
	text, ok := value.(string)
	_, err := time.Parse(time.DateOnly, text)
	return ok && err == nil
}
