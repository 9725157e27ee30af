package submission

import (
	"context"
	"encoding/json"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// idempotencyKind is the kind of the streams of idempotency keys. Each row is an
// attempt: a submission that was begun with the key.
const idempotencyKind = "idempotency"

const (
	// keyValid is how long a key stands for the same submission.
	keyValid = 7 * 24 * time.Hour
	// beginning is how long after its claim a submission may not be there yet: longer
	// than anybody goes on with one.
	beginning = storeTimeout + time.Minute
	// MaxKey is the most bytes of an idempotency key.
	MaxKey = 255
)

// claim is one attempt with a key.
type claim struct {
	Submission string    `json:"submission"`
	Time       time.Time `json:"time"`
	// Month and Agreement name the key of Fingerprint, which is destroyed with the
	// records.
	Month       string `json:"month"`
	Agreement   string `json:"agreement"`
	Fingerprint string `json:"fingerprint"`
	// Free says that what was begun with the key came to nothing.
	Free bool `json:"free,omitempty"`
}

// claim claims an idempotency key of an agency for a submission with the body of a
// SHA-256. Where the key stands for a submission already it answers what became of
// that, Unprocessable where that had another body, or went to another place, and
// Conflict while it is being stored (draft-ietf-httpapi-idempotency-key-header,
// section 2.6). One that was interrupted is begun anew.
//
// free gives the key back where nothing was begun with it after all.
func (s *Service) claim(ctx context.Context, st *stream, key string, sum []byte) (free func(context.Context), res *Result, err error) {
	const op = "submission.claim"
	index, err := s.Keys.Hasher(ctx, keyring.IndexScope(st.Dataset))
	if err != nil {
		return nil, nil, err
	}
	id := hexOf(index.Hash("idempotency", st.Agency, key))
	now := s.now()
	var n int64
	last, err := s.Events.Last(ctx, idempotencyKind, id)
	switch {
	case err == nil:
		n = last.N + 1
		res, err := s.claimed(ctx, &last, st, sum, now)
		if res != nil || err != nil {
			return nil, res, err
		}
	case !fault.Is(err, fault.NotFound):
		return nil, nil, err
	}
	c := claim{Submission: st.id, Time: now, Month: keyring.Month(now), Agreement: st.Agreement}
	if c.Fingerprint, err = s.fingerprint(ctx, &c, st, sum); err != nil {
		return nil, nil, err
	}
	if err = s.event(ctx, idempotencyKind, id, n, c); fault.Is(err, fault.Conflict) {
		err = inProgress(op)
	}
	return func(ctx context.Context) {
		c.Free = true
		_ = s.event(ctx, idempotencyKind, id, n+1, c) // or else its time is over after beginning
	}, nil, err
}

// claimed says what became of the submission that a key stands for; nothing where it
// stands for none any more.
func (s *Service) claimed(ctx context.Context, last *event.Event, st *stream, sum []byte, now time.Time) (*Result, error) {
	const op = "submission.claim"
	var c claim
	if err := json.Unmarshal(last.Body, &c); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "An idempotency key cannot be read.", err)
	}
	if c.Free || now.Sub(c.Time) > keyValid {
		return nil, nil //nolint:nilnil // the key is free again
	}
	same, err := s.fingerprint(ctx, &c, st, sum)
	switch {
	case fault.Is(err, fault.NotFound): // the records of that month are erased
		return nil, nil //nolint:nilnil // the key is free again
	case err != nil:
		return nil, err
	case same != c.Fingerprint:
		return nil, fault.New(fault.Unprocessable, op,
			"The idempotency key was used for another submission. Use a new key for each.").WithCode("idempotency-key-reused")
	}
	before, err := s.readStream(ctx, op, c.Submission)
	switch {
	case fault.Is(err, fault.NotFound) && now.Sub(c.Time) < beginning:
		return nil, inProgress(op)
	case fault.Is(err, fault.NotFound):
		return nil, nil //nolint:nilnil // it was cut off before it began
	case err != nil:
		return nil, err
	case before.result != nil && (before.result.State == Interrupted || before.result.State == Cancelled || before.result.State == Failed):
		return nil, nil //nolint:nilnil // it is begun anew
	case before.result == nil && !before.Kept:
		return nil, inProgress(op)
	}
	return s.resultOf(ctx, before)
}

func inProgress(op string) error {
	f := fault.New(fault.Conflict, op, "The same submission is being stored. Ask again.").WithCode("idempotency-in-progress")
	f.RetryAfter = 2 * time.Second
	return f
}

// fingerprint is the keyed hash of all by which a repetition is known.
func (s *Service) fingerprint(ctx context.Context, c *claim, st *stream, sum []byte) (string, error) {
	h, err := s.Keys.Hasher(ctx, keyring.RecordScope(c.Agreement, c.Month))
	if err != nil {
		return "", err
	}
	atomic := "rows"
	if st.Atomic {
		atomic = "all"
	}
	parts := []string{"fingerprint", string(sum), st.Dataset, st.Agreement, atomic, string(st.Format), string(st.Encoding)}
	return hexOf(h.Hash(parts...)), nil
}
