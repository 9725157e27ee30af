package agreement

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Register holds agreements that are sound by themselves and together. It does
// not change and is safe for concurrent use.
type Register struct {
	all  []*Agreement
	byID map[string]*Agreement
	// partOf are the agencies with the datasets that they provide or receive, and
	// shares what a provider shares of a dataset.
	partOf map[Pair]bool
	shares map[Pair][]Share
}

// Pair is one provider's dataset.
type Pair struct {
	Provider string
	Dataset  string
}

// Terms are what a provider may submit under an agreement.
type Terms struct {
	Agreement string
	Version   int
	// Fields holds the pointers that the agreement lists.
	Fields map[string]bool
	// Unlisted is "refuse" (the row) or "drop" (the field).
	Unlisted string
	// FreeText is "refuse" (the row) or "mask" (the text).
	FreeText      string
	RetentionDays int
	// Areas are the ONS codes that the provider covers; empty means all.
	Areas []string
}

// NewRegister joins agreements that ReadAll returned. Two versions of one
// agreement and two agreements that contradict each other are findings, in a
// fault like that of Load.
func NewRegister(all []*Agreement) (*Register, error) {
	all = slices.SortedFunc(slices.Values(all), byIDAndVersion)
	if err := Findings(together(all)).fault("agreement.NewRegister"); err != nil {
		return nil, err
	}
	return newRegister(all), nil
}

func newRegister(all []*Agreement) *Register {
	r := &Register{
		all: all, byID: make(map[string]*Agreement, len(all)), partOf: map[Pair]bool{}, shares: map[Pair][]Share{},
	}
	for _, a := range all {
		r.byID[a.ID] = a
		for _, s := range a.Datasets {
			r.partOf[Pair{a.Provider.Agency, s.Dataset}] = true
			r.partOf[Pair{a.Recipient.Agency, s.Dataset}] = true
			pair := Pair{a.Provider.Agency, s.Dataset}
			r.shares[pair] = append(r.shares[pair], s)
		}
	}
	return r
}

// All returns the agreements in the order of their ids.
func (r *Register) All() []*Agreement { return slices.Clone(r.all) }

// Get returns the agreement with an id.
func (r *Register) Get(id string) (*Agreement, bool) {
	a, ok := r.byID[id]
	return a, ok
}

// Groups returns every provider's dataset that any agreement names, whatever
// its status, sorted.
func (r *Register) Groups() []Pair {
	return slices.SortedFunc(maps.Keys(r.shares), func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset))
	})
}

// Submission returns the terms under which an agency may submit a dataset at
// the given time. An agreement that does not exist and one between other
// agencies give the same NotFound; one of the agency's own that does not cover
// the dataset or is not in force gives Forbidden.
func (r *Register) Submission(id, provider, dataset string, at time.Time) (*Terms, error) {
	const op = "agreement.Submission"
	a, ok := r.byID[id]
	if !ok || a.Provider.Agency != provider {
		return nil, fault.New(fault.NotFound, op, "There is no such agreement.").WithCode("agreement-unknown")
	}
	terms, ok := a.Terms(dataset)
	if !ok {
		return nil, fault.New(fault.Forbidden, op, "The agreement does not cover this dataset.").
			WithCode("agreement-dataset")
	}
	if s := a.Status(at); s != Active {
		return nil, fault.New(fault.Forbidden, op, "The agreement is not in force: its status is "+string(s)+".").
			WithCode("agreement-" + string(s))
	}
	return terms, nil
}

// Terms returns what the provider may submit of a dataset while the agreement is in
// force, and whether it covers the dataset at all.
func (a *Agreement) Terms(dataset string) (*Terms, bool) {
	share, ok := a.Share(dataset)
	if !ok {
		return nil, false
	}
	return &Terms{
		Agreement: a.ID, Version: a.Version, Fields: share.Fields(), Unlisted: share.Unlisted,
		FreeText:      cmp.Or(share.FreeText, RefuseFreeText),
		RetentionDays: share.RetentionDays, Areas: slices.Clone(share.Areas),
	}, true
}

// Visible reports whether the agency is provider or recipient in any agreement
// on the dataset.
func (r *Register) Visible(agency, dataset string) bool {
	return r.partOf[Pair{agency, dataset}]
}

// Covers reports whether some agreement says that the provider covers the local
// authority with this dataset.
func (r *Register) Covers(provider, dataset, areaCode string) bool {
	return slices.ContainsFunc(r.shares[Pair{provider, dataset}], func(s Share) bool {
		return len(s.Areas) == 0 || slices.Contains(s.Areas, areaCode)
	})
}
