package agreement

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/concord-gateway/concord/schemas"
)

// schemaFile is the canonical form of an agreement, for editors and for Load.
const schemaFile = "agreement.schema.json"

// validator checks the form of an agreement.
type validator struct {
	schema *jsonschema.Schema
	words  *message.Printer
}

func compileSchema() (validator, error) {
	raw, err := schemas.Files.ReadFile(schemaFile)
	if err != nil {
		return validator{}, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return validator{}, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(schemaFile, doc); err != nil {
		return validator{}, err
	}
	s, err := c.Compile(schemaFile)
	return validator{schema: s, words: message.NewPrinter(language.BritishEnglish)}, err
}

// check returns one finding for each place where the source breaks the schema.
func (v validator) check(a *Agreement) []Finding {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Source))
	if err != nil {
		return []Finding{a.found("", "malformed", err.Error(), "mend the JSON")}
	}
	var bad *jsonschema.ValidationError
	if err := v.schema.Validate(doc); err == nil {
		return nil
	} else if !errors.As(err, &bad) {
		return []Finding{a.found("", "malformed", err.Error(), "follow schemas/"+schemaFile)}
	}
	var found []Finding
	v.leaves(bad, func(location []string, words string, absent bool) {
		pointer := pointerTo(location)
		if l, ok := lawOn(pointer, doc); ok && absent {
			found = append(found, a.found(pointer, l.rule, l.message, l.remedy).by(l.provision))
			return
		}
		found = append(found, a.found(pointer, "schema", words, "follow schemas/"+schemaFile))
	})
	return found
}

func pointerTo(location []string) string {
	var pointer strings.Builder
	for _, key := range location {
		pointer.WriteString("/" + escape(key))
	}
	return pointer.String()
}

// leaves calls do with place and words of each error that has no cause of its
// own, and tells whether something is absent or empty. A key that is not known
// is reported where it stands, and one that is missing where it belongs.
func (v validator) leaves(e *jsonschema.ValidationError, do func(location []string, words string, absent bool)) {
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range k.Properties {
			do(append(slices.Clone(e.InstanceLocation), key), "the key is not known here", false)
		}
		return
	case *kind.Required:
		for _, key := range k.Missing {
			do(append(slices.Clone(e.InstanceLocation), key), "the key is missing", true)
		}
		return
	}
	if len(e.Causes) == 0 {
		do(e.InstanceLocation, e.ErrorKind.LocalizedString(v.words), empty(e.ErrorKind))
	}
	for _, c := range e.Causes {
		v.leaves(c, do)
	}
}

// empty reports whether the error is about a value that says nothing: null, a
// text or list without content, zero where at least one is asked for.
func empty(e jsonschema.ErrorKind) bool {
	switch k := e.(type) {
	case *kind.Type:
		return k.Got == "null"
	case *kind.MinLength:
		return k.Got == 0
	case *kind.MinItems:
		return k.Got == 0
	case *kind.Minimum:
		return k.Got.Sign() == 0
	case *kind.Format:
		return k.Got == ""
	case *kind.Enum:
		return k.Got == nil || k.Got == ""
	}
	return false
}
