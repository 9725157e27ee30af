package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/concord-gateway/concord/gateway/agreement"
)

// tryConditions puts a question of each kind to the conditions of each
// agreement. Those that go over the limit of an evaluation, or fail, would fail
// every decision that asks them, and are refused while nobody is waiting.
func (e *Engine) tryConditions(ctx context.Context, cfg Config, compiler *ast.Compiler, store storage.Store) error {
	var found Flaws
	for _, a := range cfg.Agreements.All() {
		if len(a.Conditions) == 0 {
			continue
		}
		query, err := rego.New(rego.Query(conditionsPackage(a.ID).String()), rego.Compiler(compiler), rego.Store(store),
			rego.StrictBuiltinErrors(true), rego.GenerateJSON(asTerm)).PrepareForEval(ctx)
		if err != nil {
			return err
		}
		at, err := time.Parse(time.DateOnly, a.Valid.From)
		if err != nil {
			return err
		}
		for _, in := range trials(cfg, a, at) {
			if _, err := e.answer(ctx, &query, in.value(e.groups), at); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				found = append(found, onTrial(a.ID, in.Request, err))
				break
			}
		}
	}
	return found.err()
}

// onTrial is the flaw of conditions that an evaluation of them has shown.
func onTrial(id string, r Request, err error) Flaw {
	question := fmt.Sprintf("a question of kind %s for %s", r.Kind, r.Purpose)
	if r.Emergency != nil {
		question += " in an emergency"
	}
	f := Flaw{
		File: conditionsFile(id), Line: 1, Rule: "trial-error", Message: question + " fails: " + err.Error(),
		Remedy: "let each rule give one answer, and keep built-in functions from what they fail on",
	}
	var at *topdown.Error
	if errors.As(err, &at) && at.Location != nil {
		f.Line = at.Location.Row
	}
	if errors.Is(err, errTooLong) || errors.Is(err, errStarved) {
		f.Rule, f.Remedy = "trial-time", "make the rules of this file shorter; a decision takes about a millisecond"
	}
	return f
}

// trials are questions of every kind that an agreement is about: each of its
// purposes, for a person and an area, with and without an emergency.
func trials(cfg Config, a *agreement.Agreement, at time.Time) []Input {
	purposes := map[string]bool{}
	in := Input{Actor: Actor{
		Subject: "trial", Agency: a.Recipient.Agency, Roles: []string{"analyst", "emergency"}, Clearance: "nppv3",
	}}
	for _, s := range a.Datasets {
		in.Groups = append(in.Groups, Group{Provider: a.Provider.Agency, Dataset: s.Dataset})
		for _, p := range s.Purposes {
			purposes[p.Purpose] = true
		}
	}
	for _, p := range cfg.Purposes {
		if p.Emergency {
			purposes[p.ID] = true
		}
	}
	emergencies := []*Emergency{nil}
	for _, g := range agreement.Grounds() {
		emergencies = append(emergencies, &Emergency{Ground: g, Incident: "INC-1"})
	}
	var out []Input
	for _, purpose := range slices.Sorted(maps.Keys(purposes)) {
		for _, kind := range []string{kindSubject, kindArea} {
			for _, emergency := range emergencies {
				in.Request = Request{
					Kind: kind, Purpose: purpose, CaseRef: "OP-1", CaseLink: "assigned", Emergency: emergency,
					Time: at.Format(time.RFC3339),
				}
				out = append(out, in)
			}
		}
	}
	return out
}
