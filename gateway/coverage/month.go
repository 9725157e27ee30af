package coverage

import (
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Month counts calendar months in UTC, so that they can be added and compared.
type Month int

// MonthOf is the month of a time.
func MonthOf(t time.Time) Month {
	t = t.UTC()
	return Month(t.Year()*12 + int(t.Month()) - 1)
}

// ParseMonth reads "2006-01".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthForm, s)
	if err != nil {
		return 0, fault.New(fault.Invalid, "coverage.ParseMonth", "A month is written YYYY-MM.").WithCode("month-format")
	}
	return MonthOf(t), nil
}

const monthForm = "2006-01"

// Add returns the month so many months later.
func (m Month) Add(n int) Month { return m + Month(n) }

// Start is the first moment of the month.
func (m Month) Start() time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC)
}

func (m Month) String() string { return m.Start().Format(monthForm) }

// Range is the months from one to another, both included.
type Range struct{ From, To Month }

// maxMonths is the longest range.
const maxMonths = 36

// NewRange reads a range; what is empty is the last year up to the month of now.
func NewRange(from, to string, now time.Time) (Range, error) {
	const year = 12
	r := Range{To: MonthOf(now)}
	var err error
	if to != "" {
		if r.To, err = ParseMonth(to); err != nil {
			return Range{}, err
		}
	}
	r.From = r.To.Add(1 - year)
	if from != "" {
		if r.From, err = ParseMonth(from); err != nil {
			return Range{}, err
		}
	}
	if r.From > r.To || r.To-r.From >= maxMonths {
		return Range{}, fault.New(fault.Invalid, "coverage.NewRange", "Ask for one month to 36 months, the earlier first.").WithCode("month-range")
	}
	return r, nil
}
