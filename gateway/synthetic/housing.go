package synthetic

import (
	"fmt"
	"time"
)

// landlord is a housing provider.
type landlord struct {
	persona, provider, agreement string
	prefix                       string
	tenancies                    []share
}

var (
	telford = landlord{
		"housing-submitter", "telford-housing", "ISA-TH-WMP-001", "TH",
		[]share{{"introductory", 34}, {"secure", 58}, {"supported", 5}, {"licence", 3}},
	}
	severn = landlord{
		"severn-submitter", "severn-homes", "ISA-SH-WMP-001", "SH",
		[]share{{"starter", 30}, {"assured", 48}, {"assured_shorthold", 14}, {"supported", 6}, {"licence", 2}},
	}
)

// landlordOf returns who lets homes in an area: Telford Housing in Telford and
// Wrekin, Severn Homes elsewhere.
func landlordOf(place int) *landlord {
	if place == telfordArea {
		return &telford
	}
	return &severn
}

// source is the landlord's own reference of a row.
func (l *landlord) source(kind string, n int) string {
	return fmt.Sprintf("%s-%s-%06d", l.prefix, kind, n)
}

// reasonsLeft are the national codes for leaving the last settled home.
var reasonsLeft = []share{
	{"9", 16}, {"8", 9}, {"12", 9}, {"13", 8}, {"29", 7}, {"14", 6}, {"20", 8}, {"28", 4}, {"30", 8}, {"17", 4}, {"2", 3},
	{"45", 4}, {"48", 6}, {"49", 4}, {"51", 2}, {"52", 4}, {"55", 4}, {"56", 3}, {"57", 3},
}

// needs are what support a tenant may have asked for.
var needs = []string{"mental_health", "physical_disability", "learning_disability", "substance_use", "domestic_abuse", "care_leaver"}

// tenancies returns the rows of each landlord. One tenant in ten had another
// tenancy of the same landlord before.
func (w *World) tenancies() map[string][]map[string]any {
	d := w.draw(streamTenancies)
	out := make(map[string][]map[string]any)
	add := func(l *landlord, row map[string]any) { out[l.provider] = append(out[l.provider], row) }
	next := func(l *landlord) string { return l.source("T", len(out[l.provider])+1) }
	w.storyTenancies(func(l *landlord, p Person, row map[string]any) { add(l, p.named(next(l), judged(row, fact, notKnown))) })
	tenants := d.shuffled(w.crowd.adults)
	want := w.size(900) - 2
	for _, i := range tenants[:min(want*10/11, len(tenants))] {
		p := w.people[i]
		l := landlordOf(p.place)
		if start := w.cal.day(d, lettings); d.chance(0.1) && start.After(w.cal.first.AddDate(0, 6, 0)) {
			began := w.cal.first.AddDate(0, 0, d.below(90))
			add(l, w.tenancy(d, next(l), p, began, began.AddDate(0, 0, d.between(30, 89))))
			add(l, w.tenancy(d, next(l), p, start, time.Time{}))
		} else {
			add(l, w.tenancy(d, next(l), p, start, w.left(d, start)))
		}
	}
	return out
}

// left returns when a tenancy ended, or the zero time where it goes on.
func (w *World) left(d draw, start time.Time) time.Time {
	end := start.AddDate(0, 0, d.between(60, 500))
	if d.chance(0.3) && end.Before(w.cal.today) {
		return end
	}
	return time.Time{}
}

// tenancy is one row, with what only one of the two agreements lists too: a
// landlord's export does not know what Concord drops.
func (w *World) tenancy(d draw, source string, p Person, start, end time.Time) map[string]any {
	row := map[string]any{
		"uprn": p.UPRN, "tenancy_type": pickShare(d, landlordOf(p.place).tenancies), "tenancy_status": "current",
		"tenancy_start": date(start), "household_size": d.between(1, 5),
	}
	switch {
	case !end.IsZero():
		row["tenancy_status"], row["tenancy_end"] = "ended", date(end)
		row["uprn"] = formerHome(p) // the home that was left, not the present one
	case d.chance(0.06):
		row["tenancy_status"] = "notice_served"
	}
	if d.chance(0.9) {
		row["reason_left_last_home"] = pickShare(d, reasonsLeft)
	}
	if d.chance(0.18) {
		row["support_needs"] = []string{pick(d, needs)}
	}
	return p.named(source, judged(row, fact, notKnown))
}

// formerHome is the property number of the home that a person lived in before,
// of another range than the present homes.
func formerHome(p Person) string { return "99901" + p.UPRN[5:] }

// storyTenancies are those of the story's adult. The earlier landlord has the
// tenant's present postcode, to which it wrote with its notice.
func (w *World) storyTenancies(add func(l *landlord, p Person, row map[string]any)) {
	p := w.people[castAdult]
	earlier := p
	earlier.Area = shropshireCode
	add(&severn, earlier, map[string]any{
		"uprn": formerHome(p), "tenancy_type": "assured_shorthold", "tenancy_status": "notice_served",
		"tenancy_start": date(w.cal.before(590)), "reason_left_last_home": "9", "household_size": 2,
	})
	add(&telford, p, map[string]any{
		"uprn": p.UPRN, "tenancy_type": "introductory", "tenancy_status": "current",
		"tenancy_start": date(w.cal.before(228)), "reason_left_last_home": "56", "household_size": 1,
	})
}
