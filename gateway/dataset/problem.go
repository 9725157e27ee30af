package dataset

import "strings"

// Problem is one reason why a row was refused. It never holds a value of the
// row.
type Problem struct {
	// Pointer is the RFC 6901 pointer of the field. Where a key in the row does
	// not look like a field name, it is the pointer of the object around it.
	Pointer string `json:"pointer"`
	// Code is stable and meant for machines, "required".
	Code string `json:"code"`
	// Message says in a sentence what is wrong.
	Message string `json:"message"`
	// Remedy says in a sentence what to do.
	Remedy string `json:"remedy"`
}

// under returns p moved below the key or index.
func (p *Problem) under(key string) *Problem {
	if !plausibleName(key) {
		// What lies below an unnameable key is reported at its parent.
		p.Pointer = ""
		return p
	}
	p.Pointer = "/" + key + p.Pointer
	return p
}

// PlausibleName reports whether the name of a field that a partner sent can be
// shown and counted: it looks like the name of a field, and not like a value that
// stands where a name should.
func PlausibleName(name string) bool { return plausibleName(name) }

// plausibleName reports whether a key can be shown in an error. A partner that
// mixes up keys and values must not find a name or a number of a person in an
// error text: shown are array indexes and what is written like a field name,
// without a run of four digits.
func plausibleName(key string) bool {
	if key == "" || len(key) > 64 {
		return false
	}
	run := 0
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= '0' && c <= '9':
			if run++; run >= 4 {
				return false
			}
			continue
		case c >= 'a' && c <= 'z', c == '_' && i > 0, c >= 'A' && c <= 'Z' && i > 0:
		default:
			return false
		}
		run = 0
	}
	return true
}

func jsonProblem(code, message string) *Problem {
	return &Problem{Code: code, Message: message, Remedy: jsonRemedies(code)}
}

func syntax() *Problem { return jsonProblem("json-syntax", "The text is not well-formed JSON.") }

func jsonRemedies(code string) string {
	switch code {
	case "row-too-large":
		return "Send less text in this row."
	case "json-duplicate-key":
		return "Give each field once."
	case "json-utf8", "json-surrogate", "json-nul":
		return "Export the file again as UTF-8 text without control characters."
	case "json-number":
		return "Check the number. An identifier is text; in JSON, text stands in quotation marks."
	case "json-key":
		return "Use the field names of the dataset's schema."
	case "json-depth":
		return "Send the fields as the dataset's schema has them."
	}
	return "Send one JSON object for each row."
}

// remedy is the advice for a value that breaks the rule of its type.
func remedy(code string) string {
	prefix, _, _ := strings.Cut(code, "-")
	switch prefix {
	case "nhs":
		return "Check the NHS number against its source, or leave the field out if it is optional."
	case "upn":
		return "Check the UPN against the school's register, or leave the field out if it is unknown."
	case "pnc", "cro":
		return "Check the number against the police record it was copied from."
	case "uprn":
		return "Look the address up in the local land and property gazetteer."
	case "postcode":
		return "Give the full postcode, for example WR1 2EY."
	case "date", "datetime":
		return "Write dates as 2025-01-31, and times as 2025-01-31T09:30:00Z. In CSV, 31/01/2025 and 31/01/2025 09:30 are fine too."
	case "month":
		return "Write months as 2025-01, in CSV also as 01/2025."
	case "ons":
		return "Give the nine-character ONS code, for example E06000020."
	case "name":
		return "Give the name in letters."
	}
	return "Correct the field and send the row again."
}
