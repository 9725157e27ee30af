package synthetic

import (
	"maps"
	"time"
)

// Person is somebody who exists nowhere. An identifier that the person has not
// got is empty.
type Person struct {
	NHSNumber, UPN, PNCID, CRO string
	GivenName, FamilyName      string
	// DateOfBirth is "2006-01-02".
	DateOfBirth string
	// Postcode and UPRN are of the home, in the local authority with the ONS
	// code Area.
	Postcode, UPRN, Area string

	born   time.Time
	place  int    // index in areas
	school string // URN, of a pupil
}

// Identifiers returns what the person can be asked for by, with the names that
// POST /v1/profiles/subject gives them. Those that are empty are left out.
func (p Person) Identifiers() map[string]string {
	ids := map[string]string{
		"nhs_number": p.NHSNumber, "upn": p.UPN, "pnc_id": p.PNCID,
		"given_name": p.GivenName, "family_name": p.FamilyName, "date_of_birth": p.DateOfBirth, "postcode": p.Postcode,
	}
	maps.DeleteFunc(ids, func(_, value string) bool { return value == "" })
	return ids
}

// age returns the age in whole years on a day.
func (p Person) age(on time.Time) int {
	years := on.Year() - p.born.Year()
	if on.Month() < p.born.Month() || on.Month() == p.born.Month() && on.Day() < p.born.Day() {
		years--
	}
	return years
}

// named adds to a row what every dataset about people holds of the person.
func (p Person) named(source string, row map[string]any) map[string]any {
	row["source_id"] = source
	row["area"] = p.Area
	row["given_name"] = p.GivenName
	row["family_name"] = p.FamilyName
	row["date_of_birth"] = p.DateOfBirth
	row["postcode"] = p.Postcode
	return row
}

// judged adds what section 38 of the Data Protection Act 2018 asks for.
func judged(row map[string]any, factOrOpinion, subject string) map[string]any {
	row["fact_or_opinion"] = factOrOpinion
	row["subject_category"] = subject
	return row
}

// The words for section 38.
const (
	fact     = "fact"
	opinion  = "opinion"
	notKnown = "not_known"
	victim   = "victim"
)
