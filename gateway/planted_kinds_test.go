package gateway_test

import (
	"fmt"
	"strings"
)

// faultKind is one way in which a row can be wrong.
type faultKind struct {
	name string
	// column is the heading of the cell that is spoilt, and cell what stands in it. Of
	// a kind that spoils the line itself column is empty and line does it.
	column, cell string
	line         func(line string) string
	// also are other cells that make this one wrong.
	also map[string]string
	// codes and columns are what the error file has to say, joined as it joins them.
	// Empty columns are that of the cell, once for each code.
	codes, columns string
}

// sheet is a file in which faults are planted.
type sheet struct {
	persona, dataset, agreement string
	header                      []string
	good                        func(i int) []string
	kinds                       []faultKind
	rows, faults                int
}

// sheets are three files of three partners, as their systems export them.
func sheets() []sheet {
	return []sheet{
		{
			persona: "housing-submitter", dataset: "housing.tenancy", agreement: "ISA-TH-WMP-001",
			header: strings.Split("Tenancy Ref|LA Code|Property UPRN|Forename|Surname|D.O.B.|Post Code|Tenancy Type|Status|Start Date|End Date|"+
				"CORE Reason Code|No. in Household|Support Codes|Fact or Opinion?|Subject Type||Housing Officer", "|"),
			good: goodTenancy, kinds: tenancyKinds(), rows: 2000, faults: 120,
		},
		{
			persona: "education-submitter", dataset: "education.exclusion", agreement: "ISA-ME-WMP-001",
			header: strings.Split("Exclusion Ref|Council|UPN|Legal Forename|Legal Surname|DOB|Pupil Postcode|URN|School Year|Type|Reason Codes|"+
				"Exclusion Start Date|Sessions Excluded|SEN|Fact / Opinion|Subject Type|Form Tutor", "|"),
			good: goodExclusion, kinds: exclusionKinds(), rows: 600, faults: 50,
		},
		{
			persona: "health-submitter", dataset: "health.assault_attendance", agreement: "ISA-MH-WMP-001",
			header: strings.Split("source_id|area|reporting_period|site_code|arrival_time|assault_time|method|method_text|location_type|location_text|age", "|"),
			good:   goodAssault, kinds: assaultKinds(), rows: 400, faults: 30,
		},
	}
}

func goodTenancy(i int) []string {
	given := []string{"Rowan", "Zoë", "Anne-Marie", "Dara", "Niamh", "Jean Paul"}[i%6]
	family := []string{"Ashdown-Quill", "O'Testwell", "Exampleton", "Müller, von", `Quill "Q" Test`}[i%5]
	officer := []string{"", "Officer, A", "Desk 4\nFirst floor", "team"}[i%4]
	return []string{
		fmt.Sprintf("T-%05d", i), []string{"E06000020", "Telford & Wrekin"}[i%2], fmt.Sprint(100023300000 + i), given, family,
		fmt.Sprintf("%02d/%02d/%d", 1+i%28, 1+i%12, 1950+i%50), []string{"TF1 5AB", "tf27de"}[i%2],
		[]string{"secure", "AST", "Starter tenancy"}[i%3], []string{"Live", "current", "NTQ served"}[i%3],
		[]string{"04/03/2024", "2023-11-30", "1/4/2025"}[i%3], []string{"", "31/12/2027"}[i%2], []string{"", "57", "45"}[i%3],
		[]string{"", "1", "4", "30"}[i%4], []string{"", "Care leavers", "mental_health;Drug or alcohol use"}[i%3],
		[]string{"F", "opinion"}[i%2], []string{"Not known", "victim"}[i%2], "", officer,
	}
}

