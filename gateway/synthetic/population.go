package synthetic

import "strconv"

// The people of the story, by their place in World.people.
const (
	castAdult = iota
	castChild
	castSize
)

// settler fills the world with households.
type settler struct {
	w    *World
	d    draw
	nums *numbers
	// taken holds every compound of names, birth date and postcode.
	taken map[[4]string]bool
}

// home is what the members of a household have in common.
type home struct {
	place          int
	postcode, uprn string
	family         string
}

// populate makes the people: first those of the story, then households until
// there are enough. The stranger of the story is made last and is not one of
// them.
func (w *World) populate(people int) {
	d := w.draw(streamPeople)
	s := &settler{w: w, d: d, nums: newNumbers(d), taken: make(map[[4]string]bool, people+1)}
	w.people = make([]Person, 0, people+4)
	s.settle(s.home(telfordArea), d.between(27, 41))
	family := s.home(telfordArea)
	s.settle(family, 15)
	s.settle(family, d.between(36, 52)) // so Telford has an adult besides those of the story
	for len(w.people) < people {
		s.household()
	}
	w.people = w.people[:people]
	w.story.Stranger = s.person(s.home(pickArea(d, byPopulation)), d.between(20, 60))
}

func (s *settler) home(place int) home {
	return home{place: place, postcode: postcode(s.d, areas[place]), uprn: s.nums.propertyNumber(), family: familyName(s.d)}
}

// household settles one or two adults and up to three children.
func (s *settler) household() {
	h := s.home(pickArea(s.d, byPopulation))
	age := s.d.between(18, 74)
	s.settle(h, age)
	if s.d.chance(0.55) {
		other := h
		if s.d.chance(0.4) {
			other.family = familyName(s.d)
		}
		s.settle(other, min(80, max(18, age+s.d.between(-6, 6))))
	}
	if age < 24 || age > 58 {
		return
	}
	for range s.d.between(0, 3) {
		s.settle(h, s.childAge())
	}
}

// childAge is more often that of a secondary school pupil: those are whom
// services record.
func (s *settler) childAge() int {
	if s.d.chance(0.6) {
		return s.d.between(12, 15)
	}
	return s.d.between(5, 17)
}

// settle adds a person to the world.
func (s *settler) settle(h home, age int) { s.w.people = append(s.w.people, s.person(h, age)) }

// person makes somebody whose compound nobody else has.
func (s *settler) person(h home, age int) Person {
	for {
		born := s.w.cal.today.AddDate(-age, 0, -s.d.between(1, 360))
		p := Person{
			GivenName: pick(s.d, givenNames), FamilyName: h.family, DateOfBirth: date(born),
			Postcode: h.postcode, UPRN: h.uprn, Area: areas[h.place].code,
			born: born, place: h.place,
		}
		compound := [4]string{p.GivenName, p.FamilyName, p.DateOfBirth, p.Postcode}
		if s.taken[compound] {
			continue
		}
		s.taken[compound] = true
		p.NHSNumber = s.nums.nhsNumber()
		if age < adultAge {
			p.UPN = s.nums.pupilNumber(areas[h.place].school, born.Year()+5)
			p.school = schoolOf(s.d, h.place)
		}
		return p
	}
}

// adultAge is the age of an adult.
const adultAge = 18

// secondarySchools is how many schools an area has.
const secondarySchools = 6

// schoolOf returns the URN of a school in an area, of a range not in use.
func schoolOf(d draw, place int) string {
	return strconv.Itoa(990_000 + place*100 + d.below(secondarySchools))
}

// crowd is the people from whom the datasets draw, as indexes in World.people.
// The people of the story are not among them: their records are written by
// hand.
type crowd struct {
	// adults and pupils are of all areas; pupils are 12 to 15 years old.
	adults, pupils []int
	// local are the adults by area.
	local [][]int
	// teens are 12 to 17 years old.
	teens []int
}

// gather sorts the people into the crowd.
func gather(people []Person, cal calendar) crowd {
	c := crowd{local: make([][]int, len(areas))}
	for i := castSize; i < len(people); i++ {
		switch age := people[i].age(cal.today); {
		case age >= adultAge:
			c.adults = append(c.adults, i)
			c.local[people[i].place] = append(c.local[people[i].place], i)
		case age >= 12:
			c.teens = append(c.teens, i)
			if age <= 15 {
				c.pupils = append(c.pupils, i)
			}
		}
	}
	return c
}
