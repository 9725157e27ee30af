package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// thirty is a configuration with one dataset of 30 fields and one agreement that
// names 28 of them: 24 are released under the treatments in turn, two are only
// counted, two stay, and two are not named.
func thirty(tb testing.TB) Config {
	tb.Helper()
	cfg := sample(tb)
	text := map[string]any{"type": "string", "title": "Text", "maxLength": 80}
	properties := map[string]any{
		"source_id": map[string]any{"type": "string", "title": "Reference", "minLength": 1, "maxLength": 64},
		"area":      map[string]any{"type": "string", "title": "Local authority", "format": "ons-code"},
		"made_on":   map[string]any{"type": "string", "title": "Made on", "format": "date"},
	}
	fields := map[string]release.Treatment{"/source_id": release.Pseudonym, "/area": release.Full, "/made_on": release.Year}
	treatments := []release.Treatment{release.Full, release.Full, release.Mask}
	for i := range 27 {
		name := fmt.Sprintf("field_%02d", i)
		properties[name] = text
		switch {
		case i < 21:
			fields["/"+name] = treatments[i%len(treatments)]
		case i < 23:
			fields["/"+name] = release.CountOnly
		case i < 25:
			fields["/"+name] = release.Withhold
		}
	}
	properties["field_00"] = map[string]any{
		"type": "string", "title": "UPRN", "format": "uprn", "x-concord": map[string]any{"identifier": "uprn"},
	}
	schema, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:concord:dataset:bench.thirty",
		"title": "Thirty fields", "description": "A dataset of thirty fields.",
		"x-concord": map[string]any{
			"name": "bench.thirty", "version": "1.0.0", "kind": "person", "source_id": "/source_id", "area": "/area",
			"event_date": "/made_on", "special_category": false,
			"indicators": []any{map[string]any{"id": "bench.all", "title": "All", "section": "all", "when": []any{}}},
		},
		"type": "object", "additionalProperties": false, "required": []string{"source_id", "area", "made_on"}, "properties": properties,
	})
	if err != nil {
		tb.Fatal(err)
	}
	if cfg.Datasets, err = dataset.Load(fstest.MapFS{"bench.thirty.schema.json": {Data: schema}}); err != nil {
		tb.Fatal(err)
	}
	model, _ := cfg.Agreements.Get("ISA-TH-WMP-001")
	a := *model
	a.SpecialCategory = nil
	a.Datasets = []agreement.Share{{
		Dataset: "bench.thirty", Unlisted: "refuse", RetentionDays: 30,
		Purposes: []agreement.Purpose{{
			Purpose: "soc-investigation", Kinds: []string{kindSubject}, Clause: "4.2(a)", Fields: fields,
			Conditions: agreement.Conditions{
				Roles: []string{"analyst"}, Clearance: "nppv2", CaseLink: "assigned",
				Row: []release.Condition{{Attr: "event_date", Op: "within_days", Value: 30.0}},
			},
			Quota: &agreement.Quota{PerHour: 40, PerDay: 120, AgencyPerHour: 400},
		}},
	}}
	raw, err := json.Marshal(a)
	if err != nil {
		tb.Fatal(err)
	}
	if cfg.Agreements, err = agreement.Load(fstest.MapFS{a.ID + "/agreement.json": {Data: raw}}, cfg.Datasets); err != nil {
		tb.Fatal(err)
	}
	return cfg
}

// BenchmarkDecisionField30 decides about one dataset of 30 fields, and compares
// with hand-written Go that comes to the same decision.
func BenchmarkDecisionField30(b *testing.B) {
	cfg := thirty(b)
	e, hand := newEngine(b, cfg), newHand(cfg)
	in := person([]Group{{Provider: "telford-housing", Dataset: "bench.thirty"}})
	want, err := e.Decide(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	if n := len(want.Groups[0].Fields); n != 24 {
		b.Fatalf("%d fields are released", n)
	}
	got, err := hand.decide(in)
	if err != nil {
		b.Fatal(err)
	}
	got.Revision = want.Revision
	if diff := cmp.Diff(want, got); diff != "" {
		b.Fatalf("the two do not do the same (-rules +hand):\n%s", diff)
	}
	var ratios []float64
	for range 41 {
		byRules := inProcessorTime(b, func() {
			for range 20 {
				decideOnce(b, e, in)
			}
		})
		byHand := inProcessorTime(b, func() {
			for range 200 {
				if _, err := hand.decide(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		ratios = append(ratios, 10*float64(byRules)/float64(byHand))
		if testing.Short() {
			break
		}
	}
	slices.Sort(ratios)
	b.ReportAllocs()
	for b.Loop() {
		decideOnce(b, e, in)
	}
	const most = 15
	ratio := ratios[len(ratios)/2]
	b.ReportMetric(ratio, "ratio-go")
	if ratio >= most && !testing.Short() {
		b.Errorf("a decision takes %.1f times what Go takes; the bound is %d", ratio, most)
	}
}

// BenchmarkRecords projects a thousand records of one dataset: by one decision,
// and deciding about each.
func BenchmarkRecords(b *testing.B) {
	cfg := sample(b)
	e := newEngine(b, cfg)
	in := person([]Group{{Provider: "severn-homes", Dataset: "housing.concern"}})
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		b.Fatal(err)
	}
	records := make([]release.Record, 1000)
	for i := range records {
		records[i] = release.Record{EventDate: "2026-10-03", Area: "E06000051", Value: map[string]any{
			"source_id": fmt.Sprintf("C-%d", i), "concern_type": "cuckooing", "severity": "high", "status": "open",
			"reported_on": "2026-10-03", "postcode": "SY1 1AA", "area": "E06000051", "given_name": "Rowan",
		}}
	}
	project := func(d Decision, records []release.Record) int {
		g, n := d.Groups[0], 0
		fields := make(map[string]release.Treatment, len(g.Fields))
		for f, grant := range g.Fields {
			fields[f] = grant.Treatment
		}
		projection := release.NewProjection(fields)
		for _, r := range records {
			if c := (release.Context{Now: at}); release.Meets(r, g.RowConditions, c) {
				values, _ := projection.Apply(r, c)
				n += len(values)
			}
		}
		return n
	}
	decide := func() Decision {
		d, err := e.Decide(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	once := func() int { return project(decide(), records) }
	each := func() int {
		n := 0
		for i := range records {
			n += project(decide(), records[i:i+1])
		}
		return n
	}
	if a, b1 := once(), each(); a != b1 || a < len(records) {
		b.Fatalf("%d values by one decision, %d by one for each", a, b1)
	}
	const rounds = 20
	byEach := inProcessorTime(b, func() { each() })
	byOne := inProcessorTime(b, func() {
		for range rounds {
			once()
		}
	})
	for b.Loop() {
		once()
	}
	const least = 50
	ratio := rounds * float64(byEach) / float64(byOne)
	b.ReportMetric(ratio, "ratio")
	if ratio < least && !testing.Short() {
		b.Errorf("one decision is %.1f times as fast as one for each record; the bound is %d", ratio, least)
	}
}
