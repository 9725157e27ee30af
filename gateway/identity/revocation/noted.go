package revocation

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Log is what the audit log has of the list.
type Log interface {
	// Noted returns what the log says of the row of a number, or a fault of kind
	// NotFound where it says nothing. What Announce had noted, by whichever gateway,
	// is found from then on.
	Noted(ctx context.Context, n int64) (Note, error)
}

// Note is what the log says of a row.
type Note struct {
	// Row is the row; the log does not say openly why.
	Row Row
	// Digest is that of the list as far as the row. Logs of earlier releases have none.
	Digest string
}

// behind reports whether the log has the row after the last one.
func (l *List) behind(ctx context.Context, s *state) (bool, error) {
	_, err := l.log.Noted(ctx, int64(len(s.rows)))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// hold finds out how many of the rows are noted, and refuses a list that is not the one
// which was noted. Rows are noted in their order, so that the newest note speaks for all
// before it.
func (l *List) hold(ctx context.Context, s *state) error {
	for n := len(s.rows) - 1; n >= s.noted; n-- {
		note, err := l.log.Noted(ctx, int64(n))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		same := note.Row.thing() == s.rows[n].thing() && note.Row.Lift == s.rows[n].Lift
		if !same || note.Digest != "" && note.Digest != digests(s.rows)[n] {
			return altered("its rows are not those that the log has")
		}
		s.noted = n + 1
	}
	return nil
}

// Announce calls note with each row that the log does not have yet, and with the digest
// of the list as far as that row. A row may be noted twice where gateways meet, and is
// noted at least once, after all rows before it.
func (l *List) Announce(ctx context.Context, note func(ctx context.Context, n int64, r *Row, digest string) error) error {
	s := l.state.Load()
	if s == nil || s.noted == len(s.rows) {
		return nil
	}
	for n, digest := range digests(s.rows) {
		if n < s.noted {
			continue
		}
		if err := note(ctx, int64(n), &s.rows[n], digest); err != nil {
			return err
		}
	}
	return nil
}
