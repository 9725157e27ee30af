package linkage

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// Group is one provider's part of a dataset.
type Group struct {
	Provider string
	Dataset  string
}

func (g Group) compare(other Group) int {
	return cmp.Or(cmp.Compare(g.Provider, other.Provider), cmp.Compare(g.Dataset, other.Dataset))
}

// Candidate is a record that a Source opened.
type Candidate struct {
	// Record is the record as it is stored. Its Key names the candidate.
	Record record.Record
	// Row is its opened body; Row.Identifiers are normalised.
	Row *dataset.Row
	// Marks are what the body says of its own quality.
	Marks record.Marks
	// Several says that the record is about several people, whose identifiers
	// it lists (dataset.Group).
	Several bool
}

// Group returns the group that the candidate belongs to.
func (c Candidate) Group() Group {
	return Group{Provider: c.Record.Provider, Dataset: c.Record.Dataset}
}

// Source is what Link asks of its caller. Both methods are called from one
// goroutine. An error of either ends the search; Link returns it as it is.
type Source interface {
	// Hasher returns the hasher of keyring.IndexScope(dataset).
	Hasher(ctx context.Context, dataset string) (keyring.Hasher, error)
	// Candidates returns the records in force of the group that carry any of
	// the blind indexes, in any order: opened, and only those that fulfil
	// every row condition of the decision. What it leaves out has no influence
	// on the outcome.
	Candidates(ctx context.Context, g Group, indexes []record.Ref) ([]Candidate, error)
}

// Outcome is the result of a search.
type Outcome string

// The outcomes.
const (
	// Matched means that the records found are about one person.
	Matched Outcome = "matched"
	// None means that nothing was found.
	None Outcome = "none"
	// Ambiguous means that more than one person may be meant.
	Ambiguous Outcome = "ambiguous"
)

// Result is what Link found.
type Result struct {
	Outcome Outcome
	// Method is the kind of the handle given by which a record was found,
	// "strong:nhs_number" for example or "compound": a strong one where there
	// is one, the first in alphabetical order. It is empty unless Outcome is
	// Matched.
	Method string
	// Candidates are the person's records, ordered by provider, dataset and
	// source id, each once. It is empty unless Outcome is Matched.
	Candidates []Candidate
}

// Link finds the records of one person in the groups given. It answers a fault
// of kind Invalid for the zero Subject, and the Source's error where that
// fails; then there is no result at all.
func Link(ctx context.Context, subject Subject, groups []Group, src Source) (Result, error) {
	if len(subject.handles) == 0 {
		return Result{}, fault.New(fault.Invalid, "linkage.Link", "Nobody is asked about.").At("/subject")
	}
	s := search{src: src, groups: slices.Clone(groups), found: map[record.Key]finding{}}
	slices.SortFunc(s.groups, Group.compare)
	s.groups = slices.Compact(s.groups)
	if err := s.round(ctx, subject.handles); err != nil {
		return Result{}, err
	}
	next := s.fresh(subject.handles)
	if len(next) == 0 {
		next = subject.handles // the number of look-ups tells nobody that there was nothing to follow
	}
	if err := s.round(ctx, next); err != nil {
		return Result{}, err
	}
	return s.result(subject), nil
}

// search is one search under way.
type search struct {
	src    Source
	groups []Group
	found  map[record.Key]finding
}

// finding is a candidate with the handles it carries.
type finding struct {
	Candidate

	handles []handle
}

// round looks the handles up in every group and keeps what really carries one.
func (s *search) round(ctx context.Context, asked []handle) error {
	for _, g := range s.groups {
		h, err := s.src.Hasher(ctx, g.Dataset)
		if err != nil {
			return err
		}
		candidates, err := s.src.Candidates(ctx, g, indexes(h, g.Dataset, asked))
		if err != nil {
			return err
		}
		for _, c := range candidates {
			if _, known := s.found[c.Record.Key]; known || c.Row == nil || c.Group() != g {
				continue
			}
			if of := handles(c.Row.Identifiers); carriesAny(of, asked) {
				s.found[c.Record.Key] = finding{Candidate: c, handles: of}
			}
		}
	}
	return nil
}

// carriesAny checks in plain text what the store answered by hash: an index
// that no longer fits its record finds nothing.
func carriesAny(of, asked []handle) bool {
	return slices.ContainsFunc(of, func(h handle) bool { return slices.Contains(asked, h) })
}

// fresh returns the handles of the records found that were not asked for yet,
// sorted.
func (s *search) fresh(asked []handle) []handle {
	var out []handle
	for _, c := range s.found {
		if c.Several {
			continue
		}
		for _, h := range c.handles {
			if !slices.Contains(asked, h) {
				out = append(out, h)
			}
		}
	}
	slices.SortFunc(out, order)
	return slices.Compact(out)
}

func (s *search) result(subject Subject) Result {
	if len(s.found) == 0 {
		return Result{Outcome: None}
	}
	e := weigh(subject, s.found)
	if e.conflict() || !e.joined() {
		return Result{Outcome: Ambiguous}
	}
	out := Result{Outcome: Matched, Method: e.method(subject), Candidates: make([]Candidate, 0, len(s.found))}
	for _, c := range s.found {
		out.Candidates = append(out.Candidates, c.Candidate)
	}
	slices.SortFunc(out.Candidates, func(a, b Candidate) int {
		return cmp.Or(a.Group().compare(b.Group()), cmp.Compare(a.Row.SourceID, b.Row.SourceID),
			bytes.Compare(a.Record.Source[:], b.Record.Source[:]))
	})
	return out
}
