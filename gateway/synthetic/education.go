package synthetic

import (
	"fmt"
	"time"
)

// The reasons for exclusion. Two codes came with the academic year 2025/26.
var (
	reasonsBefore = []share{
		{"DB", 38}, {"PP", 15}, {"VA", 14}, {"PA", 7}, {"VP", 6}, {"DA", 7}, {"OW", 4}, {"DM", 3}, {"MT", 3}, {"BU", 1}, {"RA", 2},
		{"TH", 2}, {"SM", 1}, {"DS", 1}, {"LG", 1}, {"PH", 1},
	}
	reasonsSince = append([]share{{"BW", 4}, {"MP", 3}, {"OS", 1}}, reasonsBefore...)
)

// newCodes is the first academic year of the longer list.
const newCodes = 2025

// exclusions returns suspensions and permanent exclusions. A few pupils have
// several.
func (w *World) exclusions() []map[string]any {
	d := w.draw(streamExclusions)
	out := w.storyExclusions()
	pupils := d.shuffled(w.crowd.pupils)
	pupils = pupils[:min(len(pupils), w.size(150))]
	for n := len(out) + 1; len(pupils) > 0 && n <= w.size(260); n++ {
		p := w.people[pupils[d.below(len(pupils))]]
		day := schoolDay(w.cal.day(d, evenly))
		if day.Before(w.cal.first) {
			day = schoolDay(w.cal.before(30))
		}
		kind := "SUSP"
		if d.chance(0.07) {
			kind = "PERM"
		}
		row := exclusion(exclusionSource(n), p, day, kind, reasons(d, day)...)
		if kind == "SUSP" {
			row["sessions"] = 2 * d.between(1, 5)
		}
		if d.chance(0.75) {
			row["sen_provision"] = pickShare(d, []share{{"none", 56}, {"sen_support", 34}, {"ehc_plan", 10}})
		}
		out = append(out, row)
	}
	return out
}

func exclusionSource(n int) string { return fmt.Sprintf("EX-%06d", n) }

// exclusion is one row.
func exclusion(source string, p Person, day time.Time, kind string, why ...string) map[string]any {
	return p.named(source, judged(map[string]any{
		"upn": p.UPN, "school_urn": p.school, "academic_year": academicYear(day), "exclusion_type": kind, "reasons": why,
		"start_date": date(day),
	}, fact, notKnown))
}

// reasons draws one to three reasons of the list of that day.
func reasons(d draw, day time.Time) []string {
	table := reasonsBefore
	if schoolYear(day) >= newCodes {
		table = reasonsSince
	}
	out := []string{pickShare(d, table)}
	for _, more := range []float64{0.35, 0.1} {
		if r := pickShare(d, table); d.chance(more) && r != out[0] && r != out[len(out)-1] {
			out = append(out, r)
		}
	}
	return out
}

// expelled is how many days ago the child of the story was excluded for good.
const expelled = 150

// storyExclusions are the child's: two suspensions, then the end.
func (w *World) storyExclusions() []map[string]any {
	p := w.people[castChild]
	first := exclusion(exclusionSource(1), p, schoolDay(w.cal.before(expelled+160)), "SUSP", "DB", "TH")
	second := exclusion(exclusionSource(2), p, schoolDay(w.cal.before(expelled+70)), "SUSP", "DA")
	first["sessions"], second["sessions"] = 4, 10
	last := exclusion(exclusionSource(3), p, schoolDay(w.cal.before(expelled)), "PERM", "DA", "OW")
	for _, row := range []map[string]any{first, second, last} {
		row["sen_provision"] = "sen_support"
	}
	return []map[string]any{first, second, last}
}

// detention is the code for a session missed in criminal justice detention.
const detention = "Y5"

// absences are the codes of sessions that were not attended.
var absences = []share{
	{"I", 34}, {"O", 26}, {"U", 6}, {"N", 8}, {"G", 4}, {"M", 8}, {"E", 5}, {"C", 4}, {"R", 1}, {"S", 1}, {"X", 1}, {"D", 1}, {"Q", 1},
	{"Y2", 1}, {"T", 1}, {detention, 1},
}

// elsewhere are the codes of sessions attended in another place.
var elsewhere = []share{{"B", 30}, {"V", 25}, {"P", 20}, {"W", 10}, {"K", 15}}

// register writes sessions of one pupil.
type register struct {
	rows []map[string]any
}

// attendance returns sessions of the register: ten school days of each of some
// pupils, and those of the story's child.
func (w *World) attendance() []map[string]any {
	const sessions = 20
	d := w.draw(streamAttendance)
	var r register
	w.storyAttendance(&r)
	want := w.size(3000)
	for _, i := range d.shuffled(w.crowd.pupils) {
		if len(r.rows)+sessions > want {
			break
		}
		// Pupils whom services know miss more than others.
		missing := 0.04 + 0.4*d.r.Float64()*d.r.Float64()
		day := w.cal.day(d, evenly)
		if earliest := w.cal.first.AddDate(0, 3, 0); day.Before(earliest) {
			day = earliest
		}
		for range sessions / 2 {
			day = schoolDay(day)
			r.session(w.people[i], day, "AM", sessionCode(d, missing, "/"), d)
			r.session(w.people[i], day, "PM", sessionCode(d, missing, "\\"), d)
			day = day.AddDate(0, 0, -1)
		}
	}
	return r.rows
}

func sessionCode(d draw, missing float64, present string) string {
	switch {
	case d.chance(missing):
		return pickShare(d, absences)
	case d.chance(0.03):
		return pickShare(d, elsewhere)
	case present == "/" && d.chance(0.05):
		return "L"
	default:
		return present
	}
}

func (r *register) session(p Person, day time.Time, half, code string, d draw) {
	row := map[string]any{
		"upn": p.UPN, "school_urn": p.school, "academic_year": academicYear(day), "year_group": yearGroup(p, day),
		"session_date": date(day), "session": half, "code": code,
	}
	if code == "L" {
		row["minutes_late"] = d.between(1, 29)
	}
	r.rows = append(r.rows, p.named(fmt.Sprintf("AT-%07d", len(r.rows)+1), judged(row, fact, notKnown)))
}

// yearGroup is the national curriculum year: that of children who are eleven
// when the school year begins is year 7.
func yearGroup(p Person, day time.Time) int {
	return p.age(time.Date(schoolYear(day), time.August, 31, 0, 0, 0, 0, time.UTC)) - 4
}

// storyAttendance is the child's register of the nine school days before the
// permanent exclusion, the last day first: late, then missing, then a night in
// detention.
func (w *World) storyAttendance(r *register) {
	p, d := w.people[castChild], w.draw(streamAttendance)
	codes := [][2]string{{"E", "E"}, {"N", "O"}, {detention, "N"}, {"O", detention}, {"/", "N"}, {"O", "O"}, {"L", "O"}, {"L", "\\"}, {"/", "\\"}}
	day := w.cal.before(expelled + 2)
	for _, c := range codes {
		day = schoolDay(day)
		r.session(p, day, "AM", c[0], d)
		r.session(p, day, "PM", c[1], d)
		day = day.AddDate(0, 0, -1)
	}
}
