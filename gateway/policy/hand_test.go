package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/release"
)

// hand decides as somebody would write it in Go, for a benchmark to compare
// with: agreements are found by key, every demand is judged, and the decision
// names all that is released and withheld. It knows one agreement for each use.
type hand struct {
	purposes map[string]Purpose
	uses     map[handKey]handUse
	fields   map[string][]string
}

type handKey struct{ provider, recipient, dataset, purpose, kind string }

type handUse struct {
	a *agreement.Agreement
	p agreement.Purpose
}

func newHand(cfg Config) *hand {
	h := &hand{purposes: map[string]Purpose{}, uses: map[handKey]handUse{}, fields: map[string][]string{}}
	for _, p := range cfg.Purposes {
		h.purposes[p.ID] = p
	}
	for _, d := range cfg.Datasets.All() {
		h.fields[d.Name] = pointers(d)
	}
	for _, a := range cfg.Agreements.All() {
		for _, s := range a.Datasets {
			for _, p := range s.Purposes {
				for _, k := range p.Kinds {
					h.uses[handKey{a.Provider.Agency, a.Recipient.Agency, s.Dataset, p.Purpose, k}] = handUse{a, p}
				}
			}
		}
	}
	return h
}

func (h *hand) decide(in Input) (Decision, error) {
	at, err := time.Parse(time.RFC3339, in.Request.Time)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Groups: []GroupDecision{}, Withheld: []Withheld{}}
	purpose, known := h.purposes[in.Request.Purpose]
	permitted := known && slices.Contains(purpose.Kinds, in.Request.Kind) && slices.Contains(in.Actor.Roles, "analyst") &&
		in.Request.Emergency == nil
	for _, g := range in.Groups {
		u, found := h.uses[handKey{g.Provider, in.Actor.Agency, g.Dataset, in.Request.Purpose, in.Request.Kind}]
		if !permitted || !found || !u.met(in, at) {
			d.Groups = append(d.Groups, GroupDecision{Provider: g.Provider, Dataset: g.Dataset})
			d.Withheld = append(d.Withheld, Withheld{Provider: g.Provider, Dataset: g.Dataset, Code: "denied", Fields: h.fields[g.Dataset]})
			continue
		}
		h.grant(&d, g, u, in)
	}
	slices.SortFunc(d.Withheld, func(a, b Withheld) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Clause, b.Clause), cmp.Compare(a.Reason, b.Reason))
	})
	return d, nil
}

// met judges what the agreement demands.
func (u handUse) met(in Input, at time.Time) bool {
	day, c, used := at.UTC().Format(time.DateOnly), u.p.Conditions, in.Usage
	below := func(so, limit int) bool { return limit == 0 || so < limit }
	q := u.p.Quota
	return day >= u.a.Valid.From && day <= u.a.Valid.To && day <= u.a.Review &&
		(u.a.Suspended == nil || day < u.a.Suspended.On) &&
		(len(c.Roles) == 0 || slices.ContainsFunc(c.Roles, func(r string) bool { return slices.Contains(in.Actor.Roles, r) })) &&
		slices.Index(clearances, in.Actor.Clearance) >= slices.Index(clearances, c.Clearance) &&
		(in.Request.CaseLink == "assigned" || in.Request.CaseLink == "self_claimed" && c.CaseLink == "self_claimed") &&
		(q == nil || below(used.SubjectsLastHour, q.PerHour) && below(used.SubjectsLastDay, q.PerDay) &&
			below(used.AgencySubjectsLastHour, q.AgencyPerHour) && below(used.AgencySubjectsLastDay, q.AgencyPerDay))
}

// grant says what is released of a dataset and what is not.
func (h *hand) grant(d *Decision, g Group, u handUse, in Input) {
	out := GroupDecision{
		Provider: g.Provider, Dataset: g.Dataset, Allow: true, Fields: make(map[string]Grant, len(u.p.Fields)),
		RowConditions: slices.Clone(u.p.Conditions.Row),
		Basis:         Basis{Provider: basisText(u.a.Basis.Provider), Recipient: basisText(u.a.Basis.Recipient)},
		Reasons: []Reason{{
			Code: codePermitted, Message: fmt.Sprintf("Agreement %s, version %d, permits this.", u.a.ID, u.a.Version), Clause: u.p.Clause,
		}},
	}
	var counted, kept, unnamed []string
	for _, f := range h.fields[g.Dataset] {
		t, named := u.p.Fields[f]
		switch {
		case !named:
			unnamed = append(unnamed, f)
		case t == release.Withhold:
			kept = append(kept, f)
		case t == release.CountOnly && in.Request.Kind == kindSubject:
			counted = append(counted, f)
		default:
			out.Fields[f] = Grant{Treatment: t, Agreement: u.a.ID, Version: u.a.Version, Clause: u.p.Clause}
		}
	}
	withhold := func(code, reason, clause string, fields []string) {
		if len(fields) > 0 {
			d.Withheld = append(d.Withheld, Withheld{
				Clause: clause, Code: code, Dataset: g.Dataset, Fields: fields, Provider: g.Provider, Reason: reason,
			})
		}
	}
	withhold(codeCountOnly, fmt.Sprintf("Agreement %s lets this be counted for an area, but not shown for a person.", u.a.ID), u.p.Clause, counted)
	withhold(codeWithheldByAgreement, fmt.Sprintf("Agreement %s says that this stays with its provider.", u.a.ID), u.p.Clause, kept)
	withhold(codeNotInAgreement, "No agreement names this field for this purpose.", "", unnamed)
	d.Allow = true
	d.Groups = append(d.Groups, out)
	d.Obligations = Obligations{
		Handling: u.a.Handling.Marking, Instructions: slices.Sorted(slices.Values(u.a.Handling.Instructions)),
		Review: u.a.Review, Expires: u.a.Valid.To,
	}
	if q := u.p.Quota; q != nil {
		d.Obligations.Quota = &Quota{PerHour: q.PerHour, PerDay: q.PerDay, AgencyPerHour: q.AgencyPerHour, AgencyPerDay: q.AgencyPerDay}
	}
}
