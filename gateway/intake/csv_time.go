package intake

import (
	"strings"
	"time"
)

// moment is a date or a time as a cell has it. What it says may not exist: the
// dataset judges that.
type moment struct {
	year, month, day int
	// clock is true where there is a time of day.
	clock                bool
	hour, minute, second int
	fraction             string // ".000"
	zone                 string // "Z", "+01:00", or empty
}

// appendMoment writes a cell in the form that the dataset has for a format, and
// reports false where the cell is left to be judged as it is.
//
// A date may be D/M/YYYY, also with points or hyphens, or have its year in front;
// a time of midnight, which databases add, is left out. A month may be M/YYYY. A
// time without an offset is one of a clock in the United Kingdom.
func appendMoment(b []byte, format, cell string) ([]byte, bool) {
	switch format {
	case "year-month":
		return appendMonth(b, cell)
	case "date", "date-time":
	default:
		return b, false
	}
	m, ok := parseMoment(cell)
	if !ok {
		return b, false
	}
	if format == "date" {
		if m.clock && (m.hour+m.minute+m.second > 0 || strings.Trim(m.fraction, ".0") != "" || m.zone != "") {
			return b, false
		}
		return append(m.appendDate(append(b, '"')), '"'), true
	}
	if !m.clock {
		return b, false
	}
	if m.zone == "" {
		if m.zone, ok = m.ukOffset(); !ok {
			return b, false
		}
	}
	b = m.appendDate(append(b, '"'))
	b = appendPadded(append(b, 'T'), m.hour, 2)
	b = appendPadded(append(b, ':'), m.minute, 2)
	b = appendPadded(append(b, ':'), m.second, 2)
	b = append(append(b, m.fraction...), m.zone...)
	return append(b, '"'), true
}

func appendMonth(b []byte, cell string) ([]byte, bool) {
	month, rest := number(cell, 1, 2)
	if rest == "" || rest[0] != '/' && rest[0] != '-' && rest[0] != '.' {
		return b, false
	}
	year, rest := number(rest[1:], 4, 4)
	if year < 0 || rest != "" {
		return b, false
	}
	b = appendPadded(append(b, '"'), year, 4)
	b = appendPadded(append(b, '-'), month, 2)
	return append(b, '"'), true
}

func (m *moment) appendDate(b []byte) []byte {
	b = appendPadded(b, m.year, 4)
	b = appendPadded(append(b, '-'), m.month, 2)
	return appendPadded(append(b, '-'), m.day, 2)
}

func appendPadded(b []byte, n, width int) []byte {
	if width == 4 {
		b = append(b, byte('0'+n/1000%10), byte('0'+n/100%10))
	}
	return append(b, byte('0'+n/10%10), byte('0'+n%10))
}

// number reads a number of at least low and at most high digits; -1 is none.
func number(s string, low, high int) (int, string) {
	n := countDigits(s)
	if n < low || n > high {
		return -1, ""
	}
	value := 0
	for i := range n {
		value = 10*value + int(s[i]-'0')
	}
	return value, s[n:]
}

func parseMoment(cell string) (moment, bool) {
	var m moment
	rest, ok := m.date(cell)
	if !ok || rest == "" {
		return m, ok
	}
	if rest[0] != ' ' && rest[0] != 'T' {
		return m, false
	}
	m.clock = true
	return m, m.time(strings.TrimLeft(rest[1:], " "))
}

// date reads day, month and year, or year, month and day.
func (m *moment) date(s string) (rest string, ok bool) {
	widths := [3][2]int{{1, 2}, {1, 2}, {4, 4}}
	yearFirst := countDigits(s) == 4
	if yearFirst {
		widths[0], widths[2] = widths[2], widths[0]
	}
	var parts [3]int
	var separator byte
	for i, w := range widths {
		if parts[i], s = number(s, w[0], w[1]); parts[i] < 0 {
			return "", false
		}
		if i == 2 {
			break
		}
		if s == "" || s[0] != '/' && s[0] != '-' && s[0] != '.' || i == 1 && s[0] != separator {
			return "", false
		}
		separator, s = s[0], s[1:]
	}
	m.day, m.month, m.year = parts[0], parts[1], parts[2]
	if yearFirst {
		m.year, m.day = parts[0], parts[2]
	}
	return s, true
}

// time reads hours, minutes, perhaps seconds with a fraction, and perhaps an offset.
func (m *moment) time(s string) bool {
	if m.hour, s = number(s, 1, 2); m.hour < 0 || s == "" || s[0] != ':' {
		return false
	}
	if m.minute, s = number(s[1:], 2, 2); m.minute < 0 {
		return false
	}
	if s != "" && s[0] == ':' {
		if m.second, s = number(s[1:], 2, 2); m.second < 0 {
			return false
		}
		if s != "" && s[0] == '.' {
			n := 1 + countDigits(s[1:])
			if n == 1 || n > 10 {
				return false
			}
			m.fraction, s = s[:n], s[n:]
		}
	}
	m.zone = s
	return s == "" || s == "Z" || len(s) == len("+01:00") && (s[0] == '+' || s[0] == '-')
}

// ukOffset is the offset of a clock in the United Kingdom that shows m, and false
// where it never does: the hour that is left out in spring, a date that does not
// exist, and years before 1996, when other rules held. Of the hour that comes twice
// in autumn it takes the first. Summer time lasts from the last Sunday in March to
// the last in October, both at 01:00 GMT (Summer Time Act 1972 section 1, as
// amended by SI 2002/262); by rule and not from a table, so that all gateways
// answer alike.
func (m *moment) ukOffset() (string, bool) {
	t := time.Date(m.year, time.Month(m.month), m.day, m.hour, m.minute, m.second, 0, time.UTC)
	exists := t.Year() == m.year && int(t.Month()) == m.month && t.Day() == m.day && t.Hour() == m.hour && t.Minute() == m.minute
	if !exists || m.second > 59 || m.year < 1996 {
		return "", false
	}
	start, end := lastSunday(m.year, time.March, 1), lastSunday(m.year, time.October, 2)
	switch {
	case t.Before(start) || !t.Before(end):
		return "Z", true
	case t.Before(start.Add(time.Hour)):
		return "", false
	}
	return "+01:00", true
}

// ukDay is the day in the United Kingdom at a time, "2006-01-02", by the same rule.
func ukDay(t time.Time) string {
	t = t.UTC()
	if !t.Before(lastSunday(t.Year(), time.March, 1)) && t.Before(lastSunday(t.Year(), time.October, 1)) {
		t = t.Add(time.Hour)
	}
	return t.Format(time.DateOnly)
}

// lastSunday is the last Sunday of a month of 31 days, at an hour.
func lastSunday(year int, month time.Month, hour int) time.Time {
	t := time.Date(year, month, 31, hour, 0, 0, 0, time.UTC)
	return t.AddDate(0, 0, -int(t.Weekday()))
}
