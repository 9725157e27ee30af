package synthetic

// Story is the people of the demonstration's story.
type Story struct {
	// Adult lives in Telford and has a tenancy of telford-housing, where
	// cuckooing was reported, and an earlier one of severn-homes under notice;
	// is a nominal of the force; and was referred for substance misuse.
	Adult Person
	// Child is 15, was excluded for good after suspensions, and has sessions
	// in the attendance register, one of them with code Y5.
	Child Person
	// Stranger is a person like any other of whom nobody holds a record.
	Stranger Person
}

// Story returns the people of the story.
func (w *World) Story() Story { return w.story }

// caseSize is how many people OP-LANTERN has, unless the principals are more.
const caseSize = 60

// CaseSubjects returns the people around OP-LANTERN, each once: those of the
// story, every principal, the group that the operation is about, and further
// nominals until there are 60.
func (w *World) CaseSubjects() []Person {
	out := []Person{w.story.Adult, w.story.Child, w.story.Stranger}
	seen := map[int]bool{castAdult: true}
	add := func(n nominal) {
		if !seen[n.person] {
			seen[n.person] = true
			out = append(out, w.people[n.person])
		}
	}
	for _, n := range w.nominals {
		if n.role == rolePrincipal {
			add(n)
		}
	}
	for _, include := range []func(nominal) bool{
		func(n nominal) bool { return n.group == lanternGroup },
		func(n nominal) bool { return w.people[n.person].place == telfordArea },
		func(nominal) bool { return true },
	} {
		for _, n := range w.nominals {
			if len(out) < caseSize && include(n) {
				add(n)
			}
		}
	}
	return out
}

// BadRows is a late file of twelve concerns from Telford Housing, as an officer
// might have typed it. Two rows are wrong: the fifth has a postcode that is not
// one, the tenth a type of concern that is not on the list.
func (w *World) BadRows() Submission {
	const rows = 12
	d := w.draw(streamBadRows)
	local := d.shuffled(w.crowd.local[telfordArea])
	s := Submission{Persona: telford.persona, Provider: telford.provider, Dataset: "housing.concern", Agreement: telford.agreement}
	for i := range rows {
		p := w.people[local[i%len(local)]]
		s.Rows = append(s.Rows, w.concern(d, telford.source("L", i+1), p, pickShare(d, concernKinds), w.cal.since(d, 14)))
	}
	s.Rows[4]["postcode"] = "TF3 4N"
	s.Rows[9]["concern_type"] = "loud music"
	return s
}
