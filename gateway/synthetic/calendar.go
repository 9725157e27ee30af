package synthetic

import (
	"fmt"
	"time"
)

// months is the length of the period in which events lie.
const months = 24

// calendar knows the days of a world: whole days, UTC.
type calendar struct {
	today time.Time
	// first is the first day on which an event may lie, days how many there
	// are from it to yesterday.
	first time.Time
	days  int
}

func newCalendar(today time.Time) calendar {
	y, m, d := today.UTC().Date()
	c := calendar{today: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	c.first = c.today.AddDate(0, -months, 1) // a day late, for short months
	c.days = int(c.today.Sub(c.first) / (24 * time.Hour))
	return c
}

func date(t time.Time) string { return t.Format(time.DateOnly) }

// season says how busy each month is, January first, against 1.
type season [12]float64

var (
	// evenly is for what has no season.
	evenly = season{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	// summer is for what happens outdoors and at night: violence, disorder.
	summer = season{0.84, 0.86, 0.94, 0.98, 1.08, 1.14, 1.19, 1.16, 1.03, 0.98, 0.9, 1.02}
	// winter is for what dark evenings favour: burglary.
	winter = season{1.14, 1.08, 1.02, 0.95, 0.92, 0.88, 0.88, 0.9, 0.95, 1.05, 1.14, 1.1}
	// lettings follow the working year of a landlord.
	lettings = season{0.95, 0.97, 1.12, 1.02, 1.04, 1.05, 1.02, 0.98, 1.08, 1.05, 1, 0.72}
)

// day draws a day of the period.
func (c calendar) day(d draw, s season) time.Time {
	const top = 1.2 // no season has a month above it
	for {
		t := c.first.AddDate(0, 0, d.below(c.days))
		if d.r.Float64()*top < s[t.Month()-1] {
			return t
		}
	}
}

// since draws a day of the last so many, the later the likelier.
func (c calendar) since(d draw, days int) time.Time {
	back := min(d.below(days), d.below(days))
	return c.before(back + 1)
}

// before returns the day so many before today.
func (c calendar) before(days int) time.Time { return c.today.AddDate(0, 0, -days) }

// fullMonths returns the first days of the last 24 complete months.
func (c calendar) fullMonths() []time.Time {
	start := time.Date(c.today.Year(), c.today.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -months, 0)
	out := make([]time.Time, months)
	for i := range out {
		out[i] = start.AddDate(0, i, 0)
	}
	return out
}

// schoolDay returns the day itself, or the last day before it, on which schools
// are open.
func schoolDay(t time.Time) time.Time {
	for !schoolOpen(t) {
		t = t.AddDate(0, 0, -1)
	}
	return t
}

// holidays are the times of the year when schools are closed, as month*100+day,
// both ends included.
var holidays = [][2]int{{101, 104}, {214, 220}, {403, 416}, {525, 531}, {722, 902}, {1025, 1031}, {1220, 1231}}

func schoolOpen(t time.Time) bool {
	if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		return false
	}
	day := int(t.Month())*100 + t.Day()
	for _, h := range holidays {
		if day >= h[0] && day <= h[1] {
			return false
		}
	}
	return true
}

// schoolYear returns the calendar year in which the academic year of a day
// began.
func schoolYear(t time.Time) int {
	if t.Month() < time.September {
		return t.Year() - 1
	}
	return t.Year()
}

// academicYear writes it as "2025/26".
func academicYear(t time.Time) string {
	y := schoolYear(t)
	return fmt.Sprintf("%d/%02d", y, (y+1)%100)
}
