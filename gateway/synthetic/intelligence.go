package synthetic

import (
	"fmt"
	"slices"
)

// The parts of an intelligence grading.
var (
	sources     = []share{{"1", 18}, {"2", 72}, {"3", 10}}
	information = []share{{"A", 14}, {"B", 38}, {"C", 24}, {"D", 20}, {"E", 4}}
)

// handlingWords are the conditions that come with handling code C.
var handlingWords = []string{
	"No action on this entry without the originator's consent.",
	"Not to be shared outside the investigation team.",
	"Sanitised; ask the force intelligence bureau before any further use.",
}

// grade adds a 3x5x2 grading, and the conditions where it asks for them.
func grade(d draw, row map[string]any) {
	handling := "P"
	if d.chance(0.22) {
		handling = "C"
		row["handling_conditions"] = pick(d, handlingWords)
	}
	row["grading"] = pickShare(d, sources) + pickShare(d, information) + handling
}

// category is the category of data subject that goes with a role.
func category(d draw, role string) string {
	switch role {
	case roleVictim:
		return victim
	case roleNone:
		return "witness_other"
	default:
		return pickShare(d, []share{{"suspect", 64}, {"convicted", 36}})
	}
}

// nominalRows returns the nominals of the force.
func (w *World) nominalRows() []map[string]any {
	d := w.draw(streamNominals)
	out := make([]map[string]any, 0, len(w.nominals))
	for i, n := range w.nominals {
		p := w.people[n.person]
		row := map[string]any{"recorded_on": date(w.cal.day(d, evenly)), "soc_role": n.role, "crime_type": n.crime}
		grade(d, row)
		if p.PNCID != "" {
			row["pnc_id"], row["cro"] = p.PNCID, p.CRO
		}
		if n.group != none {
			row["ocg_reference"] = groupSource(n.group)
		}
		judged(row, pick(d, []string{opinion, opinion, fact}), category(d, n.role))
		if n.person == castAdult {
			row["recorded_on"], row["grading"] = date(w.cal.before(97)), "2BP"
			delete(row, "handling_conditions")
			judged(row, opinion, "suspect")
		}
		out = append(out, p.named(fmt.Sprintf("NOM-%06d", i+1), row))
	}
	return out
}

func groupSource(n int) string { return fmt.Sprintf("OCG-%04d", n+1) }

// The operational names of groups: the first is the operation's own, the others
// a colour and a bird.
var (
	colours = []string{"Amber", "Copper", "Crimson", "Grey", "Indigo", "Ivory", "Ochre", "Olive", "Scarlet", "Silver", "Umber", "White"}
	birds   = []string{"Avocet", "Bunting", "Curlew", "Dunlin", "Fulmar", "Godwit", "Harrier", "Kestrel", "Linnet", "Merlin", "Plover"}
)

func groupName(n int) string {
	if n == lanternGroup {
		return "Lantern"
	}
	return colours[n%len(colours)] + " " + birds[n%len(birds)]
}

// groupWords are what an analyst writes about a type of crime.
var groupWords = map[string]string{
	drugs:                   "Supplies class A drugs from an urban hub; uses the homes of vulnerable tenants.",
	exploitation:            "Draws in young people with gifts and debts; moves them between towns.",
	slavery:                 "Controls workers in hand car washes and on farms; takes their documents.",
	"organised_acquisitive": "Thefts of plant, fuel and vehicles along the motorway.",
}

// groupRows returns the organised crime groups.
func (w *World) groupRows() []map[string]any {
	d := w.draw(streamGroups)
	out := make([]map[string]any, 0, len(w.groups))
	for i, g := range w.groups {
		members := make([]string, 0, len(g.members))
		for _, m := range g.members {
			if id := w.people[w.nominals[m].person].PNCID; id != "" {
				members = append(members, id)
			}
		}
		slices.Sort(members)
		row := map[string]any{
			"source_id": groupSource(i), "area": areas[g.place].code, "name": groupName(i), "crime_type": g.crime,
			"status":  pickShare(d, []share{{"active", 76}, {"dormant", 16}, {"archived", 8}}),
			"members": members, "member_count": len(g.members) + d.between(0, 6), "assessed_on": date(w.cal.day(d, evenly)),
			"harm": d.between(2, 9), "likelihood": d.between(2, 9), "position": d.between(1, 8),
			"confidence": pickShare(d, []share{{"low", 25}, {"medium", 50}, {"high", 25}}), "fact_or_opinion": opinion,
		}
		grade(d, row)
		if i == lanternGroup {
			row["status"], row["assessed_on"] = "active", date(w.cal.before(40))
		}
		if words, ok := groupWords[g.crime]; ok {
			row["summary"] = words
		}
		out = append(out, row)
	}
	return out
}
