package authoring

import (
	"encoding/json"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Format is how an agreement is printed.
type Format string

// The formats.
const (
	Markdown Format = "markdown"
	HTML     Format = "html"
)

// Render prints an agreement version as a document to be read and signed, made
// of nothing but what is enforced. Version zero is the highest.
func (d *Desk) Render(id string, number int, format Format) ([]byte, error) {
	const op = "authoring.Render"
	a, err := d.find(op, id, number)
	if err != nil {
		return nil, err
	}
	titles, err := d.titles()
	if err != nil {
		return nil, err
	}
	titles.Digest = d.Digest(rulebook.VersionOf(a))
	if format == HTML {
		return agreement.HTML(a, titles)
	}
	return agreement.Markdown(a, titles)
}

// titles are what the document calls purposes, agencies and places.
func (d *Desk) titles() (agreement.Titles, error) {
	t := agreement.Titles{Datasets: d.Datasets, Purposes: map[string]string{}, Agencies: map[string]string{}, Areas: map[string]string{}}
	for _, p := range d.Purposes {
		t.Purposes[p.ID] = p.Title
	}
	for _, p := range d.Places.All() {
		t.Areas[p.Code] = p.Name
	}
	var agencies map[string]struct {
		Title string `json:"title"`
	}
	if err := json.Unmarshal(d.Files["concord/agencies.json"], &agencies); err != nil {
		return t, fault.Wrap(fault.Invalid, "authoring.Render", "The list of agencies cannot be read.", err)
	}
	for id, a := range agencies {
		t.Agencies[id] = a.Title
	}
	return t, nil
}
