package quality

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Kind is the kind of the events that keep summaries.
const Kind = "quality"

// Summary is what is kept of one submission.
type Summary struct {
	Provider  string `json:"provider"`
	Dataset   string `json:"dataset"`
	Agreement string `json:"agreement"`
	// Submission is a UUIDv7: its time is when the submission began.
	Submission string    `json:"submission_id"`
	Received   time.Time `json:"received"`
	Tally      Tally     `json:"tally"`
}

func (s *Summary) id() string { return s.Provider + "/" + s.Dataset + "/" + s.Submission }

// Save keeps the summary of a submission. Saving it again changes nothing, so
// that one who cannot know whether it was saved may do so. It answers Invalid for
// a summary that has no place, and the errors of the store.
func Save(ctx context.Context, events event.Store, s *Summary) error {
	const op = "quality.Save"
	if s.Provider == "" || s.Dataset == "" || strings.Contains(s.Provider+s.Dataset, "/") || len(s.Submission) != len("01234567-0123-0123-0123-0123456789ab") {
		return fault.New(fault.Invalid, op, "A summary of quality has a provider, a dataset and a submission.")
	}
	body, err := json.Marshal(s)
	if err != nil {
		return fault.Wrap(fault.Internal, op, "The summary of quality could not be written.", err)
	}
	err = events.Insert(ctx, event.Event{Kind: Kind, ID: s.id(), Body: body})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Of returns the summary of one submission, or a fault of kind NotFound.
func Of(ctx context.Context, events event.Store, provider, dataset, submission string) (*Summary, error) {
	row, err := events.Last(ctx, Kind, (&Summary{Provider: provider, Dataset: dataset, Submission: submission}).id())
	if err != nil {
		return nil, err
	}
	return read(row)
}

// Month is what came in one month, "2006-01", in UTC.
type Month struct {
	Month string
	// Submissions is their number, and Last the time of the latest.
	Submissions int
	Last        time.Time
	Tally       Tally
}

// page is how many summaries are read at once.
const page = 200

// History returns the months from one to another, both "2006-01" and included, in
// which a provider submitted to a dataset; months without a submission are not in
// it. It counts a submission for the month in which it began.
func History(ctx context.Context, events event.Store, provider, dataset, from, to string) ([]Month, error) {
	const op = "quality.History"
	first, err := time.Parse("2006-01", from)
	last, lastErr := time.Parse("2006-01", to)
	if err != nil || lastErr != nil {
		return nil, fault.New(fault.Invalid, op, "A month is written YYYY-MM.").WithCode("month-format")
	}
	prefix := provider + "/" + dataset + "/"
	after, end := prefix+earliest(first), prefix+earliest(last.AddDate(0, 1, 0))
	var out []Month
	for {
		rows, err := events.List(ctx, Kind, after, page)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.ID >= end || !strings.HasPrefix(row.ID, prefix) {
				return out, nil
			}
			if out, err = fold(out, row); err != nil {
				return nil, err
			}
			after = row.ID
		}
		if len(rows) < page {
			return out, nil
		}
	}
}

// fold adds a summary to the last month, or begins a new one.
func fold(months []Month, row event.Event) ([]Month, error) {
	s, err := read(row)
	if err != nil {
		return nil, err
	}
	began, err := timeOf(s.Submission)
	if err != nil {
		return nil, err
	}
	month := began.Format("2006-01")
	if n := len(months); n == 0 || months[n-1].Month != month {
		months = append(months, Month{Month: month})
	}
	m := &months[len(months)-1]
	m.Submissions++
	m.Last = began
	m.Tally.Merge(&s.Tally)
	return months, nil
}

func read(row event.Event) (*Summary, error) {
	var s Summary
	if err := json.Unmarshal(row.Body, &s); err != nil || s.id() != row.ID {
		return nil, fault.Wrap(fault.Internal, "quality.read", "A summary of quality cannot be read.", err)
	}
	return &s, nil
}

// earliest is the least UUIDv7 of a time, as far as it says the time: 48 bits of
// milliseconds (RFC 9562 section 5.7).
func earliest(t time.Time) string {
	ms := t.UnixMilli()
	b := []byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:]
}

// timeOf is the time in a UUIDv7.
func timeOf(id string) (time.Time, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(id[:min(len(id), len("01234567-0123"))], "-", ""))
	if err != nil || len(b) != 6 {
		return time.Time{}, fault.New(fault.Internal, "quality.timeOf", "The id of a submission has no time in it.")
	}
	ms := int64(0)
	for _, c := range b {
		ms = ms<<8 | int64(c)
	}
	return time.UnixMilli(ms).UTC(), nil
}
