package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxProblems is how many problems of one row are reported.
const maxProblems = 25

// schemaProblems puts what the schema found into words.
func schemaProblems(err error) []Problem {
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return []Problem{{Code: "schema", Message: "The row does not fit the schema.", Remedy: remedy("")}}
	}
	problems := explain(nil, failed)
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Code, b.Code))
	})
	problems = slices.Compact(problems)
	return problems[:min(len(problems), maxProblems)]
}

// explain appends the problems of the leaves of e. A failed choice between
// subschemas is one problem: its branches contradict each other.
func explain(problems []Problem, e *jsonschema.ValidationError) []Problem {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains, *kind.PropertyNames:
		return append(problems, problemOf(e))
	}
	if len(e.Causes) == 0 {
		return append(problems, leafProblems(e)...)
	}
	for _, cause := range e.Causes {
		problems = explain(problems, cause)
	}
	return problems
}

// leafProblems gives a problem for each field where the rule is about several.
func leafProblems(e *jsonschema.ValidationError) []Problem {
	var problems []Problem
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			problems = append(problems, missing(pointerOf(e.InstanceLocation)+"/"+name))
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			problems = append(problems, missing(pointerOf(e.InstanceLocation)+"/"+name))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			problems = append(problems, Problem{
				Pointer: pointerOf(append(slices.Clone(e.InstanceLocation), name)), Code: "unknown-field",
				Message: "The dataset has no field of this name.",
				Remedy:  "Remove the field, or use the name that the dataset's schema has for it.",
			})
		}
	default:
		problems = append(problems, problemOf(e))
	}
	return problems
}

func missing(pointer string) Problem {
	return Problem{Pointer: pointer, Code: "required", Message: "The field is missing.", Remedy: "Give the field in every row to which this rule applies."}
}

// problemOf explains one failed rule.
func problemOf(e *jsonschema.ValidationError) Problem {
	p := Problem{Pointer: pointerOf(e.InstanceLocation)}
	switch k := e.ErrorKind.(type) {
	case *kind.Format:
		p.Code, p.Message = codeOf(k.Err)
		p.Remedy = remedy(p.Code)
	case *kind.Type:
		p.Code = "type"
		p.Message = "The field has a value of the wrong type."
		p.Remedy = "Send " + typeWords(k.Want) + "."
	case *kind.Enum:
		p.Code, p.Message = "not-in-list", "The value is not one of the codes that the field allows."
		p.Remedy = "Use one of the codes: " + listed(k.Want) + "."
	case *kind.Const:
		p.Code, p.Message = "not-in-list", "The value is not the one that the field allows."
		p.Remedy = "Use the code: " + listed([]any{k.Want}) + "."
	case *kind.Pattern:
		p.Code, p.Message = "pattern", "The value is not written as the field asks."
		p.Remedy = "Write it as the field's description in the schema says; the pattern is " + k.Want + " there."
	default:
		p.Code, p.Message, p.Remedy = sizeProblem(e.ErrorKind)
	}
	return p
}

// sizeProblem explains the rules that set a limit.
func sizeProblem(k jsonschema.ErrorKind) (code, message, remedy string) {
	switch k := k.(type) {
	case *kind.MinLength:
		return "too-short", "The text is too short.", "Give at least " + counted(k.Want, "character") + "."
	case *kind.MaxLength:
		return "too-long", "The text is too long.", "Give at most " + counted(k.Want, "character") + "."
	case *kind.MinItems:
		return "too-few", "The list is too short.", "Give at least " + counted(k.Want, "item") + "."
	case *kind.MaxItems:
		return "too-many", "The list is too long.", "Give at most " + counted(k.Want, "item") + "."
	case *kind.UniqueItems:
		return "duplicate-item", "The list has the same item twice.", "Give each item once."
	case *kind.Minimum:
		return "too-small", "The number is too small.", "Give at least " + k.Want.RatString() + "."
	case *kind.Maximum:
		return "too-large", "The number is too large.", "Give at most " + k.Want.RatString() + "."
	case *kind.ExclusiveMinimum:
		return "too-small", "The number is too small.", "Give more than " + k.Want.RatString() + "."
	case *kind.ExclusiveMaximum:
		return "too-large", "The number is too large.", "Give less than " + k.Want.RatString() + "."
	case *kind.MultipleOf:
		return "step", "The number is not a multiple of the field's step.", "Give a multiple of " + k.Want.RatString() + "."
	}
	return "schema", "The value breaks a rule of the dataset's schema.", "Compare the row with the dataset's schema."
}

// ruleProblem is the problem of an identifier that breaks the rule of its type.
func ruleProblem(pointer string, err error) Problem {
	code, message := codeOf(err)
	return Problem{Pointer: pointer, Code: code, Message: message, Remedy: remedy(code)}
}

// pointerOf joins the location up to the first key that cannot be shown.
func pointerOf(location []string) string {
	var b strings.Builder
	for _, key := range location {
		if !plausibleName(key) {
			break
		}
		b.WriteString("/" + key)
	}
	return b.String()
}

func typeWords(types []string) string {
	words := make([]string, len(types))
	for i, t := range types {
		switch t {
		case "string":
			words[i] = "text, in JSON in quotation marks"
		case "integer":
			words[i] = "a whole number in digits, in JSON without quotation marks"
		case "number":
			words[i] = "a number in digits, in JSON without quotation marks"
		case "boolean":
			words[i] = "true or false (in CSV also yes or no), in JSON without quotation marks"
		case "array":
			words[i] = "a list, in JSON in square brackets, in CSV with semicolons between the items"
		case "object":
			words[i] = "an object, in JSON in braces"
		default:
			words[i] = t
		}
	}
	return strings.Join(words, " or ")
}

// listed writes out the codes of a schema, shortened when there are many.
func listed(values []any) string {
	const shown = 40
	words := make([]string, 0, shown+1)
	for i, v := range values {
		if i == shown {
			words = append(words, "and others in the schema")
			break
		}
		words = append(words, fmt.Sprint(v))
	}
	return strings.Join(words, ", ")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
