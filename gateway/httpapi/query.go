package httpapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// strictQuery refuses a query that says anything but the parameters known, each once.
//
// As with unknown keys of a body, nothing is passed over: a filter that is misspelt
// would answer more than was asked for, one that stands twice could be checked by its
// first value and used by its second, and one that names a withheld field must not
// seem to work. Names are not repeated: what is written there by mistake may be about
// a person.
func strictQuery(raw, known string) error {
	const op = "httpapi.strictQuery"
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fault.New(fault.Invalid, op, "The query is not well-formed.").WithCode("query-parameter")
	}
	names := strings.Fields(known)
	twice := false
	for name, given := range values {
		if !slices.Contains(names, name) {
			return fault.New(fault.Invalid, op, "There is no such query parameter.").WithCode("query-unknown")
		}
		twice = twice || len(given) > 1
	}
	if twice {
		return fault.New(fault.Invalid, op, "A query parameter stands twice.").WithCode("query-twice")
	}
	return nil
}
