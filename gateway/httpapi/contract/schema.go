package contract

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/concord-gateway/concord/gateway/fault"
)

// location names the document to the compiler. It is never fetched.
const location = "urn:concord:openapi"

// schemas compiles the schemas of the document when they are first needed.
type schemas struct {
	mu       sync.Mutex // guards both fields below
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// offline refuses every load: no schema comes from outside the document.
type offline struct{}

// Load always fails.
func (offline) Load(url string) (any, error) {
	return nil, fmt.Errorf("the reference %q leaves the document", url)
}

func newSchemas(document any) (*schemas, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseLoader(offline{})
	if err := compiler.AddResource(location, document); err != nil {
		return nil, fault.Wrap(fault.Invalid, "contract.Load", "The description cannot hold schemas.", err)
	}
	return &schemas{compiler: compiler, compiled: map[string]*jsonschema.Schema{}}, nil
}

// at returns the compiled schema at a place of the document.
func (s *schemas) at(place node) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if schema, ok := s.compiled[place.ptr]; ok {
		return schema, nil
	}
	schema, err := s.compiler.Compile(location + "#" + place.ptr)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "contract.schemas", "The schema does not compile.", err).At(place.ptr)
	}
	s.compiled[place.ptr] = schema
	return schema, nil
}

// validate checks a value, as jsonschema.UnmarshalJSON gives it.
func (s *schemas) validate(place node, value any) error {
	schema, err := s.at(place)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// validateJSON checks one JSON text.
func (s *schemas) validateJSON(place node, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.validate(place, value)
}
