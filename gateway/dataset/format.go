package dataset

import (
	"errors"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/concord-gateway/concord/gateway/fault"
)

// formats are the values of the keyword "format" that a schema may use. Each is
// asserted; there are no others.
func formats() map[string]func(string) error {
	out := map[string]func(string) error{"date-time": checkDateTime, "year-month": checkYearMonth, "ons-code": checkONSCode}
	for name, t := range identifierFormats() {
		out[name] = func(s string) error {
			_, err := Normalise(t, s)
			return err
		}
	}
	return out
}

// identifierFormats are the formats that hold a value to the rule of an
// identifier.
func identifierFormats() map[string]IdentifierType {
	return map[string]IdentifierType{
		"nhs-number": NHSNumber, "upn": UPN, "pnc-id": PNCID, "cro": CRO, "uprn": UPRN,
		"uk-postcode": Postcode, "date": DateOfBirth,
	}
}

// eventFormat reports whether the field with the event date may have the format.
func eventFormat(format string) bool {
	return format == "date" || format == "date-time" || format == "year-month"
}

// newCompiler returns a compiler that asserts the formats and loads nothing
// from anywhere.
func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(refuseLoader{})
	for name, check := range formats() {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			if s, ok := v.(string); ok {
				return check(s)
			}
			return nil
		}})
	}
	return c
}

var errRemote = errors.New("a reference to another file is refused")

// refuseLoader is the loader of schemas by address: it has none.
type refuseLoader struct{}

func (refuseLoader) Load(string) (any, error) { return nil, errRemote }

// checkDateTime accepts RFC 3339 with an offset, as time.Time reads it.
func checkDateTime(s string) error {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return reject("datetime-format", "The time does not exist or is not written YYYY-MM-DDThh:mm:ss with Z or an offset.")
	}
	return nil
}

func checkYearMonth(s string) error {
	if _, err := time.Parse("2006-01", s); err != nil || len(s) != len("2006-01") {
		return reject("month-format", "The month does not exist or is not written YYYY-MM.")
	}
	return nil
}

// checkONSCode accepts the nine-character codes of the ONS code register.
func checkONSCode(s string) error {
	if len(s) != 9 || strings.IndexByte("EWSN", s[0]) < 0 || !digits(s[1:], 8) {
		return reject("ons-format", "An ONS code is E, W, S or N and eight digits.")
	}
	return nil
}

// codeOf returns the stable code and the safe message of a rule's error.
func codeOf(err error) (code, message string) {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code, f.Message
	}
	return "format", "The value does not have the format of this field."
}