func goodExclusion(i int) []string {
	return []string{
		fmt.Sprintf("X-%05d", i), []string{"Telford and Wrekin", "E06000051"}[i%2], []string{"", "T884999924001"}[i%2], "Dara", "Exampleton",
		"12/04/2012", "TF1 5AB", "123456", []string{"2025/26", "2023/24"}[i%2], []string{"SUSP", "PERM"}[i%2], []string{"PP", "DB;PP", "MT"}[i%3%2*2],
		[]string{"15/01/2026", "2024-02-29"}[i%2], []string{"4", ""}[i%2], []string{"none", ""}[i%2], "fact", "not_known", "",
	}
}

func goodAssault(i int) []string {
	return []string{
		fmt.Sprintf("A-%05d", i), "E06000020", []string{"05/2026", "2026-05"}[i%2], "RXW01", []string{"03/05/2026 01:10", "2026-05-03T01:10:00Z"}[i%2],
		[]string{"", "02/05/2026 23:55"}[i%2], []string{"blade", "Body Part", "pushed"}[i%3],
		[]string{"", "Hit with a bottle of 0.75 l, twice; see form 12", "Knocked down, then kicked"}[i%3], "street",
		[]string{"", "Behind the bus station, stand 14"}[i%2], "",
	}
}

func tenancyKinds() []faultKind {
	long := strings.Repeat("A", 81)
	return append([]faultKind{
		{name: "no source id", column: "Tenancy Ref", codes: "required"},
		{name: "source id of signs", column: "Tenancy Ref", cell: "#7", codes: "pattern"},
		{name: "source id too long", column: "Tenancy Ref", cell: long[:65], codes: "too-long"},
		{name: "no area", column: "LA Code", codes: "required"},
		{name: "area by an unknown name", column: "LA Code", cell: "Atlantis", codes: "ons-format"},
		{name: "area is Welsh", column: "LA Code", cell: "W06000015", codes: "pattern"},
		{name: "area is not agreed", column: "LA Code", cell: "Shropshire", codes: "area-not-agreed"},
		{name: "no UPRN", column: "Property UPRN", codes: "required"},
		{name: "UPRN in words", column: "Property UPRN", cell: "unknown", codes: "uprn-format"},
		{name: "UPRN of 13 digits", column: "Property UPRN", cell: "1000233369567", codes: "uprn-format"},
		{name: "UPRN zero", column: "Property UPRN", cell: "0000", codes: "uprn-format"},
		{name: "UPRN as Excel writes it", column: "Property UPRN", cell: "1.00023E+11", codes: "uprn-format"},
		{name: "no given name", column: "Forename", codes: "required"},
		{name: "given name of signs", column: "Forename", cell: "--", codes: "name-empty"},
		{name: "given name too long", column: "Forename", cell: long, codes: "too-long"},
		{name: "no family name", column: "Surname", codes: "required"},
		{name: "family name of signs", column: "Surname", cell: "?", codes: "name-empty"},
		{name: "family name too long", column: "Surname", cell: long, codes: "too-long"},
		{name: "no birth date", column: "D.O.B.", codes: "required"},
		{name: "birth date is none", column: "D.O.B.", cell: "30/02/1990", codes: "date-none"},
		{name: "birth date with the month first", column: "D.O.B.", cell: "04/31/1990", codes: "date-none"},
		{name: "birth date in words", column: "D.O.B.", cell: "12 April 1990", codes: "date-format"},
		{name: "birth date of two digits", column: "D.O.B.", cell: "12/04/90", codes: "date-format"},
		{name: "birth date as Excel counts it", column: "D.O.B.", cell: "32975", codes: "date-format"},
		{name: "no postcode", column: "Post Code", codes: "required"},
		{name: "half a postcode", column: "Post Code", cell: "TF1", codes: "postcode-format"},
		{name: "postcode with an O for a zero", column: "Post Code", cell: "TF1 OAB", codes: "postcode-format"},
		{name: "postcode with letters not in use", column: "Post Code", cell: "TF1 5CB", codes: "postcode-letters"},
		{name: "no type", column: "Tenancy Type", codes: "required"},
		{name: "unknown type", column: "Tenancy Type", cell: "freehold", codes: "not-in-list"},
		{name: "no status", column: "Status", codes: "required"},
		{name: "unknown status", column: "Status", cell: "void", codes: "not-in-list"},
	}, moreTenancyKinds()...)
}

