package submission

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// storeTimeout bounds storing and logging once a submission is open.
const storeTimeout = 2 * time.Minute

// codeOffset is the code of a part of an upload that does not begin where the last
// one ended.
const codeOffset = "upload-offset"

// Submit takes one submission: to its end where it has up to MaxAtOnce rows, and
// otherwise until its body is there in whole; the job that goes on with it has the
// state Processing.
//
// It answers a fault of kind NotFound for a dataset that the caller may not know of,
// Forbidden for an agreement that does not permit the submission, Invalid or TooLarge
// for a body that cannot be read, Unprocessable for a key that was used for another
// body, Conflict while the same submission is being stored, and Unavailable when store,
// keys or log cannot answer; whatever was stored by then is reported as unchanged when
// the same rows are sent again.
func (s *Service) Submit(ctx context.Context, up Upload) (*Result, error) {
	const op = "submission.Submit"
	now := s.now()
	ds, terms, err := s.terms(ctx, up.Principal.Agency, up.Dataset, up.Agreement, now)
	if err != nil {
		return nil, err
	}
	leave, err := s.enter(ctx, up.Principal.Agency)
	if err != nil {
		return nil, err
	}
	defer leave()
	st, err := newStream(op, up, now)
	if err != nil {
		return nil, err
	}
	if up.DryRun {
		return s.dryRun(ctx, st, ds, terms, up)
	}
	kept, err := s.opening(ctx, st)
	if err != nil {
		return nil, err
	}
	b := newBody(kept, s.Clock)
	res, err := s.take(ctx, st, b, ds, terms, up)
	if b.spooled && !b.handed {
		// What is left goes when its time is over.
		_ = kept.remove(context.WithoutCancel(ctx))
	}
	return res, err
}

// opening is where the body of a submission goes that is about to be opened. The key of
// its month is in the register before anything is hashed or sealed under it.
func (s *Service) opening(ctx context.Context, st *stream) (*series, error) {
	if err := s.months.Begin(ctx, st.Agreement, keyring.Month(st.Time)); err != nil {
		return nil, err
	}
	return s.pieces.series(ctx, kindUpload, st.id, st.Time)
}

// take reads the body of a submission and goes on with it.
func (s *Service) take(ctx context.Context, st *stream, b *body, ds *dataset.Dataset, terms *agreement.Terms, up Upload) (*Result, error) {
	if err := b.takeIn(ctx, up.Body); err != nil {
		return nil, err
	}
	// From here on it no longer matters whether the submitter is still there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	sum := b.sum.Sum(nil)
	if up.Digest != nil && !slices.Equal(up.Digest, sum) {
		return nil, errDigest()
	}
	if up.Key == "" {
		return s.process(ctx, st, b, ds, terms, up.Client)
	}
	free, res, err := s.claim(ctx, st, up.Key, sum)
	if res != nil || err != nil {
		return res, err
	}
	if res, err = s.process(ctx, st, b, ds, terms, up.Client); err != nil && !st.begun {
		free(ctx)
	}
	return res, err
}

func errDigest() error {
	return fault.New(fault.Invalid, "submission.Submit",
		"The body is not the one whose digest was announced. Send it again.").WithCode("repr-digest")
}

// newStream is a submission that is about to be opened.
func newStream(op string, up Upload, now time.Time) (*stream, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "No submission id could be made.", err)
	}
	return &stream{id: id.String(), bytes: -1, opened: opened{
		Agency: up.Principal.Agency, Subject: up.Principal.Subject, Roles: roleNames(up.Principal),
		Dataset: up.Dataset, Agreement: up.Agreement, RequestID: up.RequestID, Time: now,
		Format: up.Format, Encoding: up.Encoding, Atomic: up.Atomic,
	}}, nil
}

// terms finds dataset and agreement, or refuses in the same way for a dataset
// that is not there and for one that the caller's agency may not know of.
func (s *Service) terms(ctx context.Context, agency, name, id string, now time.Time) (*dataset.Dataset, *agreement.Terms, error) {
	rules := s.Rules.In(ctx)
	ds, ok := rules.Datasets.Get(name)
	if !ok || !rules.Agreements.Visible(agency, name) {
		return nil, nil, fault.New(fault.NotFound, "submission.Submit", "There is no such dataset.")
	}
	terms, err := rules.Agreements.Submission(id, agency, name, now)
	if err != nil {
		return nil, nil, err
	}
	return ds, terms, nil
}

