package revocation

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Log is what the audit log has of the list.
type Log interface {
	// Noted returns what the log says of the row of a number, or a fault of kind
	// NotFound where it says nothing. What Announce had noted, by whichever gateway,
	// is found from then on. What is there and cannot be read has the code Altered.
	Noted(ctx context.Context, n int64) (Note, error)
	// Newest returns the greatest number among the notes that were made last, or a
	// fault of kind NotFound where there is none. It does not find them by the numbers
	// of their rows, as Noted does.
	Newest(ctx context.Context) (int64, error)
}

// Note is what the log says of a row.
type Note struct {
	// Row is the row; the log does not say openly why.
	Row Row
	// Digest is that of the list as far as the row. Logs of earlier releases have none.
	Digest string
}

// of reports whether the note is of a row, and of the list that has the digest there.
func (n *Note) of(r *Row, digest string) bool {
	return n.Row.thing() == r.thing() && n.Row.Lift == r.Lift && (n.Digest == "" || n.Digest == digest)
}

// Same reports whether two notes may be of one row: gateways that meet note a row twice,
// of which one may be of an earlier release.
func (n *Note) Same(other *Note) bool {
	return n.of(&other.Row, other.Digest) || other.Digest == "" && other.of(&n.Row, n.Digest)
}

// behind reports whether the log has a row that the list lacks: the one after the last.
func (l *List) behind(ctx context.Context, s *state) (bool, error) {
	_, err := l.log.Noted(ctx, int64(len(s.rows)))
	if fault.Is(err, fault.NotFound) {
		return l.notes > len(s.rows), nil
	}
	return err == nil, err
}

// learn finds out what was noted last, for who reads the list for the first time: one
// whose end was cut off is found out even where the note after it is hidden.
func (l *List) learn(ctx context.Context) error {
	n, err := l.log.Newest(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	l.notes = max(l.notes, int(n)+1)
	return err
}

// hold finds out how many of the rows are noted, and refuses a list that is not the one
// which was noted. Rows are noted in their order: so the number is found by halves, and
// the newest note speaks for all before it. What was found is kept where a later look
// fails: who is slow goes on there at the next reading.
func (l *List) hold(ctx context.Context, s *state) error {
	low, high := max(s.noted, min(l.notes, len(s.rows))), len(s.rows)
	if l.sought > 0 && l.sought >= low && l.sought < high {
		high = l.sought // more may be noted since, which a later reading finds
	}
	for low < high {
		n := low + (high-low)/2 //nolint:mnd // the half
		_, err := l.log.Noted(ctx, int64(n))
		switch {
		case err == nil:
			low, l.notes = n+1, max(l.notes, n+1)
		case fault.Is(err, fault.NotFound):
			high, l.sought = n, n
		default:
			return err
		}
	}
	if low == s.noted {
		l.sought = 0
		return nil
	}
	note, err := l.log.Noted(ctx, int64(low-1))
	switch {
	case fault.Is(err, fault.NotFound):
		return altered("what the log has of it is not found by the number of its row; concord audit reindex makes that anew")
	case err != nil:
		return err
	}
	if !note.of(&s.rows[low-1], digests(s.rows[:low])[low-1]) {
		return altered("its rows are not those that the log has")
	}
	s.noted, l.sought = low, 0
	return nil
}

// piece is how many rows Announce notes at once at most.
const piece = 500

// Announce calls note with each row that the log does not have yet, and with the digest
// of the list as far as that row. A row may be noted twice where gateways meet, and is
// noted at least once, after all rows before it. It notes no more than piece of them: the
// others come after the next Refresh.
func (l *List) Announce(ctx context.Context, note func(ctx context.Context, n int64, r *Row, digest string) error) error {
	s := l.state.Load()
	if s == nil || s.noted == len(s.rows) {
		return nil
	}
	for n, digest := range digests(s.rows) {
		if n < s.noted {
			continue
		}
		if n == s.noted+piece {
			return nil
		}
		if err := note(ctx, int64(n), &s.rows[n], digest); err != nil {
			return err
		}
	}
	return nil
}
