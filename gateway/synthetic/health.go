package synthetic

import (
	"fmt"
	"time"
)

// emergencyDepartments are the sites that serve the areas, in their order.
var emergencyDepartments = []string{"ZZA01", "ZZA02", "ZZA03", "ZZA04", "ZZA04", "ZZA05", "ZZA05", "ZZA05", "ZZA04"}

var methods = []share{
	{"body_part", 56}, {"pushed", 10}, {"blunt_object", 9}, {"glass_or_bottle", 7}, {"blade", 7}, {"other", 4}, {"not_known", 4},
	{"sexual", 1}, {"vehicle", 1}, {"acid_or_corrosive", 1}, {"firearm", 1},
}

// methodWords are what a receptionist types beside a method.
var methodWords = map[string][]string{
	"body_part":       {"Punched to the face", "Kicked on the ground", "Punched and kicked by several people", "Headbutted"},
	"blade":           {"Kitchen knife", "Small folding knife", "Machete, seen by others"},
	"glass_or_bottle": {"Bottle thrown", "Broken glass to the hand"},
	"blunt_object":    {"Hit with a bat", "Hit with a metal bar"},
	"pushed":          {"Pushed down steps", "Pushed against a wall"},
}

var (
	// nightPlaces are where assaults happen at night, dayPlaces by day.
	nightPlaces = []share{
		{"licensed_premises", 34}, {"street", 33}, {"home", 16}, {"another_home", 8}, {"park_or_open_space", 4}, {"other", 2}, {"not_known", 3},
	}
	dayPlaces = []share{
		{"home", 28}, {"street", 25}, {"school", 9}, {"workplace", 9}, {"park_or_open_space", 8}, {"another_home", 7}, {"public_transport", 4},
		{"hospital", 3}, {"custody", 2}, {"other", 2}, {"not_known", 3},
	}
	placeWords = map[string][]string{
		"licensed_premises": {"Outside a bar in the town centre", "Inside a nightclub", "Pub garden"},
		"street":            {"Taxi rank", "Outside a takeaway", "Underpass"},
	}
)

// assaults returns the attendances at emergency departments, about nobody who
// can be told.
func (w *World) assaults() []map[string]any {
	d := w.draw(streamAssaults)
	out := make([]map[string]any, 0, w.size(700))
	for n := range w.size(700) {
		place := pickArea(d, byNights)
		at, night := w.assaultTime(d)
		arrived := at.Add(time.Duration(d.between(20, 260)) * time.Minute)
		method, where := pickShare(d, methods), pickShare(d, dayPlaces)
		if night {
			where = pickShare(d, nightPlaces)
		}
		row := map[string]any{
			"source_id": fmt.Sprintf("ISTV-%06d", n+1), "area": areas[place].code, "reporting_period": arrived.Format("2006-01"),
			"site_code": emergencyDepartments[place], "arrival_time": arrived.Format(time.RFC3339), "method": method, "location_type": where,
		}
		if d.chance(0.9) {
			row["assault_time"] = at.Format(time.RFC3339)
		}
		if words := methodWords[method]; words != nil && d.chance(0.6) {
			row["method_text"] = pick(d, words)
		}
		if words := placeWords[where]; words != nil && d.chance(0.5) {
			row["location_text"] = pick(d, words)
		}
		out = append(out, row)
	}
	return out
}

// assaultTime draws when an assault happened and whether that was at night:
// weekend nights are three times as likely as others. It leaves the last day
// free, so that nobody arrives in the future.
func (w *World) assaultTime(d draw) (at time.Time, night bool) {
	for {
		day := w.cal.day(d, summer)
		weekend := day.Weekday() == time.Friday || day.Weekday() == time.Saturday
		if day.After(w.cal.before(2)) || !weekend && d.chance(0.5) {
			continue
		}
		night = d.chance(0.62)
		minutes := d.between(8*60, 20*60)
		if night {
			minutes = d.between(20*60, 27*60)
		}
		return day.Add(time.Duration(minutes) * time.Minute), night
	}
}

var (
	substances = []share{
		{"opiates", 27}, {"alcohol", 30}, {"cannabis", 13}, {"crack_cocaine", 9}, {"powder_cocaine", 12}, {"benzodiazepines", 4},
		{"new_psychoactive", 3}, {"other", 2},
	}
	routes     = []share{{"self", 48}, {"gp", 13}, {"criminal_justice", 17}, {"hospital", 8}, {"social_care", 9}, {"education", 2}, {"other", 3}}
	treatments = []share{{"in_treatment", 46}, {"waiting", 14}, {"completed", 20}, {"left_early", 14}, {"declined", 6}}
	risks      = []share{{"none", 46}, {"low", 34}, {"medium", 15}, {"high", 5}}
)

// referrals returns the referrals to treatment. One in four is of a person whom
// the police know too.
func (w *World) referrals() []map[string]any {
	d := w.draw(streamReferrals)
	want := w.size(300)
	out := make([]map[string]any, 0, want)
	out = append(out, w.people[castAdult].named(referralSource(1), judged(map[string]any{
		"nhs_number": w.people[castAdult].NHSNumber, "referral_date": date(w.cal.before(143)), "substance": "crack_cocaine",
		"referral_route": "criminal_justice", "treatment_status": "in_treatment", "risk_to_others": "low", "exploitation_concern": true,
		"key_worker_phone": "01632 960114",
	}, fact, notKnown)))
	known := make([]int, 0, want/4)
	for _, n := range w.nominals {
		if len(known) < want/4 && n.person != castAdult && w.people[n.person].age(w.cal.today) >= adultAge {
			known = append(known, n.person)
		}
	}
	rest := d.shuffled(w.crowd.adults)
	seen := make(map[int]bool, want)
	for _, i := range append(known, rest...) {
		if len(out) == want {
			break
		}
		if !seen[i] {
			seen[i] = true
			out = append(out, w.referral(d, referralSource(len(out)+1), w.people[i]))
		}
	}
	return out
}

func referralSource(n int) string { return fmt.Sprintf("SMR-%06d", n) }

func (w *World) referral(d draw, source string, p Person) map[string]any {
	row := map[string]any{
		"nhs_number": p.NHSNumber, "referral_date": date(w.cal.day(d, evenly)), "substance": pickShare(d, substances),
		"referral_route": pickShare(d, routes), "treatment_status": pickShare(d, treatments), "risk_to_others": pickShare(d, risks),
		"exploitation_concern": d.chance(0.13),
	}
	if d.chance(0.8) {
		row["key_worker_phone"] = fmt.Sprintf("01632 960%03d", 100+p.place)
	}
	return p.named(source, judged(row, fact, notKnown))
}
