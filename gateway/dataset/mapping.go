package dataset

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

const mappingSuffix = ".mapping.json"

// Mapping says how the systems of partners name the fields of a dataset and its
// codes in a CSV file. It is <name>.mapping.json beside the schema, and optional.
// It means nothing for JSON, and is no part of what the parties of an agreement
// sign: a field keeps its rules, by whatever name it comes.
type Mapping struct {
	// Aliases are for every provider.
	Aliases

	// Providers are the aliases of one provider, which win over those for all.
	Providers map[string]Aliases
}

// Aliases are other names.
type Aliases struct {
	// Headers is the pointer of a field by the HeaderName of a heading.
	Headers map[string]string
	// Values is the value of a field, or of an item of its list, by the pointer of
	// the field and what the cell holds (see ValueName).
	Values map[string]map[string]any
}

// ValueName is what a cell holds in the spelling by which values are compared.
func ValueName(cell string) string { return strings.ToLower(strings.TrimSpace(cell)) }

// Values returns the aliases of the values of a field for a provider, or nil.
func (m *Mapping) Values(provider, pointer string) map[string]any {
	all, own := m.Aliases.Values[pointer], m.Providers[provider].Values[pointer]
	if len(own) == 0 {
		return all
	}
	merged := maps.Clone(all)
	if merged == nil {
		merged = make(map[string]any, len(own))
	}
	maps.Copy(merged, own)
	return merged
}

// loadMappings gives every dataset the mapping that lies beside its schema.
func (r *Registry) loadMappings(fsys fs.FS, entries []fs.DirEntry) error {
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), mappingSuffix)
		if entry.IsDir() || !ok {
			continue
		}
		d, ok := r.byName[name]
		if !ok {
			return schemaFault(entry.Name(), "", "there is no dataset of this name")
		}
		raw, err := fs.ReadFile(fsys, entry.Name())
		if err != nil {
			return fault.Wrap(fault.Unavailable, "dataset.Load", "The file "+entry.Name()+" cannot be read.", err)
		}
		if err := d.readMapping(raw); err != nil {
			if located, ok := errors.AsType[*locatedError](err); ok {
				return schemaFault(entry.Name(), located.pointer, located.message)
			}
			return schemaFault(entry.Name(), "", err.Error())
		}
	}
	return nil
}

// readMapping is strict: an unknown key, a field that is not there and two
// meanings of one alias are errors.
func (d *Dataset) readMapping(raw []byte) error {
	root, err := decodeSchema(raw)
	if err != nil {
		return err
	}
	if err := onlyKeys(root, "", "headers", "values", "providers"); err != nil {
		return err
	}
	var m Mapping
	if m.Aliases, err = d.aliases(root, ""); err != nil {
		return err
	}
	providers, err := objectAt(root, "", "providers")
	if err != nil {
		return err
	}
	m.Providers = make(map[string]Aliases, len(providers))
	for _, provider := range slices.Sorted(maps.Keys(providers)) {
		own, err := objectAt(providers, "/providers", provider)
		if err != nil {
			return err
		}
		at := "/providers/" + escapePointer(provider)
		if err := onlyKeys(own, at, "headers", "values"); err != nil {
			return err
		}
		if m.Providers[provider], err = d.aliases(own, at); err != nil {
			return err
		}
	}
	d.Mapping = m
	return nil
}
