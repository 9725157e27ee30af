// Package contract reads the description of the HTTP API
// (schemas/openapi.yaml, OpenAPI 3.1) and holds exchanges against it.
//
// It serves two ends. At run time it turns the description into the JSON of
// /openapi.json and the page of /docs. In tests it checks every request and
// every answer: an operation, status, content type, header, parameter or body
// that the description does not have is a Deviation, so that what is published
// about the API cannot drift from what the API does.
//
// What Load returns is sound in itself: every reference resolves inside the
// document, every operation has an id, a summary, a tag and its responses, and
// every parameter of a path is declared, and every security scheme that is asked
// for can be held against a request. Schemas are JSON Schema 2020-12, as
// OpenAPI 3.1 has them, with formats asserted; they are compiled when first
// needed, so that loading is quick. No reference leaves the document, and
// nothing is ever fetched.
//
// Four extensions are understood: x-concord-roles lists the roles that may call
// an operation (none means every role); x-concord-item-schema, beside the schema
// of a media type, describes each line of an NDJSON body; x-concord-rows, also there,
// says that the rows of the body are checked one by one by what takes them; and
// x-concord-rest says that the last parameter of a path takes the rest of it, slashes
// included.
package contract

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Contract is a loaded description. It is safe for concurrent use.
type Contract struct {
	raw        []byte
	doc        node
	operations []*operation
	schemas    *schemas
}

// Load reads a description in YAML. It answers a fault of kind Invalid, with
// the JSON pointer of the offending part where there is one, for text that is
// not YAML or not a sound OpenAPI 3.1 document.
func Load(raw []byte) (*Contract, error) {
	converted, err := yaml.YAMLToJSON(raw)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "contract.Load", "The description is not YAML.", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(converted))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "contract.Load", "The description has no JSON form.", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, converted); err != nil {
		return nil, fault.Wrap(fault.Invalid, "contract.Load", "The description has no JSON form.", err)
	}
	doc := node{root: value, value: value}
	if err := checkDocument(doc); err != nil {
		return nil, err
	}
	operations, err := readOperations(doc)
	if err != nil {
		return nil, err
	}
	compiler, err := newSchemas(value)
	if err != nil {
		return nil, err
	}
	return &Contract{raw: compact.Bytes(), doc: doc, operations: operations, schemas: compiler}, nil
}

// JSON returns the description as JSON, in the order of the YAML. The caller
// may keep and change it.
func (c *Contract) JSON() []byte { return bytes.Clone(c.raw) }

// Routes returns every operation as "METHOD /path/{param}", sorted.
func (c *Contract) Routes() []string {
	routes := make([]string, len(c.operations))
	for i, op := range c.operations {
		routes[i] = op.method + " " + op.template
	}
	slices.Sort(routes)
	return routes
}
