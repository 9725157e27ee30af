package profile

import (
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/release"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// The marks of a cell in a profile.
const (
	markSuppressed = "*"
	markRolledUp   = "r"
	markNoData     = "-"
)

// areaCell is one published count. Count is null where Mark says why.
type areaCell struct {
	Area   string   `json:"area"`
	Count  *int     `json:"count"`
	Mark   string   `json:"mark"`
	Period string   `json:"period"`
	Rate   *float64 `json:"rate"`
}

// comparator is the same count for the whole force area.
type comparator struct {
	Area  string `json:"area"`
	Count *int   `json:"count"`
	Mark  string `json:"mark"`
}

// trend compares the time asked for with the same months a year before. Change
// is "up", "down", "flat", or "unknown" where a cell is suppressed or missing.
type trend struct {
	Change string `json:"change"`
	From   string `json:"from"`
	To     string `json:"to"`
}

// view reads cells of one edition for one question. Everything in it is a
// reading of published cells: it can give away nothing that they do not.
type view struct {
	rules    *rulebook.Rules
	edition  *edition
	question AreaQuestion
}

func (v view) indicator(g policy.GroupDecision, ds *dataset.Dataset, ind dataset.Indicator, agreement string) areaIndicator {
	series := v.edition.series[seriesKey{Provider: g.Provider, Dataset: ds.Name, Indicator: ind.ID}]
	return areaIndicator{
		ID: ind.ID, Title: ind.Title, Dataset: ds.Name, Provider: g.Provider, Agreement: agreement,
		Cells: v.cells(series), Trend: v.trend(series), Comparator: v.comparator(series),
	}
}

// cells lists the cells that the question asks for, each followed by the
// coarser published cell where its own is suppressed.
func (v view) cells(series release.Series) []areaCell {
	areas := []string{v.question.Area}
	if v.question.By == ByArea {
		if children := v.rules.Places.Children(v.question.Area); len(children) > 0 {
			areas = children
		}
	}
	out := []areaCell{}
	added := map[release.CellKey]bool{}
	add := func(k release.CellKey, c areaCell) {
		if !added[k] {
			added[k] = true
			out = append(out, c)
		}
	}
	for _, area := range areas {
		for _, period := range v.periods() {
			key := release.CellKey{Area: area, Period: period}
			cell := v.cell(series, key)
			if cell.Mark == markSuppressed {
				if up, ok := v.rollUp(series, key); ok {
					cell.Mark = markRolledUp
					add(key, cell)
					add(up, v.cell(series, up))
					continue
				}
			}
			add(key, cell)
		}
	}
	return out
}

// periods are the calendar periods of the question's breakdown. With none or
// area they are the fewest that make up the time asked for.
func (v view) periods() []string {
	q := v.question
	switch q.By {
	case ByMonth:
		return release.Months(q.From, q.To)
	case ByQuarter:
		return v.quarters()
	default:
		return release.Tiles(q.From, q.To)
	}
}

// quarters are the whole quarters of the time asked for; months at the ends
// that make up no whole quarter stand for themselves.
func (v view) quarters() []string {
	months := release.Months(v.question.From, v.question.To)
	inQuarter := map[string]int{}
	for _, m := range months {
		inQuarter[release.QuarterOf(m)]++
	}
	var out []string
	done := map[string]bool{}
	for _, m := range months {
		q := release.QuarterOf(m)
		switch {
		case inQuarter[q] < 3:
			out = append(out, m)
		case !done[q]:
			done[q] = true
			out = append(out, q)
		}
	}
	return out
}

// cell reads one published cell; what the edition does not hold is no data.
func (v view) cell(series release.Series, key release.CellKey) areaCell {
	out := areaCell{Area: key.Area, Period: key.Period, Mark: markNoData}
	c, ok := series.Cells[key]
	if !ok {
		return out
	}
	out.Mark = c.Mark
	if c.Mark == "" {
		out.Count = &c.Count
	}
	return out
}

// rollUp finds the nearest coarser period inside the time asked for whose cell
// is published, or else the area asked for when the cell is of one inside it.
func (v view) rollUp(series release.Series, key release.CellKey) (release.CellKey, bool) {
	for _, period := range coarser(key.Period) {
		up := release.CellKey{Area: key.Area, Period: period}
		if v.covers(period) && v.published(series, up) {
			return up, true
		}
	}
	if key.Area != v.question.Area {
		up := release.CellKey{Area: v.question.Area, Period: key.Period}
		return up, v.published(series, up)
	}
	return release.CellKey{}, false
}

func (v view) published(series release.Series, key release.CellKey) bool {
	c, ok := series.Cells[key]
	return ok && c.Mark == ""
}

// coarser lists the periods that contain a month or a quarter, finest first.
func coarser(period string) []string {
	const month, quarter = len("2006-01"), len("2006")
	switch {
	case len(period) == month && period[5] != 'Q':
		return []string{release.QuarterOf(period), period[:quarter]}
	case len(period) == month:
		return []string{period[:quarter]}
	default:
		return nil
	}
}

// covers reports whether a period lies wholly inside the time asked for.
func (v view) covers(period string) bool {
	first, last := span(period)
	return first >= v.question.From && last <= v.question.To
}

// span returns the first and the last month of a period.
func span(period string) (first, last string) {
	year, part, _ := strings.Cut(period, "-")
	switch part {
	case "":
		return year + "-01", year + "-12"
	case "Q1":
		return year + "-01", year + "-03"
	case "Q2":
		return year + "-04", year + "-06"
	case "Q3":
		return year + "-07", year + "-09"
	case "Q4":
		return year + "-10", year + "-12"
	default:
		return period, period
	}
}

// sum adds the published cells that make up a time; ok is false when one of
// them is suppressed or missing.
func (v view) sum(series release.Series, area, from, to string) (total int, mark string) {
	for _, period := range release.Tiles(from, to) {
		c := v.cell(series, release.CellKey{Area: area, Period: period})
		switch {
		case c.Mark == markNoData && mark == "":
			mark = markNoData
		case c.Mark == markSuppressed:
			mark = markSuppressed
		case c.Count != nil:
			total += *c.Count
		}
	}
	return total, mark
}

func (v view) trend(series release.Series) *trend {
	from, to := yearBefore(v.question.From), yearBefore(v.question.To)
	now, markNow := v.sum(series, v.question.Area, v.question.From, v.question.To)
	then, markThen := v.sum(series, v.question.Area, from, to)
	t := &trend{From: from, To: to, Change: "unknown"}
	if markNow != "" || markThen != "" {
		return t
	}
	switch {
	case now > then:
		t.Change = "up"
	case now < then:
		t.Change = "down"
	default:
		t.Change = "flat"
	}
	return t
}

// comparator sets the area against the whole force area.
func (v view) comparator(series release.Series) *comparator {
	top := gazetteer{v.rules.Places}.force()
	if top == v.question.Area {
		return nil
	}
	total, mark := v.sum(series, top, v.question.From, v.question.To)
	c := &comparator{Area: top, Mark: mark}
	if mark == "" {
		c.Count = &total
	}
	return c
}

func (v view) coverage(g policy.GroupDecision, ds *dataset.Dataset) coverage {
	c := coverage{Provider: g.Provider, Dataset: g.Dataset, Area: v.question.Area, State: "not-covered"}
	for _, leaf := range v.rules.Places.Leaves(v.question.Area) {
		if v.rules.Agreements.Covers(g.Provider, g.Dataset, leaf) {
			c.State = "missing"
		}
	}
	if c.State == "not-covered" {
		return c
	}
	for _, ind := range ds.Indicators {
		series := v.edition.series[seriesKey{Provider: g.Provider, Dataset: ds.Name, Indicator: ind.ID}]
		for _, m := range release.Months(v.question.From, v.question.To) {
			if v.cell(series, release.CellKey{Area: v.question.Area, Period: m}).Mark != markNoData {
				c.State = "submitted"
				return c
			}
		}
	}
	return c
}

// yearBefore is the same month of the year before.
func yearBefore(month string) string {
	const year = len("2006")
	n := 0
	for _, d := range month[:year] {
		n = n*10 + int(d-'0')
	}
	n--
	digits := []byte{byte('0' + n/1000), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}
	return string(digits) + month[year:]
}
