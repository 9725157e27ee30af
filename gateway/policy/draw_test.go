package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/release"
)

var (
	oracleAgencies = []string{"homes-a", "homes-b", "west-mercia-police"}
	oracleDatasets = []string{"housing.concern", "housing.tenancy"}
	oracleFields   = []string{"/area", "/given_name", "/postcode", "/uprn", "/date_of_birth"}
	oracleDates    = []string{"2026-01-01", "2026-06-29", "2026-06-30", "2026-07-01", "2026-12-31"}
	oracleTimes    = []string{
		"2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-03-01T12:00:00Z", "2026-05-01T12:00:00Z", "2026-06-30T00:00:00Z", "2026-06-30T12:00:00Z",
		"2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z",
	}
)

// maxDrawn is how many agreements are drawn at most.
const maxDrawn = 8

// drawAgreements draws some agreements. One table of treatments for each
// use keeps them from conflicting, as Load demands.
func drawAgreements(t *rapid.T, base Config) *agreement.Register {
	table := map[string]release.Treatment{}
	all := []release.Treatment{release.Full, release.Mask, release.Year, release.CountOnly, release.Withhold}
	fields := func(use string) map[string]release.Treatment {
		out := map[string]release.Treatment{}
		for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(oracleFields), 1, 4, rapid.ID).Draw(t, "fields") {
			if _, ok := table[use+f]; !ok {
				table[use+f] = rapid.SampledFrom(all).Draw(t, "treatment")
			}
			out[f] = table[use+f]
		}
		return out
	}
	files := fstest.MapFS{}
	for i := range rapid.SampledFrom([]int{0, 3, 4, 6, maxDrawn, maxDrawn}).Draw(t, "agreements") {
		conditions := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 1, 2, 3, 4}).Draw(t, "conditions")
		a := drawAgreement(t, base, conditionedID(i, conditions), fields)
		if conditions > 0 {
			files[a.ID+"/conditions.rego"] = &fstest.MapFile{Data: conditionsOf(a.ID)}
		}
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		files[a.ID+"/agreement.json"] = &fstest.MapFile{Data: raw}
	}
	r, err := agreement.Load(files, base.Datasets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func drawAgreement(
	t *rapid.T, base Config, id string, fields func(string) map[string]release.Treatment,
) agreement.Agreement {
	model, _ := base.Agreements.Get("ISA-TH-WMP-001")
	a := *model
	a.ID, a.Version = id, rapid.IntRange(1, 3).Draw(t, "version")
	a.Provider.Agency = rapid.SampledFrom([]string{"homes-a", "homes-a", "homes-b", "west-mercia-police"}).Draw(t, "provider")
	a.Recipient.Agency = pickRecipient(t)
	from := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 1, 2, 3, 4}).Draw(t, "from")
	a.Valid = agreement.Period{From: oracleDates[from], To: oracleDates[max(from, rapid.SampledFrom([]int{0, 1, 2, 4, 4, 4, 4, 4}).Draw(t, "to"))]}
	a.Review = rapid.SampledFrom(append([]string{oracleDates[0], oracleDates[1], oracleDates[2]}, slices.Repeat(oracleDates[4:], 5)...)).Draw(t, "review")
	if rapid.IntRange(0, 7).Draw(t, "suspended") == 0 {
		a.Suspended = &agreement.Suspension{On: rapid.SampledFrom(oracleDates).Draw(t, "on"), By: "homes-a", Reason: "x"}
	}
	a.Datasets = nil
	for _, d := range rapid.SliceOfNDistinct(rapid.SampledFrom(oracleDatasets), 1, 2, rapid.ID).Draw(t, "datasets") {
		s := agreement.Share{Dataset: d, Unlisted: "drop", RetentionDays: 1, Collects: collected(base, d)}
		for _, p := range base.Purposes {
			if rapid.IntRange(0, 3).Draw(t, "purpose") > 0 {
				use := a.Provider.Agency + a.Recipient.Agency + d + p.ID
				s.Purposes = append(s.Purposes, drawPurposes(t, p, func() map[string]release.Treatment { return fields(use) })...)
			}
		}
		for _, g := range agreement.Grounds()[:2] {
			if rapid.Bool().Draw(t, "ground") {
				if s.Emergency == nil {
					s.Emergency = map[string]agreement.Ground{}
				}
				s.Emergency[g] = agreement.Ground{
					Clause: "6", Fields: fields(a.Provider.Agency + a.Recipient.Agency + d + g),
				}
			}
		}
		a.Datasets = append(a.Datasets, s)
	}
	return a
}

func pickRecipient(t *rapid.T) string {
	return rapid.SampledFrom([]string{"west-mercia-police", "west-mercia-police", "homes-b"}).Draw(t, "recipient")
}

// collected are the fields without which nothing can be submitted.
func collected(base Config, name string) []string {
	d, _ := base.Datasets.Get(name)
	return []string{d.SourceID, d.Area, d.EventDate}
}

