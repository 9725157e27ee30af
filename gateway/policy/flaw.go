package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Flaw is one thing for which a Rego file is refused, and where it stands.
type Flaw struct {
	File string
	Line int
	// Rule is the stable code of the rule that is broken.
	Rule    string
	Message string
	Remedy  string
}

// String returns the flaw as one line, as a compiler would print it.
func (f Flaw) String() string {
	return fmt.Sprintf("%s:%d: %s [%s]; %s", f.File, f.Line, f.Message, f.Rule, f.Remedy)
}

// Flaws is everything for which the policy is refused. It is the cause of the
// fault that New returns.
type Flaws []Flaw

// Error returns one line for each flaw.
func (fs Flaws) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// err is nil where there are none.
func (fs Flaws) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// remedies are what to do about an error of OPA, by a part of its message, or
// its code.
var remedies = []struct{ part, remedy string }{
	{"undefined function", "use only functions whose answer depends on their arguments alone: no network, clock, chance or environment"},
	{ast.RecursionErr, "take the rule out of its own definition: rules that need each other have no answer"},
	{ast.ParseErr, "mend the syntax at this line"},
	{ast.UnsafeVarErr, "give each variable a value"},
	{"", "mend the rule at this line; opa check --strict shows the same"},
}

// flawed turns the errors of OPA's parser and compiler into flaws.
func flawed(err error) error {
	var found ast.Errors
	if !errors.As(err, &found) {
		return err
	}
	out := make(Flaws, len(found))
	for i, e := range found {
		out[i] = Flaw{Rule: e.Code, Message: e.Message}
		if e.Location != nil {
			out[i].File, out[i].Line = e.Location.File, e.Location.Row
		}
		for _, r := range remedies {
			if e.Code == r.part || strings.Contains(e.Message, r.part) {
				out[i].Remedy = r.remedy
				break
			}
		}
	}
	return out
}
