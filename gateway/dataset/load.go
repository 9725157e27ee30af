package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	fileSuffix = ".schema.json"
	draft      = "https://json-schema.org/draft/2020-12/schema"
)

// Load reads every *.schema.json at the root of fsys, and the *.mapping.json
// beside them; other files and folders are left alone. It fails with kind Invalid
// at the first schema that is not valid, is not closed or has a wrong annotation,
// and at the first mapping that does not fit its dataset; the message names the
// file and the JSON pointer in it. It fails with kind Unavailable when a file
// cannot be read.
func Load(fsys fs.FS) (*Registry, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "dataset.Load", "The folder of dataset schemas cannot be read.", err)
	}
	r := &Registry{byName: make(map[string]*Dataset)}
	owners := make(map[string]string) // indicator id -> dataset
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), fileSuffix) {
			continue
		}
		d, err := loadFile(fsys, entry.Name())
		if err != nil {
			return nil, err
		}
		for i, ind := range d.Indicators {
			if owner, taken := owners[ind.ID]; taken {
				return nil, schemaFault(entry.Name(), fmt.Sprintf("/x-concord/indicators/%d/id", i),
					fmt.Sprintf("the indicator %q exists already in %s", ind.ID, owner))
			}
			owners[ind.ID] = d.Name
		}
		r.byName[d.Name] = d
		r.all = append(r.all, d)
	}
	if err := r.loadMappings(fsys, entries); err != nil {
		return nil, err
	}
	slices.SortFunc(r.all, func(a, b *Dataset) int { return cmp.Compare(a.Name, b.Name) })
	return r, nil
}

func loadFile(fsys fs.FS, file string) (*Dataset, error) {
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "dataset.Load", "The file "+file+" cannot be read.", err)
	}
	d, err := parse(raw)
	if err == nil && d.Name+fileSuffix != file {
		err = errAt("/x-concord/name", "the name differs from the file name")
	}
	if err == nil {
		d.compiled, err = compile(raw)
	}
	if err != nil {
		if located, ok := errors.AsType[*locatedError](err); ok {
			return nil, schemaFault(file, located.pointer, located.message)
		}
		return nil, schemaFault(file, "", err.Error())
	}
	d.quicken()
	return d, nil
}

// compile checks the schema against the 2020-12 metaschema and compiles it.
func compile(raw []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	const address = "urn:concord:schema"
	c := newCompiler()
	if err := c.AddResource(address, doc); err != nil {
		return nil, err
	}
	schema, err := c.Compile(address)
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if cause, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			for len(cause.Causes) > 0 {
				cause = cause.Causes[0]
			}
			return nil, errAt("/"+strings.Join(cause.InstanceLocation, "/"), "the schema is not valid JSON Schema 2020-12: %s", cause.Error())
		}
	}
	return schema, err
}

// locatedError is a mistake in a schema, at a pointer into its file.
type locatedError struct{ pointer, message string }

func (e *locatedError) Error() string { return e.pointer + ": " + e.message }

func errAt(pointer, format string, args ...any) error {
	return &locatedError{pointer: pointer, message: fmt.Sprintf(format, args...)}
}

func schemaFault(file, pointer, message string) error {
	at := pointer
	if at == "" {
		at = "/"
	}
	return fault.New(fault.Invalid, "dataset.Load", file+": "+at+": "+message).At(pointer).WithCode("dataset-schema")
}