// drawPurposes draws one entry, or where the purpose is for both kinds of
// request now and then one for each.
func drawPurposes(t *rapid.T, p Purpose, fields func() map[string]release.Treatment) []agreement.Purpose {
	if len(p.Kinds) == 2 && rapid.Bool().Draw(t, "split") {
		return []agreement.Purpose{drawPurpose(t, p, p.Kinds[:1], fields()), drawPurpose(t, p, p.Kinds[1:], fields())}
	}
	kinds := rapid.SliceOfNDistinct(rapid.SampledFrom(p.Kinds), 1, len(p.Kinds), rapid.ID).Draw(t, "kinds")
	return []agreement.Purpose{drawPurpose(t, p, kinds, fields())}
}

func drawPurpose(t *rapid.T, p Purpose, kinds []string, fields map[string]release.Treatment) agreement.Purpose {
	out := agreement.Purpose{
		Purpose: p.ID, Kinds: kinds, Fields: fields,
		Clause: fmt.Sprintf("%d.1", rapid.IntRange(1, 4).Draw(t, "clause")),
	}
	if rapid.IntRange(0, 5).Draw(t, "roles") == 0 {
		out.Conditions.Roles = []string{"supervisor"}
	}
	out.Conditions.Clearance = rapid.SampledFrom([]string{"", "", "", "", "nppv2"}).Draw(t, "clearance")
	out.Conditions.CaseLink = rapid.SampledFrom([]string{"", "assigned", "self_claimed"}).Draw(t, "link")
	if rapid.Bool().Draw(t, "quota") {
		out.Quota = &agreement.Quota{
			PerHour: rapid.IntRange(0, 4).Draw(t, "per_hour"), PerDay: rapid.IntRange(0, 4).Draw(t, "per_day"),
		}
		if rapid.IntRange(0, 2).Draw(t, "of_agency") == 0 {
			out.Quota.AgencyPerHour = rapid.IntRange(0, 8).Draw(t, "agency_per_hour")
			out.Quota.AgencyPerDay = rapid.IntRange(0, 30).Draw(t, "agency_per_day")
		}
	}
	if !slices.Contains(kinds, kindArea) && rapid.Bool().Draw(t, "row") {
		out.Conditions.Row = []release.Condition{{Attr: "event_date", Op: "within_days", Value: 30}, {Attr: "area", Op: "eq", Value: "x"}}
	}
	return out
}

func drawInput(t *rapid.T) Input {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	in := Input{
		Actor: Actor{
			Subject: "ann", Agency: pick("agency", "west-mercia-police", "west-mercia-police", "west-mercia-police", "homes-b"),
			Clearance: pick("clearance", "", "nppv2", "nppv2", "nppv3", "dv"),
			Roles: rapid.SampledFrom([][]string{
				{"analyst"}, {"analyst"}, {"analyst"}, {"analyst", "emergency"}, {"analyst", "emergency"}, {"emergency", "analyst"}, {"analyst", "supervisor"}, {"supervisor"},
				{"partner-ig"}, {},
			}).Draw(t, "roles"),
		},
		Request: Request{
			Kind: pick("kind", "subject", "subject", "area"), CaseRef: pick("case", "OP-1", "OP-1", "CE-2", ""),
			Purpose: pick("purpose", "soc-investigation", "soc-investigation", "soc-investigation", "soc-local-profile",
				"child-exploitation-safeguarding", "child-exploitation-safeguarding", "child-exploitation-safeguarding",
				"protection-of-life", "none-such"),
			CaseLink: pick("link", "assigned", "assigned", "assigned", "assigned", "self_claimed", "none"),
			Time:     pick("time", oracleTimes...),
		},
		Usage: Usage{
			SubjectsLastHour: rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4, 5}).Draw(t, "hour"),
			SubjectsLastDay:  rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 19, 20}).Draw(t, "day"),
		},
	}
	in.Usage.AgencySubjectsLastHour = in.Usage.SubjectsLastHour + rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "agency_hour")
	in.Usage.AgencySubjectsLastDay = in.Usage.SubjectsLastDay + rapid.SampledFrom([]int{0, 0, 1, 10}).Draw(t, "agency_day")
	if rapid.IntRange(0, 3).Draw(t, "emergency") == 0 {
		in.Request.Purpose = pick("purpose", "protection-of-life", "protection-of-life", "soc-investigation")
		in.Request.Emergency = &Emergency{
			Ground:   pick("ground", "child_at_immediate_risk", "court_order", "threat_to_life", "hunch"),
			Incident: pick("incident", "I-1", "I-1", ""),
		}
	}
	for _, p := range oracleAgencies {
		for _, d := range oracleDatasets {
			if rapid.IntRange(0, 3).Draw(t, "group") > 0 {
				in.Groups = append(in.Groups, Group{Provider: p, Dataset: d})
			}
		}
	}
	return in
}
