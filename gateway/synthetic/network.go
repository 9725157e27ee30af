package synthetic

import "slices"

// nominal is a person in the organised crime picture of the force.
type nominal struct {
	person int // index in World.people
	role   string
	crime  string
	group  int // index in World.groups, or none
}

// none is the group of a nominal who is in none.
const none = -1

// group is an organised crime group.
type group struct {
	place   int // index in areas
	crime   string
	members []int // indexes in World.nominals, the principal first
}

// The roles that the text mentions more than once.
const (
	rolePrincipal   = "principal"
	roleFacilitator = "facilitator"
	roleVictim      = "victim"
	roleNone        = "none"
)

// lanternGroup is the group that OP-LANTERN is about: drug supply in Telford.
const lanternGroup = 0

// drugs, slavery and exploitation are types of crime.
const (
	drugs        = "drugs"
	slavery      = "modern_slavery"
	exploitation = "child_exploitation"
)

var groupCrimes = []share{
	{drugs, 52},
	{exploitation, 8},
	{slavery, 8},
	{"organised_acquisitive", 14},
	{"fraud", 7},
	{"money_laundering", 5},
	{"firearms", 4},
	{"other", 2},
}

var lesserRoles = []share{
	{"significant", 25}, {roleFacilitator, 24}, {"peripheral", 30}, {roleVictim, 14}, {roleNone, 7},
}

// connect decides who is a nominal and who is in which group, and gives those
// who have been arrested their police numbers.
func (w *World) connect() {
	d := w.draw(streamNetwork)
	adults, teens := d.shuffled(w.crowd.adults), d.shuffled(w.crowd.teens)
	// The first group's principal lives where the operation is.
	if i := slices.IndexFunc(adults, func(p int) bool { return w.people[p].place == telfordArea }); i > 0 {
		adults[0], adults[i] = adults[i], adults[0]
	}
	want := min(w.size(220), len(adults))
	w.found(d, adults[:min(max(w.size(24), 4), 120, want)])
	w.join(nominal{person: castAdult, role: roleFacilitator, crime: drugs, group: lanternGroup})
	for _, person := range adults[len(w.groups):want] {
		n := nominal{person: person, role: pickShare(d, lesserRoles), crime: pickShare(d, groupCrimes), group: none}
		switch {
		case n.role == roleVictim:
			n.crime = slavery
			if len(teens) > 0 && d.chance(0.6) {
				n.person, n.crime, teens = teens[0], exploitation, teens[1:]
			}
		case n.role != roleNone && d.chance(0.75):
			n.group = w.nearby(d, w.people[person].place)
		}
		w.join(n)
	}
	w.arrest(d)
}

// found makes one group around each principal.
func (w *World) found(d draw, principals []int) {
	for i, person := range principals {
		crime := pickShare(d, groupCrimes)
		if i == lanternGroup {
			crime = drugs
		}
		w.groups = append(w.groups, group{place: w.people[person].place, crime: crime})
		w.join(nominal{person: person, role: rolePrincipal, crime: crime, group: i})
	}
}

// join records a nominal, and as a member of the group if there is one.
func (w *World) join(n nominal) {
	if n.group != none {
		g := &w.groups[n.group]
		n.crime = g.crime
		g.members = append(g.members, len(w.nominals))
	}
	w.nominals = append(w.nominals, n)
}

// nearby returns a group of an area, or none where it has none or the draw
// falls on one that is full.
func (w *World) nearby(d draw, place int) int {
	const full = 150 // members with a record; the schema allows 200
	var local []int
	for i := range w.groups {
		if w.groups[i].place == place {
			local = append(local, i)
		}
	}
	if len(local) == 0 {
		return none
	}
	if g := pick(d, local); len(w.groups[g].members) < full {
		return g
	}
	return none
}

// arrest gives police numbers to nine in ten of those who are not victims, to
// all principals and to the adult of the story.
func (w *World) arrest(d draw) {
	nums := newNumbers(d)
	for _, n := range w.nominals {
		p := &w.people[n.person]
		year := min(p.born.Year()+d.between(15, 30), w.cal.today.Year()-1)
		known := d.chance(0.9) || n.role == rolePrincipal || n.person == castAdult
		if !known || n.role == roleVictim || n.role == roleNone {
			continue
		}
		p.PNCID, p.CRO = nums.pncID(year), nums.croNumber(year)
	}
}
