package coverage

import (
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/quality"
)

// timeline is what is known of one provider's dataset.
type timeline struct {
	pair       agreement.Pair
	agreements []*agreement.Agreement
	// months are those with submissions, in order.
	months []quality.Month
	now    time.Time
}

// leastStale is how many months without anything are never called stale.
const leastStale = 2

// item says what there is to say of a month; false where nothing was agreed and
// nothing came.
func (t *timeline) item(m Month) (Item, bool) {
	item := Item{
		Provider: t.pair.Provider, Dataset: t.pair.Dataset, Month: m.String(),
		Agreements: t.inForce(m),
	}
	last, came := t.last(m)
	if came != nil {
		item.State = Submitted
		item.fill(came)
	} else {
		item.State = t.absent(m, last)
	}
	if last != nil {
		item.LastSubmission = &last.Last
	}
	return item, came != nil || len(item.Agreements) > 0 && m <= MonthOf(t.now)
}

// last returns the latest month up to m in which something came, and the same once
// more if it is m.
func (t *timeline) last(m Month) (last, came *quality.Month) {
	name := m.String()
	for i := range t.months {
		if t.months[i].Month <= name {
			last = &t.months[i]
		}
	}
	if last != nil && last.Month == name {
		came = last
	}
	return last, came
}

// absent is the state of a month in which nothing came.
func (t *timeline) absent(m Month, last *quality.Month) State {
	over := m < MonthOf(t.now)
	if last == nil {
		if over {
			return Missing
		}
		return Agreed
	}
	since, usual := int(m-monthOf(last)), t.usual(m)
	switch {
	case since > max(usual, leastStale):
		return Stale
	case since >= usual && over:
		return Missing
	}
	return Agreed
}

// usual is the median gap between months with submissions up to a month.
func (t *timeline) usual(m Month) int {
	var gaps []int
	for i := 1; i < len(t.months) && monthOf(&t.months[i]) <= m; i++ {
		gaps = append(gaps, int(monthOf(&t.months[i])-monthOf(&t.months[i-1])))
	}
	if len(gaps) < 2 {
		return 1
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// inForce returns the agreements in force on some day of a month. What ends an
// agreement ends it for good, so its first day in the month decides.
func (t *timeline) inForce(m Month) []string {
	out := []string{}
	for _, a := range t.agreements {
		day := m.Start()
		if from, err := time.Parse(time.DateOnly, a.Valid.From); err == nil && from.After(day) {
			day = from
		}
		if MonthOf(day) == m && a.Status(day) == agreement.Active {
			out = append(out, a.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fill puts the numbers of a month into an item.
func (i *Item) fill(m *quality.Month) {
	r := m.Tally.Report()
	i.Submissions, i.Received, i.RejectedShare, i.Completeness = &m.Submissions, &r.Received, &r.RejectedShare, r.Completeness
	if r.Timeliness != nil {
		i.MedianDays = r.Timeliness.Median
	}
}

func monthOf(m *quality.Month) Month {
	month, _ := ParseMonth(m.Month) // quality wrote it
	return month
}
