package profile

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/release"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// maxEditionYears bounds how far back an edition goes.
const maxEditionYears = 5

// Freeze counts every cell of dataset, indicator, area level and period up to
// the last complete month, protects each once and keeps the result as a new
// edition. It answers Conflict when another edition was frozen meanwhile, and
// Unavailable when the store does not hold an edition that the log names: what
// that one published would be forgotten, and could be worked back from the next.
//
// The log entry is written when the series are durable and before the manifest
// is: see history for what happens when the process ends in between.
func (s *Service) Freeze(ctx context.Context, a Asking) (*Manifest, error) {
	now := s.Clock().UTC().Truncate(time.Microsecond)
	truth, err := s.count(ctx, now)
	if err != nil {
		return nil, err
	}
	before, err := s.history(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "profile.Freeze", "No edition id could be made.", err)
	}
	m := storedManifest{Manifest: Manifest{
		Edition: id.String(), FrozenAt: now, From: truth.first, To: truth.last,
		By: a.Principal.Subject, Series: len(truth.series),
	}, N: int64(len(before))}
	if m.SeriesSHA256, err = s.protect(ctx, m.Manifest, truth, before); err != nil {
		return nil, err
	}
	t := &trail{asking: a, at: now}
	d := t.draft(audit.Admin, "")
	d.Admin = m.logged()
	receipt, err := s.Log.Append(ctx, audit.Request{ID: a.RequestID, Actor: t.actor(), Time: now, Drafts: []audit.Draft{d}})
	if err != nil {
		return nil, err
	}
	m.AuditIndex = receipt.First
	if err := s.claim(ctx, m, before); err != nil {
		return nil, err
	}
	return &m.Manifest, nil
}

// protect runs the disclosure control over every series, each against its own
// earlier editions, and keeps the sealed results. It returns their digest.
func (s *Service) protect(ctx context.Context, m Manifest, truth *counts, before []*edition) (string, error) {
	sealer, err := s.Keys.Sealer(ctx, keyring.EditionScope)
	if err != nil {
		return "", err
	}
	geo := geography(s.Rules.In(ctx).Places)
	months := release.Months(truth.first, truth.last)
	rows := make([]event.Event, 0, len(truth.series))
	for n, key := range truth.keys() {
		var previous []release.Series
		for _, e := range before {
			if p, ok := e.series[key]; ok {
				previous = append(previous, p)
			}
		}
		series, err := release.Protect(geo, months, truth.series[key], previous)
		if err != nil {
			return "", fault.Wrap(fault.Internal, "profile.Freeze", "The edition could not be protected.", err)
		}
		row, err := sealRow(sealer, event.Event{Kind: seriesKind, ID: m.Edition, N: int64(n)}, storedSeries{Key: key, Series: series})
		if err != nil {
			return "", err
		}
		if err := s.Events.Insert(ctx, row); err != nil {
			return "", err
		}
		rows = append(rows, row)
	}
	return seriesDigest(rows), nil
}

// geography hands the places to the disclosure control: the leaves below every
// area.
func geography(places *dataset.Places) *release.Geography {
	below := map[string][]string{}
	for _, p := range places.All() {
		below[p.Code] = places.Leaves(p.Code)
	}
	return release.NewGeography(below)
}

// counts are the true counts of the cells at the lowest level, by series.
type counts struct {
	first, last string // months
	series      map[seriesKey]map[release.CellKey]int
	// seen is the first and last month of each provider's dataset: outside of
	// it there is no data, which is not the same as none counted.
	seen map[seriesKey][2]string
}

func (c *counts) keys() []seriesKey {
	out := make([]seriesKey, 0, len(c.series))
	for k := range c.series {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b seriesKey) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Indicator, b.Indicator))
	})
	return out
}

// count scans every dataset that has indicators.
func (s *Service) count(ctx context.Context, now time.Time) (*counts, error) {
	last := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -1, 0)
	c := &counts{
		first: strconv.Itoa(last.Year()-maxEditionYears+1) + "-01", last: keyring.Month(last),
		series: map[seriesKey]map[release.CellKey]int{}, seen: map[seriesKey][2]string{},
	}
	rules := s.Rules.In(ctx)
	for _, ds := range rules.Datasets.All() {
		if len(ds.Indicators) == 0 {
			continue
		}
		err := s.Records.Scan(ctx, record.Filter{Dataset: ds.Name}, func(r *record.Record) error {
			return s.countRecord(ctx, c, ds, r, now)
		})
		if err != nil {
			return nil, err
		}
	}
	c.fillZeros(rules)
	c.narrow()
	return c, nil
}

// narrow starts the edition at the first month that any data is of.
func (c *counts) narrow() {
	first := c.last
	for _, span := range c.seen {
		first = min(first, span[0])
	}
	c.first = first
}

// countRecord adds one record to the cells it counts for. Every body is opened:
// what stands beside it in plain is believed only where it does.
func (s *Service) countRecord(ctx context.Context, c *counts, ds *dataset.Dataset, r *record.Record, now time.Time) error {
	row, _, there, err := s.openRecord(ctx, ds, r, now)
	if err != nil || !there {
		return err
	}
	area, month := row.Area, monthOf(row.EventDate)
	if area == "" || month < c.first || month > c.last {
		return nil
	}
	c.see(seriesKey{Provider: r.Provider, Dataset: r.Dataset}, month)
	for _, h := range row.Indicators {
		key := seriesKey{Provider: r.Provider, Dataset: r.Dataset, Indicator: h.ID}
		if c.series[key] == nil {
			c.series[key] = map[release.CellKey]int{}
		}
		c.series[key][release.CellKey{Area: area, Period: month}] += h.N
	}
	return nil
}

func (c *counts) see(k seriesKey, month string) {
	span, ok := c.seen[k]
	if !ok {
		span = [2]string{month, month}
	}
	c.seen[k] = [2]string{min(span[0], month), max(span[1], month)}
}

// fillZeros turns "nothing counted" into a count of zero for the areas that an
// agreement says the provider covers, between its first and last month.
func (c *counts) fillZeros(r *rulebook.Rules) {
	for k, span := range c.seen {
		ds, _ := r.Datasets.Get(k.Dataset)
		for _, ind := range ds.Indicators {
			key := seriesKey{Provider: k.Provider, Dataset: k.Dataset, Indicator: ind.ID}
			if c.series[key] == nil {
				c.series[key] = map[release.CellKey]int{}
			}
			for _, p := range r.Places.All() {
				if p.Level != dataset.LevelLocalAuthority || !r.Agreements.Covers(k.Provider, k.Dataset, p.Code) {
					continue
				}
				for _, m := range release.Months(span[0], span[1]) {
					c.series[key][release.CellKey{Area: p.Code, Period: m}] += 0
				}
			}
		}
	}
}

func monthOf(date string) string {
	if len(date) < len("2006-01") {
		return ""
	}
	return date[:len("2006-01")]
}
