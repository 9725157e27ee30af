package gateway_test

import "strings"

// exclusionKinds are faults in a file of exclusions.
func exclusionKinds() []faultKind {
	return []faultKind{
		{name: "UPN too short", column: "UPN", cell: "T88499992400", codes: "upn-format"},
		{name: "UPN with a wrong letter", column: "UPN", cell: "A884999924001", codes: "upn-check"},
		{name: "UPN that says unknown", column: "UPN", cell: "UN3", codes: "upn-unknown"},
		{name: "URN of seven digits", column: "URN", cell: "1234567", codes: "pattern"},
		{name: "no URN", column: "URN", codes: "required"},
		{name: "year in four digits", column: "School Year", cell: "2025", codes: "pattern"},
		{name: "unknown type", column: "Type", cell: "LUNCH", codes: "not-in-list"},
		{name: "no reason", column: "Reason Codes", codes: "required"},
		{name: "unknown reason", column: "Reason Codes", cell: "PP;QQ", codes: "not-in-list", also: map[string]string{"School Year": "2025/26"}},
		{name: "reason of a later year", column: "Reason Codes", cell: "PP;BW", codes: "not-in-list", also: map[string]string{"School Year": "2023/24"}},
		{name: "reason twice", column: "Reason Codes", cell: "PP;PP", codes: "duplicate-item"},
		{name: "four reasons", column: "Reason Codes", cell: "PP;PA;VP;VA", codes: "too-many"},
		{name: "start in the future", column: "Exclusion Start Date", cell: "01/01/2027", codes: "date-in-future"},
		{name: "a suspension without sessions", column: "Sessions Excluded", codes: "required", also: map[string]string{"Type": "SUSP"}},
		{name: "no session", column: "Sessions Excluded", cell: "0", codes: "too-small"},
		{name: "91 sessions", column: "Sessions Excluded", cell: "91", codes: "too-large"},
		{name: "sessions in words", column: "Sessions Excluded", cell: "two", codes: "type"},
		{name: "unknown provision", column: "SEN", cell: "statement", codes: "not-in-list"},
		{name: "a column that is not agreed", column: "Form Tutor", cell: "7B", codes: "unknown-field"},
		{name: "birth date is none", column: "DOB", cell: "31/06/2012", codes: "date-none"},
	}
}

// assaultKinds are faults in a file that must identify nobody.
func assaultKinds() []faultKind {
	return []faultKind{
		{name: "NHS number in text", column: "method_text", cell: "Patient 999 000 0018 was hit", codes: "text-nhs-number"},
		{name: "phone number in text", column: "method_text", cell: "Call 07700 900456", codes: "text-phone"},
		{name: "postcode in text", column: "location_text", cell: "Outside a house in TF1 5AB", codes: "text-postcode"},
		{name: "e-mail address in text", column: "method_text", cell: "rowan@example.org saw it", codes: "text-email"},
		{name: "UPN in text", column: "method_text", cell: "Pupil T884999924001", codes: "text-upn"},
		{name: "PNC ID in text", column: "method_text", cell: "See 2002/0073319Z", codes: "text-pnc-id"},
		{name: "CRO number in text", column: "method_text", cell: "See 123456/24X", codes: "text-cro"},
		{name: "insurance number in text", column: "method_text", cell: "Holds AB 12 34 56 C", codes: "text-national-insurance"},
		{name: "text too long", column: "location_text", cell: strings.Repeat("by the road ", 21), codes: "too-long"},
		{name: "the hour that clocks leave out", column: "arrival_time", cell: "29/03/2026 01:30", codes: "datetime-format"},
		{name: "a time without a day", column: "arrival_time", cell: "01:10", codes: "datetime-format"},
		{name: "arrival in the future", column: "arrival_time", cell: "23/11/2026 00:10", codes: "date-in-future"},
		{name: "assault at 25 o'clock", column: "assault_time", cell: "02/05/2026 25:00", codes: "datetime-format"},
		{name: "month 13", column: "reporting_period", cell: "13/2026", codes: "month-format"},
		{name: "site by its name", column: "site_code", cell: "Princess Royal", codes: "pattern"},
		{name: "unknown method", column: "method", cell: "brick", codes: "not-in-list"},
		{name: "no place", column: "location_type", codes: "required"},
		{name: "a column that is not agreed", column: "age", cell: "34", codes: "unknown-field"},
	}
}
