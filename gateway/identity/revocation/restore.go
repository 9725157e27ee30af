package revocation

import "context"

// restored stands where a row was put back: why it was made is in the log, and sealed.
const restored = "Put back from the audit log."

// Restore puts back the rows that the log has and the list lacks at its end, and
// returns how many. notes are what the log says, from the first row on without a gap: it
// is believed, so they have to come from entries that were verified. What is left of the
// list has to be whole, and the beginning of what they say.
func (l *List) Restore(ctx context.Context, notes []Note) (int, error) {
	s, err := l.read(ctx)
	if err != nil {
		return 0, err
	}
	if err := agree(s.rows, notes); err != nil {
		return 0, err
	}
	done := 0
	for n := len(s.rows); n < len(notes); n++ {
		r := notes[n].Row
		r.Reason = restored
		if err := r.check(); err != nil {
			return done, err
		}
		if err := l.insert(ctx, int64(n), &r); err != nil {
			return done, err
		}
		done++
	}
	return done, l.Refresh(ctx)
}

// agree holds notes against each other, and against the rows that are left. A digest
// speaks for all rows before it, so notes without one, of an earlier release, need one
// behind them; or none has any.
func agree(left []Row, notes []Note) error {
	rows := left
	if len(left) < len(notes) {
		rows = append([]Row(nil), left...)
		for _, n := range notes[len(left):] {
			rows = append(rows, n.Row)
		}
	}
	sums, digested := digests(rows), false
	for n := range notes {
		if !notes[n].of(&rows[n], sums[n]) {
			return altered("its rows are not those that the log has")
		}
		digested = digested || notes[n].Digest != ""
	}
	if digested && notes[len(notes)-1].Digest == "" {
		return altered("the last note of the log has no digest, and one before it has")
	}
	return nil
}
