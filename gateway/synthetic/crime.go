package synthetic

import (
	"fmt"
	"math"
	"time"
)

// population is that of the nine areas, in thousands.
const population = 1300

// crimeCategory is a category of recorded crime.
type crimeCategory struct {
	name string
	// rate is for a thousand people and a year.
	rate    float64
	seasons *season
	// knives, young and solved are the shares with a knife, with a victim under
	// 18 and with a positive outcome.
	knives, young, solved float64
}

var crimeCategories = []crimeCategory{
	{"violence_with_injury", 8.6, &summer, 0.03, 0.12, 0.14},
	{"violence_without_injury", 17.2, &summer, 0.005, 0.16, 0.1},
	{"robbery", 0.42, &winter, 0.21, 0.28, 0.11},
	{"drug_trafficking", 0.62, &evenly, 0, 0, 0.52},
	{"drug_possession", 1.7, &evenly, 0, 0, 0.61},
	{"possession_of_weapons", 0.66, &evenly, 0, 0, 0.47},
	{"burglary", 3.4, &winter, 0.004, 0.01, 0.06},
	{"vehicle_crime", 3.9, &winter, 0, 0.005, 0.03},
	{"modern_slavery", 0.11, &evenly, 0, 0.34, 0.05},
	{"sexual_offences", 2.6, &summer, 0.006, 0.36, 0.08},
	{"fraud", 1.5, &evenly, 0, 0.01, 0.04},
	{"public_order", 6.1, &summer, 0.004, 0.08, 0.12},
}

// crimeCounts returns the recorded crime of each area, month and category. It
// does not depend on how many people the world has.
func (w *World) crimeCounts() []map[string]any {
	d := w.draw(streamCrime)
	all := w.cal.fullMonths()
	out := make([]map[string]any, 0, len(areas)*len(all)*len(crimeCategories))
	for _, a := range areas {
		for i, month := range all {
			for _, c := range crimeCategories {
				out = append(out, crimeCount(d, a, c, month, len(all)-i))
			}
		}
	}
	return out
}

// crimeCount is one row, of the month that many months back.
func crimeCount(d draw, a area, c crimeCategory, month time.Time, back int) map[string]any {
	mean := c.rate * population * float64(a.weight) / 1000 / 12 * a.crime * c.seasons[month.Month()-1]
	if a.code == telfordCode && c.name == "drug_trafficking" && back <= 6 {
		mean *= 1 + float64(7-back)*0.08 // supply rises with the cuckooing
	}
	count := d.poisson(mean)
	status := "final"
	if back <= 3 {
		status = "provisional"
	}
	row := map[string]any{
		"source_id": fmt.Sprintf("CC-%s-%s-%s", a.code, month.Format("2006-01"), c.name), "area": a.code,
		"month": month.Format("2006-01"), "category": c.name, "count": count, "data_status": status,
		"positive_outcomes": part(d, count, c.solved),
	}
	if c.knives > 0 {
		row["knife_enabled"] = part(d, count, c.knives)
	}
	if c.young > 0 {
		row["under_18_victims"] = part(d, count, c.young)
	}
	return row
}

// part draws how many of a count have something that this share has.
func part(d draw, count int, share float64) int {
	return min(count, d.poisson(math.Max(0, float64(count)*share)))
}

var (
	pillars = []share{{"pursue", 58}, {"prevent", 16}, {"protect", 18}, {"prepare", 8}}
	levels  = []share{{"minor", 58}, {"moderate", 31}, {"major", 11}}
	// partners are who else may have taken part.
	partners = []string{"Telford Housing", "Severn Homes", "Mercia Integrated Health", "Mercia Education Partnership", "Trading Standards", "Probation Service"}
)

// disruptions returns what was done against the groups.
func (w *World) disruptions() []map[string]any {
	d := w.draw(streamDisruptions)
	out := make([]map[string]any, 0, w.size(120))
	for n := range w.size(120) {
		g := d.below(len(w.groups))
		level := pickShare(d, levels)
		row := map[string]any{
			"source_id": fmt.Sprintf("DIS-%05d", n+1), "area": areas[w.groups[g].place].code, "ocg_reference": groupSource(g),
			"disrupted_on": date(w.cal.day(d, evenly)), "pillar": pickShare(d, pillars), "level": level,
			"crime_type": w.groups[g].crime, "lead_agency": "West Mercia Police",
		}
		if row["pillar"] == "pursue" {
			most := map[string]int{"minor": 2, "moderate": 5, "major": 14}[level]
			row["arrests"] = d.between(most/5, most)
			row["seizure_value"] = 50 * d.between(0, most*most*20)
		} else {
			row["people_safeguarded"] = d.between(0, 6)
		}
		if d.chance(0.45) {
			first := d.below(len(partners))
			row["partner_agencies"] = partners[first:min(first+d.between(1, 2), len(partners))]
		}
		out = append(out, row)
	}
	return out
}
