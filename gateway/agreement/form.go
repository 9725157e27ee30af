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
	v.leaves(bad, func(location []string, words string) {
		var pointer strings.Builder
		for _, key := range location {
			pointer.WriteString("/" + escape(key))
		}
		found = append(found, a.found(pointer.String(), "schema", words, "follow schemas/"+schemaFile))
	})
	return found
}

// leaves calls do with place and words of each error that has no cause of its
// own. A key that is not known is reported where it stands.
func (v validator) leaves(e *jsonschema.ValidationError, do func(location []string, words string)) {
	if k, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, key := range k.Properties {
			do(append(slices.Clone(e.InstanceLocation), key), "the key is not known here")
		}
		return
	}
	if len(e.Causes) == 0 {
		do(e.InstanceLocation, e.ErrorKind.LocalizedString(v.words))
	}
	for _, c := range e.Causes {
		v.leaves(c, do)
	}
}
