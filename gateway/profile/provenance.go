package profile

import (
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/release"
)

// provenance comes with every record: what it rests on and how far it can be
// relied on (DPA 2018 s.38).
type provenance struct {
	Agreement       string  `json:"agreement"`
	EventMonth      string  `json:"event_month"`
	FactOrOpinion   string  `json:"fact_or_opinion"`
	Grading         string  `json:"grading"`
	Quality         quality `json:"quality"`
	Received        string  `json:"received"`
	SubjectCategory string  `json:"subject_category"`
	Version         int     `json:"version"`
}

// quality says how complete and how current the released part of a record is
// (DPA 2018 s.38(4) and (5)). Nothing in it depends on a field that is not
// released: how many other fields are filled in would tell whether there is, for
// example, a support need.
type quality struct {
	// Completeness is how many of the fields that the decision permits the record
	// has, in per cent.
	Completeness int `json:"completeness"`
	// DaysToReceipt is from the event to the day on which the record arrived; nil
	// where the date of the event is not released in full, since Received would
	// give it back.
	DaysToReceipt *int `json:"days_to_receipt"`
	// Dropped are permitted fields that the provider sent and Concord did not keep.
	Dropped []string `json:"dropped"`
	// Masked are permitted fields in whose text identifiers were masked.
	Masked []string `json:"masked"`
}

// provenanceOf says what a record rests on. Marks that are fields of the record
// are given only as far as the decision releases them.
func provenanceOf(
	g policy.GroupDecision, ds *dataset.Dataset, c linkage.Candidate, values map[string]any, treatments map[string]release.Treatment,
) provenance {
	p := provenance{
		Agreement: c.Record.Agreement, Received: c.Record.Received.UTC().Format(time.RFC3339),
		FactOrOpinion:   text(values, "/fact_or_opinion"),
		SubjectCategory: text(values, "/subject_category"),
		Grading:         text(values, "/grading"),
		Quality:         qualityOf(g, c, values),
	}
	for _, grant := range g.Fields {
		if p.Version == 0 || grant.Agreement < p.Agreement {
			p.Agreement, p.Version = grant.Agreement, grant.Version
		}
	}
	if _, ok := values[ds.EventDate]; ok {
		p.EventMonth = monthOf(c.Row.EventDate)
		if treatments[ds.EventDate] == release.Full {
			if days, ok := intake.Days(c.Row.EventDate, c.Record.Received); ok {
				p.Quality.DaysToReceipt = &days
			}
		}
	}
	return p
}

func qualityOf(g policy.GroupDecision, c linkage.Candidate, values map[string]any) quality {
	permits := func(pointer string) bool {
		grant, ok := g.Fields[pointer]
		return ok && grant.Treatment != release.Withhold && grant.Treatment != release.CountOnly
	}
	q := quality{Completeness: 100, Masked: only(c.Marks.Masked, permits), Dropped: only(c.Marks.Dropped, permits)}
	filled, permitted := 0, 0
	for pointer := range g.Fields {
		if !permits(pointer) {
			continue
		}
		permitted++
		if v, ok := values[pointer]; ok && intake.Filled(v) {
			filled++
		}
	}
	if permitted > 0 {
		q.Completeness = filled * 100 / permitted
	}
	return q
}

// only returns the pointers that pass, sorted and never nil.
func only(pointers []string, pass func(string) bool) []string {
	out := []string{}
	for _, p := range pointers {
		if pass(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func text(values map[string]any, pointer string) string {
	s, _ := values[pointer].(string)
	return s
}
