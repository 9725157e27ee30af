package httpapi

import (
	"github.com/concord-gateway/concord/gateway/fault"
)

// datasetItem describes a dataset that the caller's agency may share.
type datasetItem struct {
	Name            string `json:"name"`
	Title           string `json:"title"`
	Description     string `json:"description"`
	Version         string `json:"version"`
	Kind            string `json:"kind"`
	SpecialCategory bool   `json:"special_category"`
}

// listDatasets lists what can be shared under the agreements of the caller's
// agency.
func (s *server) listDatasets(c *call) (*reply, error) {
	out := list[datasetItem]{Items: []datasetItem{}}
	for _, d := range c.rules().Datasets.All() {
		if c.rules().Agreements.Visible(c.principal.Agency, d.Name) {
			out.Items = append(out.Items, datasetItem{
				Name: d.Name, Title: d.Title, Description: d.Description, Version: d.Version,
				Kind: string(d.Kind), SpecialCategory: d.SpecialCategory,
			})
		}
	}
	return &reply{body: out}, nil
}

// readSchema returns a dataset's JSON Schema. A dataset that the caller's
// agency shares nothing of answers as one that does not exist.
func (s *server) readSchema(c *call) (*reply, error) {
	d, ok := c.rules().Datasets.Get(c.Param("dataset"))
	if !ok || !c.rules().Agreements.Visible(c.principal.Agency, d.Name) {
		return nil, fault.New(fault.NotFound, "httpapi.readSchema", "There is no such dataset.")
	}
	return &reply{raw: d.Schema, contentType: "application/schema+json"}, nil
}
