package synthetic

import "time"

const cuckooing = "cuckooing"

// concernKinds are the types of concern away from the pattern.
var concernKinds = []share{{"antisocial_behaviour", 54}, {"drug_activity", 25}, {cuckooing, 11}, {"exploitation", 10}}

var (
	reporters  = []share{{"neighbour", 38}, {"housing_staff", 27}, {"tenant", 13}, {"anonymous", 10}, {"contractor", 6}, {"partner_agency", 6}}
	severities = []share{{"low", 30}, {"medium", 46}, {"high", 24}}
)

// concernWords are what an officer writes about each type. They name nobody.
var concernWords = map[string][]string{
	cuckooing: {
		"Visitors at all hours; the tenant seems afraid in their own home.",
		"People who are not the tenant answer the door and hold the keys.",
		"Tenant sleeps elsewhere; young adults from outside the area use the flat.",
		"Door damaged twice in a month, short visits through the night.",
	},
	"antisocial_behaviour": {
		"Shouting and loud music most nights.", "Damage to the communal door and lighting.",
		"Groups gather in the stairwell; residents feel intimidated.",
	},
	"drug_activity": {
		"Strong smell of cannabis and frequent short visits.", "Used needles found in the bin store.",
		"Exchanges seen through a ground floor window.",
	},
	"exploitation": {
		"Teenagers come and go during school hours with new phones.",
		"Several adults share one room; they are collected by van before dawn.",
		"Tenant hands over benefits to a visitor on the day they are paid.",
	},
}

// concernStatus draws how far a concern of that age, in days, has come.
func concernStatus(d draw, age int) string {
	switch {
	case age < 21:
		return pickShare(d, []share{{"open", 70}, {"under_investigation", 30}})
	case age < 90:
		return pickShare(d, []share{{"open", 15}, {"under_investigation", 50}, {"action_taken", 25}, {"closed", 10}})
	default:
		return pickShare(d, []share{{"under_investigation", 8}, {"action_taken", 32}, {"closed", 60}})
	}
}

// concerns returns the rows of each landlord. Two in five are Telford Housing's,
// which asks its staff for them; half of those are about cuckooing, and of
// these most came in the last half year.
func (w *World) concerns() map[string][]map[string]any {
	d := w.draw(streamConcerns)
	out := make(map[string][]map[string]any)
	add := func(place int, p Person, kind string, day time.Time) {
		l := landlordOf(place)
		out[l.provider] = append(out[l.provider], w.concern(d, l.source("C", len(out[l.provider])+1), p, kind, day))
	}
	out[telford.provider] = []map[string]any{w.storyConcern()}
	for range w.size(500) - 1 {
		place := pickArea(d, byPopulation)
		if d.chance(0.33) {
			place = telfordArea
		}
		if len(w.crowd.local[place]) == 0 {
			place = telfordArea
		}
		kind, day := pickShare(d, concernKinds), w.cal.day(d, summer)
		if place == telfordArea && d.chance(0.45) {
			kind = cuckooing
			if d.chance(0.58) {
				day = w.cal.since(d, 183)
			}
		}
		add(place, w.people[pick(d, w.crowd.local[place])], kind, day)
	}
	return out
}

// storyConcern is about the home of the story's adult.
func (w *World) storyConcern() map[string]any {
	p := w.people[castAdult]
	return p.named(telford.source("C", 1), judged(map[string]any{
		"uprn": p.UPRN, "concern_type": cuckooing, "reported_on": date(w.cal.before(61)), "severity": "high",
		"reporter_role": "neighbour", "status": "under_investigation", "children_present": false, "summary": concernWords[cuckooing][0],
	}, opinion, victim))
}

// concern is one row. In every sixth the officer knew the home and not who
// lives there.
func (w *World) concern(d draw, source string, p Person, kind string, day time.Time) map[string]any {
	age := int(w.cal.today.Sub(day) / (24 * time.Hour))
	row := map[string]any{
		"uprn": p.UPRN, "concern_type": kind, "reported_on": date(day), "severity": pickShare(d, severities),
		"reporter_role": pickShare(d, reporters), "status": concernStatus(d, age), "children_present": d.chance(0.22),
		"summary": pick(d, concernWords[kind]),
	}
	if p.place != telfordArea && d.chance(0.3) {
		delete(row, "summary")
	}
	subject := notKnown
	if kind == cuckooing || kind == "exploitation" {
		subject = victim
	}
	p.named(source, judged(row, pick(d, []string{fact, opinion, opinion}), subject))
	if d.chance(1.0 / 6) {
		delete(row, "given_name")
		delete(row, "family_name")
		delete(row, "date_of_birth")
		row["subject_category"] = notKnown
	}
	return row
}
