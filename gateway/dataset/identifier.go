package dataset

import (
	"github.com/concord-gateway/concord/gateway/fault"
)

// IdentifierType is a kind of value by which a person or a home is found.
type IdentifierType string

// The identifier types, as the annotation "identifier" names them.
const (
	NHSNumber   IdentifierType = "nhs_number"
	UPN         IdentifierType = "upn"
	PNCID       IdentifierType = "pnc_id"
	CRO         IdentifierType = "cro"
	UPRN        IdentifierType = "uprn"
	GivenName   IdentifierType = "given_name"
	FamilyName  IdentifierType = "family_name"
	DateOfBirth IdentifierType = "date_of_birth"
	Postcode    IdentifierType = "postcode"
)

// Strong reports whether one value of the type belongs to one person, so that
// it identifies by itself.
func (t IdentifierType) Strong() bool {
	switch t {
	case NHSNumber, UPN, PNCID, CRO:
		return true
	case UPRN, GivenName, FamilyName, DateOfBirth, Postcode:
		return false
	}
	return false
}

// Known reports whether t is one of the types above.
func (t IdentifierType) Known() bool { return t.normaliser() != nil }

func (t IdentifierType) normaliser() func(string) (string, error) {
	switch t {
	case NHSNumber:
		return normaliseNHSNumber
	case UPN:
		return normaliseUPN
	case PNCID:
		return normalisePNCID
	case CRO:
		return normaliseCRO
	case UPRN:
		return normaliseUPRN
	case GivenName, FamilyName:
		return normaliseName
	case DateOfBirth:
		return normaliseDate
	case Postcode:
		return normalisePostcode
	}
	return nil
}

// Normalise checks a value by the published rule of its type and returns the
// canonical form, in which equal identifiers are equal strings: NHS number as
// ten digits, UPN and CRO in capitals ("123456/24X"), PNC ID in long form
// ("2002/0073319Z"), UPRN without leading zeros, postcode as "WR1 2EY", date as
// "2006-01-02", names case-folded with punctuation and spaces folded. It is
// idempotent. The error is of kind Invalid, carries a stable code and never
// repeats the value.
func Normalise(t IdentifierType, value string) (string, error) {
	normalise := t.normaliser()
	if normalise == nil {
		return "", fault.New(fault.Invalid, "dataset.Normalise", "The identifier type is unknown.").WithCode("identifier-unknown")
	}
	return normalise(value)
}

// reject is the error of a value that breaks the rule of its type.
func reject(code, message string) error {
	return fault.New(fault.Invalid, "dataset.Normalise", message).WithCode(code)
}

// digits reports whether s has the given length and only ASCII digits.
func digits(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