// process stores what is there in whole: while the sender waits, or as a job where
// there are too many rows for that.
func (s *Service) process(ctx context.Context, st *stream, b *body, ds *dataset.Dataset, terms *agreement.Terms, client string) (*Result, error) {
	p, err := s.newPreparer(ctx, st, ds, terms)
	if err != nil {
		return nil, err
	}
	w, err := s.newWork(ctx, st, p)
	if err != nil {
		return nil, err
	}
	w.client = client
	r, err := w.reader(b.open(ctx))
	if err != nil {
		return nil, err
	}
	// All rows are read and checked before the first is stored: a body that
	// cannot be read to its end stores nothing.
	rows, err := w.all(ctx, r)
	switch {
	case errors.Is(err, errMany):
		return s.begin(ctx, st, b)
	case err != nil:
		return nil, err
	case st.Kept:
		return s.awaited(ctx, st, b)
	}
	return w.store(ctx, rows)
}

// errMany says that there are more rows than are stored at once.
var errMany = errors.New("more rows than are stored at once")

// reader opens a body.
func (w *work) reader(from io.Reader) (*intake.Reader, error) {
	r, err := intake.NewReader(from, intake.Source{
		Format: w.st.Format, Encoding: w.st.Encoding, Dataset: w.p.ds, Provider: w.st.Agency,
	})
	if err == nil && w.kept != nil {
		w.kept.header = r.Header()
	}
	return r, err
}

// bytesAtOnce bounds the bytes of the rows that are stored while the sender waits.
const bytesAtOnce = 16 << 20

// all prepares the rows of a body: Sizes.AtOnce or bytesAtOnce at most.
func (w *work) all(ctx context.Context, r *intake.Reader) ([]outcome, error) {
	var rows []outcome
	bytes := 0
	err := w.pass(ctx, r, 0, func(b *batch) error {
		rows = append(rows, b.out...)
		w.quality.Merge(b.tally)
		if bytes += b.bytes; len(rows) > w.Sizes.AtOnce || bytes > bytesAtOnce {
			return errMany
		}
		return nil
	})
	return rows, err
}

// store opens the submission, stores the valid rows, logs and closes it.
func (w *work) store(ctx context.Context, rows []outcome) (*Result, error) {
	w.st.begun = true
	if err := w.append(ctx, w.st, w.st.opened); err != nil {
		return nil, err
	}
	valid, refused := w.sift(rows)
	state := Complete
	if w.st.Atomic && len(refused) > 0 {
		state, valid, w.digest = Rejected, nil, nil
	}
	err := w.reject(ctx, refused)
	if err == nil {
		err = w.putAll(ctx, valid)
	}
	if err != nil {
		return nil, errors.Join(err, w.closeInterrupted(ctx, w.st))
	}
	return w.finish(ctx, state)
}

// putAll stores the rows in chunks; those of an atomic submission in one.
func (w *work) putAll(ctx context.Context, valid []*outcome) error {
	chunk := w.Sizes.Chunk
	if w.st.Atomic {
		chunk = max(len(valid), 1)
	}
	for part := range slices.Chunk(valid, chunk) {
		refused, err := w.put(ctx, part)
		if err != nil {
			return err
		}
		if err := w.reject(ctx, refused); err != nil {
			return err
		}
	}
	return nil
}

// dryRun checks every row of a body as it arrives, of whatever length, and says what
// would become of it. Nothing is stored, and nothing is logged: nothing is released.
func (s *Service) dryRun(ctx context.Context, st *stream, ds *dataset.Dataset, terms *agreement.Terms, up Upload) (*Result, error) {
	p, err := s.newPreparer(ctx, st, ds, terms)
	if err != nil {
		return nil, err
	}
	w, err := s.newWork(ctx, st, p)
	if err != nil {
		return nil, err
	}
	w.ahead.Store(false)
	w.kept = nil
	r, err := w.reader(up.Body)
	if err != nil {
		return nil, brokenOff(err)
	}
	err = w.pass(ctx, r, 0, func(b *batch) error {
		valid, refused := w.sift(b.out)
		if err := w.reject(ctx, refused); err != nil {
			return err
		}
		return w.foresee(ctx, valid)
	})
	if err != nil {
		return nil, err
	}
	res := w.result(DryRun)
	return &res, nil
}

func roleNames(p identity.Principal) []string {
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	return roles
}

// hexOf is a keyed hash as text.
func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
