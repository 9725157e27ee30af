package submission

import (
	"context"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/record"
)

// openJob makes a job ready. refused says why it may not go on: then it is only
// counted what it has stored. It answers NotFound where not even that can be done.
func (s *Service) openJob(ctx context.Context, st *stream, status *jobStatus) (j *job, refused, err error) {
	ds, terms, refused := s.terms(s.Rules.Bind(ctx), st.Agency, st.Dataset, st.Agreement, s.now())
	if refused != nil {
		if ds, terms = s.termsBefore(ctx, st); ds == nil {
			return nil, nil, refused
		}
	}
	p, err := s.newPreparer(ctx, st, ds, terms)
	if err != nil {
		return nil, nil, err
	}
	w, err := s.newWork(ctx, st, p)
	if err != nil {
		return nil, nil, err
	}
	w.job = true
	w.gone = gone{refs: map[record.Ref]bool{}, day: st.Time.Truncate(day)}
	upload, err := s.pieces.series(ctx, kindUpload, st.id, st.Time)
	if err != nil {
		return nil, nil, err
	}
	marks, err := s.pieces.series(ctx, kindJournal, st.id, st.Time)
	if err != nil {
		return nil, nil, err
	}
	return &job{work: w, upload: upload, journal: &journal{kept: marks}, phase: reading, status: status}, refused, nil
}

// termsBefore are the terms of a submission whose agreement is not in force any more,
// or nothing where agreement or dataset are gone.
func (s *Service) termsBefore(ctx context.Context, st *stream) (*dataset.Dataset, *agreement.Terms) {
	rules := s.Rules.In(s.Rules.Bind(ctx))
	ds, known := rules.Datasets.Get(st.Dataset)
	a, there := rules.Agreements.Get(st.Agreement)
	if !known || !there || a.Provider.Agency != st.Agency {
		return nil, nil
	}
	terms, ok := a.Terms(st.Dataset)
	if !ok {
		return nil, nil
	}
	return ds, terms
}
