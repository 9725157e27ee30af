package submission

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// kindGone is the kind of the pieces that tell jobs under way which records were
// withdrawn meanwhile: a thing for each day of a provider's dataset, a piece for each
// withdrawal, with its time and the blind source ids. They are needed for as long as a
// job may live.
const kindGone = "gone"

const (
	refBytes = len(record.Ref{})
	// noteAttempts bounds how often a note is tried again that others were faster with.
	noteAttempts = 50
	day          = 24 * time.Hour
)

func goneID(provider, dataset string, on time.Time) string {
	return dataset + "/" + provider + "/" + on.Format(time.DateOnly)
}

// noteGone tells the jobs of a provider's dataset that records are withdrawn. It is
// done before the first row goes: a job that stores a row after that sees the note
// after its chunk.
func (s *Service) noteGone(ctx context.Context, provider, dataset string, keys []record.Key) error {
	now := s.now()
	kept, err := s.pieces.series(ctx, kindGone, goneID(provider, dataset, now), now)
	if err != nil {
		return err
	}
	note := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMicro()))
	for i := range keys {
		note = append(note, keys[i].Source[:]...)
	}
	for range noteAttempts {
		_, last, err := kept.last(ctx)
		switch {
		case fault.Is(err, fault.NotFound):
			last = -1
		case err != nil:
			return err
		}
		if err := kept.put(ctx, last+1, note, now); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "submission.Withdraw", "Too many withdrawals are under way. Send it again.")
}

// gone is what a job knows of the records that were withdrawn since it was opened.
type gone struct {
	refs map[record.Ref]bool
	// day and n are the next note to be read.
	day time.Time
	n   int64
}

// honour reads the notes that came since, and takes back what the job stored of the
// records in them. What was submitted again since stays.
func (j *job) honour(ctx context.Context) error {
	var keys []record.Key
	for today := j.now().Truncate(day); ; {
		note, err := j.nextNote(ctx)
		if err != nil {
			return err
		}
		if note == nil {
			if !j.gone.day.Before(today) {
				break
			}
			j.gone.day, j.gone.n = j.gone.day.Add(day), 0
			continue
		}
		j.gone.n++
		if int64(binary.BigEndian.Uint64(note)) <= j.st.Time.UnixMicro() { // before the job
			continue
		}
		for refs := note[8:]; len(refs) >= refBytes; refs = refs[refBytes:] {
			ref := record.Ref(refs[:refBytes])
			j.gone.refs[ref] = true
			keys = append(keys, record.Key{Provider: j.st.Agency, Dataset: j.st.Dataset, Source: ref})
		}
	}
	return j.takeBack(ctx, keys)
}

// nextNote returns the next note of the day that is read, or nil.
func (j *job) nextNote(ctx context.Context) ([]byte, error) {
	kept, err := j.pieces.series(ctx, kindGone, goneID(j.st.Agency, j.st.Dataset, j.gone.day), j.gone.day)
	if err != nil {
		return nil, err
	}
	note, err := kept.get(ctx, j.gone.n)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err == nil && len(note) < 8 {
		err = fault.New(fault.Internal, "submission.job", "A note of a withdrawal cannot be read.")
	}
	return note, err
}

// takeBack withdraws those of the records whose version in force the job has stored.
func (j *job) takeBack(ctx context.Context, keys []record.Key) error {
	if len(keys) == 0 {
		return nil
	}
	stamps, err := j.Records.Stamps(ctx, keys)
	if err != nil {
		return err
	}
	var own []record.Key
	for key, stamp := range stamps {
		if stamp.Submission == j.st.id {
			own = append(own, key)
		}
	}
	if len(own) == 0 {
		return nil
	}
	_, err = j.Records.Withdraw(ctx, own)
	return err
}