func moreTenancyKinds() []faultKind {
	return append([]faultKind{
		{name: "no start", column: "Start Date", codes: "required"},
		{name: "start in a year without the day", column: "Start Date", cell: "29/02/2025", codes: "date-none"},
		{name: "start with a time of day", column: "Start Date", cell: "04/03/2024 09:15", codes: "date-format"},
		{name: "start in the future", column: "Start Date", cell: "23/11/2026", codes: "date-in-future"},
		{name: "end is none", column: "End Date", cell: "31/11/2026", codes: "date-none"},
		{name: "end in words", column: "End Date", cell: "open", codes: "date-format"},
		{name: "reason zero", column: "CORE Reason Code", cell: "0", codes: "pattern"},
		{name: "reason in words", column: "CORE Reason Code", cell: "cuckooing", codes: "pattern"},
		{name: "household in words", column: "No. in Household", cell: "many", codes: "type"},
		{name: "household of none", column: "No. in Household", cell: "0", codes: "too-small"},
		{name: "household of 31", column: "No. in Household", cell: "31", codes: "too-large"},
		{name: "household of two and a half", column: "No. in Household", cell: "2.5", codes: "type"},
		{name: "household beyond 2^53", column: "No. in Household", cell: "9007199254740993", codes: "json-number"},
		{name: "household beyond numbers", column: "No. in Household", cell: "1e999", codes: "json-number"},
		{name: "unknown need", column: "Support Codes", cell: "care_leaver;flying", codes: "not-in-list"},
		{name: "need twice", column: "Support Codes", cell: "care_leaver;Care leavers", codes: "duplicate-item"},
		{name: "neither fact nor opinion", column: "Fact or Opinion?", cell: "rumour", codes: "not-in-list"},
		{name: "no fact or opinion", column: "Fact or Opinion?", codes: "required"},
		{name: "unknown subject", column: "Subject Type", cell: "Tenant", codes: "not-in-list"},
		{name: "no subject", column: "Subject Type", codes: "required"},
	}, lineKinds()...)
}

// lineKinds are faults of the file, as broken programs write them.
func lineKinds() []faultKind {
	cut := func(line string) string { return line[:strings.LastIndexByte(line, ',')] }
	replace := func(from, to string) func(string) string {
		return func(line string) string { return strings.Replace(line, from, to, 1) }
	}
	return []faultKind{
		{name: "a cell less", line: func(l string) string { return cut(cut(l)) }, codes: "csv-ragged"},
		{name: "a cell more", line: func(l string) string { return l + ",more" }, codes: "csv-ragged"},
		{name: "a quote that does not end", line: replace(",E06000020,", `,"E06000020,`), codes: "csv-quote"},
		{name: "a quote within a cell", line: replace(",E06000020,", `,E06"000020,`), codes: "csv-quote"},
		{name: "text behind a quote", line: replace(",E06000020,", `,"E06"000020,`), codes: "csv-quote"},
		{name: "Latin-1", column: "Surname", cell: "M\xfcller", codes: "csv-encoding"},
		{name: "half a surrogate pair", column: "Forename", cell: "Zo\xed\xa0\x80", codes: "csv-encoding"},
		{name: "NUL", column: "Forename", cell: "Ro\x00wan", codes: "csv-nul"},
		{name: "a cell without a heading", column: "", cell: "stray", codes: "csv-no-heading"},
		{name: "a row of 70 KB", column: "Housing Officer", cell: strings.Repeat("x", 70<<10), codes: "row-too-large", columns: "-"},
		{name: "a source id twice", column: "Tenancy Ref", cell: "T-00001", codes: "duplicate-source-id"},
	}
}
