package synthetic

import (
	"slices"
	"time"
)

// The bounds of a world. Below the least, the datasets would have holes; above
// the most, the check-digit ranges would run out of unique numbers.
const (
	leastPeople = 100
	mostPeople  = 500_000
)

// maxRows is the most rows of one submission.
const maxRows = 10_000

// Submission is what one partner sends in one go.
type Submission struct {
	// Persona is the demonstration's persona that may send it.
	Persona string
	// Provider is the agency, Dataset what is sent and Agreement the id of the
	// agreement it is sent under.
	Provider, Dataset, Agreement string
	// Rows are at most 10,000, in the order they are sent.
	Rows []map[string]any
}

// World is one set of synthetic people and their connections. It is immutable
// and safe for concurrent use.
type World struct {
	seed     uint64
	cal      calendar
	people   []Person
	crowd    crowd
	nominals []nominal
	groups   []group
	story    Story
}

// New makes a world from a seed. The number of people is taken as at least 100
// and at most 500,000; the sizes of the datasets follow it. Every event lies in
// the 24 months before the day of today, in UTC.
func New(seed uint64, people int, today time.Time) *World {
	w := &World{seed: seed, cal: newCalendar(today)}
	w.populate(min(max(people, leastPeople), mostPeople))
	w.crowd = gather(w.people, w.cal)
	w.connect()
	w.story.Adult, w.story.Child = w.people[castAdult], w.people[castChild]
	return w
}

// Submissions returns everything the partners send, partner by partner. Each
// call makes it anew, so the rows are the caller's to change.
func (w *World) Submissions() []Submission {
	tenancies, concerns := w.tenancies(), w.concerns()
	attendances, referrals := w.assaults(), w.referrals()
	parts := []Submission{
		{telford.persona, telford.provider, "housing.tenancy", telford.agreement, tenancies[telford.provider]},
		{telford.persona, telford.provider, "housing.concern", telford.agreement, concerns[telford.provider]},
		{severn.persona, severn.provider, "housing.tenancy", severn.agreement, tenancies[severn.provider]},
		{severn.persona, severn.provider, "housing.concern", severn.agreement, concerns[severn.provider]},
		{"health-submitter", "mercia-health", "health.assault_attendance", "ISA-MH-WMP-001", attendances},
		{"health-submitter", "mercia-health", "health.substance_referral", "ISA-MH-WMP-002", referrals},
		{"education-submitter", "mercia-education", "education.exclusion", "ISA-ME-WMP-001", w.exclusions()},
		{"education-submitter", "mercia-education", "education.attendance", "ISA-ME-WMP-002", w.attendance()},
		w.police("police.nominal", w.nominalRows()),
		w.police("police.ocg", w.groupRows()),
		w.police("police.crime_count", w.crimeCounts()),
		w.police("police.disruption", w.disruptions()),
	}
	var out []Submission
	for _, s := range parts {
		for rows := range slices.Chunk(s.Rows, maxRows) {
			s.Rows = rows
			out = append(out, s)
		}
	}
	return out
}

// police is a submission of the force, under the agreement for its own data.
func (w *World) police(dataset string, rows []map[string]any) Submission {
	return Submission{"police-submitter", "west-mercia-police", dataset, "ISA-WMP-WMP-001", rows}
}

// size scales a figure for 2,000 people to this world.
func (w *World) size(per2000 int) int { return max(1, len(w.people)*per2000/2000) }
