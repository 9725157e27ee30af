// Package coverage says what partners agreed to send, what came, and of what
// quality it was: by provider, dataset and month of receipt.
//
// It reads the agreements that the gateway works by now and the summaries that
// package quality keeps of submissions; it opens no record. An agreement that is no
// longer in the register is not known here, so a month of long ago may show rows
// and no agreement.
//
// A month of a provider's dataset has one of four states:
//
//	submitted  something came in it
//	agreed     nothing came, and nothing is due yet
//	missing    nothing came although it was due, and the month is over
//	stale      it used to come, and has not for longer than usual
//
// What is usual is the median of the gaps between months in which something came;
// before there are two gaps it is one month. A dataset is due when so many months
// have passed since the last, and stale when more than that and more than two have.
package coverage

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Service answers questions of coverage and quality. It is safe for concurrent use.
type Service struct {
	Rules  *rulebook.Book
	Events event.Store
	Clock  func() time.Time
}

// State is what is to say of one month.
type State string

// The states of a month.
const (
	Agreed    State = "agreed"
	Submitted State = "submitted"
	Missing   State = "missing"
	Stale     State = "stale"
)

// Item is one month of one provider's dataset.
type Item struct {
	Provider string `json:"provider"`
	Dataset  string `json:"dataset"`
	Month    string `json:"month"`
	State    State  `json:"state"`
	// Agreements are those in force on some day of the month, by id.
	Agreements []string `json:"agreements"`
	// LastSubmission is the time of the last submission up to the end of the
	// month; nil where none is known.
	LastSubmission *time.Time `json:"last_submission"`
	// Submissions, Received and RejectedShare are nil where the reader is not to
	// know how many rows there are.
	Submissions   *int     `json:"submissions"`
	Received      *int     `json:"received"`
	RejectedShare *float64 `json:"rejected_share"`
	Completeness  *float64 `json:"completeness"`
	// MedianDays is from event to receipt.
	MedianDays *int `json:"median_days"`
}

// Question says what is asked for. Empty names ask for all.
type Question struct {
	Provider, Dataset string
	Range             Range
	// Coarse leaves out how many rows came: a reader of suppressed tables could
	// find a suppressed count in it (invariant 9).
	Coarse bool
}

// lookBack is how many months before a question are read to know what is usual.
const lookBack = 24

// Coverage returns every month of every dataset that was agreed or came, in the
// order of provider, dataset and month.
func (s *Service) Coverage(ctx context.Context, q Question) ([]Item, error) {
	out := []Item{}
	register := s.Rules.In(ctx).Agreements
	for _, pair := range register.Groups() {
		if q.skips(pair) {
			continue
		}
		history, err := quality.History(ctx, s.Events, pair.Provider, pair.Dataset, q.Range.From.Add(-lookBack).String(), q.Range.To.String())
		if err != nil {
			return nil, err
		}
		line := timeline{pair: pair, agreements: covering(register, pair), months: history, now: s.Clock().UTC()}
		for m := q.Range.From; m <= q.Range.To; m++ {
			if item, ok := line.item(m); ok {
				out = append(out, item.coarse(q.Coarse))
			}
		}
	}
	return out, nil
}

func (q Question) skips(p agreement.Pair) bool {
	return q.Provider != "" && q.Provider != p.Provider || q.Dataset != "" && q.Dataset != p.Dataset
}

// coarse rounds what could give back how many rows there are.
func (i Item) coarse(yes bool) Item {
	if !yes {
		return i
	}
	i.Submissions, i.Received, i.RejectedShare = nil, nil, nil
	if i.Completeness != nil {
		const step = 10
		tens := math.Round(*i.Completeness/step) * step
		i.Completeness = &tens
	}
	return i
}

// covering returns the agreements under which a provider submits a dataset.
func covering(register *agreement.Register, p agreement.Pair) []*agreement.Agreement {
	return slices.DeleteFunc(register.All(), func(a *agreement.Agreement) bool {
		_, shared := a.Share(p.Dataset)
		return !shared || a.Provider.Agency != p.Provider
	})
}
