package coverage

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/quality"
)

// Submission is the quality of one submission.
type Submission struct {
	Submission string    `json:"submission_id"`
	Provider   string    `json:"provider"`
	Dataset    string    `json:"dataset"`
	Agreement  string    `json:"agreement"`
	Received   time.Time `json:"received_at"`

	Quality quality.Report `json:"quality"`
}

// Submission returns the quality of a submission of an agency. One of another
// agency, and one of which there is no report (yet), answer NotFound like one that
// does not exist.
func (s *Service) Submission(ctx context.Context, agency, id string) (*Submission, error) {
	for _, d := range s.Rules.In(ctx).Datasets.All() {
		sum, err := quality.Of(ctx, s.Events, agency, d.Name, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Submission{
			Submission: sum.Submission, Provider: sum.Provider, Dataset: sum.Dataset, Agreement: sum.Agreement,
			Received: sum.Received.UTC(), Quality: sum.Tally.Report(),
		}, nil
	}
	return nil, fault.New(fault.NotFound, "coverage.Submission", "There is no such submission, or no report of its quality yet.")
}

// MonthOfQuality is the quality of what came in one month.
type MonthOfQuality struct {
	Provider       string    `json:"provider"`
	Dataset        string    `json:"dataset"`
	Month          string    `json:"month"`
	Submissions    int       `json:"submissions"`
	LastSubmission time.Time `json:"last_submission"`

	Quality quality.Report `json:"quality"`
}

// Quality returns every month in which something came, in the order of provider,
// dataset and month.
func (s *Service) Quality(ctx context.Context, q Question) ([]MonthOfQuality, error) {
	out := []MonthOfQuality{}
	for _, pair := range s.Rules.In(ctx).Agreements.Groups() {
		if q.skips(pair) {
			continue
		}
		months, err := quality.History(ctx, s.Events, pair.Provider, pair.Dataset, q.Range.From.String(), q.Range.To.String())
		if err != nil {
			return nil, err
		}
		for i := range months {
			m := &months[i]
			out = append(out, MonthOfQuality{
				Provider: pair.Provider, Dataset: pair.Dataset, Month: m.Month,
				Submissions: m.Submissions, LastSubmission: m.Last, Quality: m.Tally.Report(),
			})
		}
	}
	return out, nil
}
