package profile

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/release"
)

// source is what linkage searches: the permitted groups of one decision. It is
// owned by one request. A record that a row condition keeps back, or whose
// retention has ended, does not exist for it, so that no outcome depends on
// what may not be released.
type source struct {
	*Service

	trail   *trail
	context release.Context
	groups  map[linkage.Group]policy.GroupDecision
}

func (s *Service) newSource(ctx context.Context, t *trail) (*source, error) {
	pseudonym, err := s.Keys.Hasher(ctx, keyring.RefScope(t.at))
	if err != nil {
		return nil, err
	}
	src := &source{Service: s, trail: t, groups: map[linkage.Group]policy.GroupDecision{}}
	for _, g := range t.decision.Groups {
		if g.Allow {
			src.groups[linkage.Group{Provider: g.Provider, Dataset: g.Dataset}] = g
		}
	}
	src.context = release.Context{
		Now:            t.at,
		InArea:         gazetteer{t.rules.Places}.within,
		LocalAuthority: gazetteer{t.rules.Places}.localAuthority,
		Pseudonym: func(pointer, value string) string {
			sum := pseudonym.Hash("pseudonym", t.asking.Principal.Agency, t.asking.CaseRef, pointer, value)
			return hex.EncodeToString(sum[:8])
		},
	}
	return src, nil
}

// permitted are the groups that are searched.
func (s *source) permitted() []linkage.Group {
	out := make([]linkage.Group, 0, len(s.groups))
	for g := range s.groups {
		out = append(out, g)
	}
	return out
}

// strong precedes the type of a strong identifier in a linkage method.
const strong = "strong"

// method says what the person was found by. Which identifier it was is named
// only where some permitted group releases that identifier: otherwise the answer
// would confirm a value that is withheld.
func (s *source) method(method string) string {
	_, kind, ok := strings.Cut(method, ":")
	if !ok {
		return method
	}
	for g, decision := range s.groups {
		ds, known := s.trail.rules.Datasets.Get(g.Dataset)
		if !known {
			continue
		}
		for pointer := range decision.Fields {
			if f, ok := ds.Field(pointer); ok && string(f.Identifier) == kind {
				return method
			}
		}
	}
	return strong
}

// Hasher returns the key of a dataset's blind indexes.
func (s *source) Hasher(ctx context.Context, name string) (keyring.Hasher, error) {
	return s.Keys.Hasher(ctx, keyring.IndexScope(name))
}

// Candidates finds, opens and sifts records.
func (s *source) Candidates(ctx context.Context, g linkage.Group, indexes []record.Ref) ([]linkage.Candidate, error) {
	decision, ds, err := s.lookUp(g)
	if err != nil {
		return nil, err
	}
	found, err := s.Records.Find(ctx, g.Provider, g.Dataset, indexes)
	if err != nil {
		return nil, err
	}
	var out []linkage.Candidate
	for _, r := range found {
		row, marks, there, err := s.openRecord(ctx, ds, &r, s.trail.at)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if release.Meets(releaseRecord(row), decision.RowConditions, s.context) {
			out = append(out, linkage.Candidate{Record: r, Row: row, Marks: marks, Several: ds.Kind == dataset.Group})
		}
	}
	return out, nil
}

func (s *source) lookUp(g linkage.Group) (policy.GroupDecision, *dataset.Dataset, error) {
	decision, ok := s.groups[g]
	ds, known := s.trail.rules.Datasets.Get(g.Dataset)
	if !ok || !known {
		return decision, nil, fault.New(fault.Internal, "profile.Subject", "A group is searched that is not permitted.")
	}
	return decision, ds, nil
}

func releaseRecord(row *dataset.Row) release.Record {
	return release.Record{Value: row.Value, EventDate: row.EventDate, Area: row.Area}
}

// project applies the treatments to the person's records and puts them into
// the answer, provider by provider.
func (s *source) project(ctx context.Context, result linkage.Result, body *subjectBody) error {
	refs, err := s.Keys.Hasher(ctx, keyring.RefScope(s.trail.at))
	if err != nil {
		return err
	}
	var sections []json.RawMessage
	for i := 0; i < len(result.Candidates); {
		g := result.Candidates[i].Group()
		sec := section{Dataset: g.Dataset, Provider: g.Provider}
		rel := released{}
		decision, ds, err := s.lookUp(g)
		if err != nil {
			return err
		}
		projection := projectionOf(decision)
		for ; i < len(result.Candidates) && result.Candidates[i].Group() == g; i++ {
			c := result.Candidates[i]
			values, treatments := projection.Apply(releaseRecord(c.Row), s.context)
			sec.Records = append(sec.Records, releasedRecord{
				Fields: values, Treatments: treatments, Provenance: provenanceOf(decision, ds, c, values, treatments),
			})
			rel.records++
			rel.refs = append(rel.refs, linkage.RecordRef(refs, g.Provider, g.Dataset, c.Row.SourceID))
		}
		s.trail.released[policy.Group(g)] = rel
		raw, err := audit.Canonical(sec)
		if err != nil {
			return fault.Wrap(fault.Internal, "profile.Subject", "The answer could not be written.", err)
		}
		sections = append(sections, raw)
		if i == len(result.Candidates) || result.Candidates[i].Record.Provider != g.Provider {
			if err := body.addSections(s.trail, g.Provider, sections); err != nil {
				return err
			}
			sections = nil
		}
	}
	return nil
}

// projectionOf is what a decision about a group releases of its records.
func projectionOf(g policy.GroupDecision) release.Projection {
	fields := make(map[string]release.Treatment, len(g.Fields))
	for pointer, grant := range g.Fields {
		fields[pointer] = grant.Treatment
	}
	return release.NewProjection(fields)
}
