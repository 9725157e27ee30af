package release

import (
	"slices"
	"strconv"
	"time"
)

// A period is a calendar month "2025-03", a quarter "2025-Q1" or a year "2025".
const monthLayout = "2006-01"

// Months lists the months from..to, both included, in order. It is nil where
// either is not a month or they are the wrong way round.
func Months(from, to string) []string {
	first, errFirst := time.Parse(monthLayout, from)
	last, errLast := time.Parse(monthLayout, to)
	if errFirst != nil || errLast != nil {
		return nil
	}
	var months []string
	for m := first; !m.After(last); m = m.AddDate(0, 1, 0) {
		months = append(months, m.Format(monthLayout))
	}
	return months
}

// QuarterOf is the calendar quarter of a month, or "" if it is not a month.
func QuarterOf(month string) string {
	t, err := time.Parse(monthLayout, month)
	if err != nil {
		return ""
	}
	return t.Format("2006") + "-Q" + strconv.Itoa((int(t.Month())+2)/3)
}

// YearOf is the calendar year of a month, or "" if it is not a month.
func YearOf(month string) string {
	t, err := time.Parse(monthLayout, month)
	if err != nil {
		return ""
	}
	return t.Format("2006")
}

// Tiles covers the months from..to exactly with the fewest calendar periods:
// whole years where they fit, else whole quarters, else months, in order. It is
// nil where Months is.
func Tiles(from, to string) []string {
	months := Months(from, to)
	tiles := make([]string, 0, len(months))
	for i := 0; i < len(months); {
		name, n := months[i], 1
		for _, p := range []struct {
			of func(string) string
			n  int
		}{{YearOf, 12}, {QuarterOf, 3}} {
			if covers(months[i:], p.of, p.n) {
				name, n = p.of(months[i]), p.n
				break
			}
		}
		tiles = append(tiles, name)
		i += n
	}
	return slices.Clip(tiles)
}

// covers tells whether the next n months are one whole period.
func covers(months []string, of func(string) string, n int) bool {
	return len(months) >= n && of(months[0]) == of(months[n-1])
}
