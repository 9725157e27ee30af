package agreement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Finding is one thing that is wrong with an agreement, and where.
type Finding struct {
	File    string
	Line    int
	Pointer string
	// Rule is the stable code of the rule that is broken.
	Rule string
	// Provision is the law that asks for it, "DPA 2018 s.42", or empty where the
	// rule is one of form.
	Provision string
	Message   string
	Remedy    string
}

// String returns the finding as one line, as a compiler would print it.
func (f Finding) String() string {
	where := f.Pointer
	if where == "" {
		where = "/"
	}
	rule := f.Rule
	if f.Provision != "" {
		rule += ", " + f.Provision
	}
	return fmt.Sprintf("%s:%d: %s: %s [%s]; %s", f.File, f.Line, where, f.Message, rule, f.Remedy)
}

// Findings is everything that is wrong with a set of agreements. It is the
// cause of the fault that Load returns.
type Findings []Finding

// Error returns one line for each finding.
func (fs Findings) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// fault returns nil where there is nothing to report, and otherwise a fault of
// kind Invalid whose message is the first finding.
func (fs Findings) fault(op string) error {
	if len(fs) == 0 {
		return nil
	}
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Pointer, b.Pointer))
	})
	return fault.Wrap(fault.Invalid, op, "The agreements cannot be loaded.", fs).
		At(fs[0].Pointer).WithCode(fs[0].Rule)
}

// found returns a finding at a pointer into the agreement. The line is that of
// the nearest value that is there.
func (a *Agreement) found(pointer, rule, message, remedy string) Finding {
	at := pointer
	line, ok := a.lines[at]
	for !ok && at != "" {
		at = at[:strings.LastIndex(at, "/")]
		line, ok = a.lines[at]
	}
	return Finding{File: a.file, Line: line, Pointer: pointer, Rule: rule, Message: message, Remedy: remedy}
}

// by names the law that a finding rests on.
func (f Finding) by(provision string) Finding {
	f.Provision = provision
	return f
}
