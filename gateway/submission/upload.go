package submission

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Begin opens an upload that comes in parts, and takes the first
// (draft-ietf-httpbis-resumable-upload). What arrives of a part stays, also when the
// rest of it does not. The result has the state Uploading, and its Progress how many
// bytes are there. With the key of an upload that is there already it answers that.
//
// Its errors are those of Submit.
func (s *Service) Begin(ctx context.Context, up Upload) (*Result, error) {
	now := s.now()
	if _, _, err := s.terms(ctx, up.Principal.Agency, up.Dataset, up.Agreement, now); err != nil {
		return nil, err
	}
	st, err := newStream("submission.Begin", up, now)
	if err != nil {
		return nil, err
	}
	leave, err := s.enter(ctx, up.Principal.Agency)
	if err != nil {
		return nil, err
	}
	defer leave()
	kept, err := s.opening(ctx, st)
	if err != nil {
		return nil, err
	}
	st.Kept = true
	if up.Digest != nil {
		if st.Digest, err = s.digestOf(ctx, st, up.Digest); err != nil {
			return nil, err
		}
	}
	if up.Key != "" {
		_, res, err := s.claim(ctx, st, up.Key, up.Digest)
		if res != nil || err != nil {
			return res, err
		}
	}
	if err := s.append(ctx, st, st.opened); err != nil {
		return nil, err
	}
	return s.addTo(ctx, st, kept, Part{Body: up.Body})
}

// Part is a part of an upload.
type Part struct {
	Principal identity.Principal
	ID        string
	// Offset is where in the body the part begins.
	Offset int64
	// Last says that the body is complete with it.
	Last   bool
	Client string
	Body   io.Reader
}

// Append takes the next part of an upload. One that does not begin where the last
// ended answers Conflict with the code "upload-offset"; Offset says where that is.
// With the last part it goes on as Submit does.
func (s *Service) Append(ctx context.Context, part Part) (*Result, error) {
	const op = "submission.Append"
	st, err := s.ownStream(ctx, op, part.Principal, part.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case st.result != nil && part.Last, st.bytes >= 0 && part.Last && part.Offset == st.bytes:
		return s.Get(ctx, part.Principal, part.ID) // the answer to the last part was lost
	case !st.Kept || st.bytes >= 0 || st.result != nil || st.cancelled:
		return nil, fault.New(fault.Conflict, op, "Nothing can be added to the submission: it is complete or has ended.").WithCode("upload-ended")
	}
	leave, err := s.enter(ctx, st.Agency)
	if err != nil {
		return nil, err
	}
	defer leave()
	kept, err := s.pieces.series(ctx, kindUpload, st.id, st.Time)
	if err != nil {
		return nil, err
	}
	return s.addTo(ctx, st, kept, part)
}

// addTo adds what a request brings to an upload.
func (s *Service) addTo(ctx context.Context, st *stream, kept *series, part Part) (*Result, error) {
	b, err := resumeBody(ctx, kept, s.Clock)
	if err != nil {
		return nil, err
	}
	if part.Offset != b.size {
		return nil, fault.New(fault.Conflict, "submission.Append", "The part does not begin where the last one ended.").WithCode(codeOffset)
	}
	b.sum = nil
	// A part is stored as far as it arrives, whether or not its sender stays.
	if err := b.takeIn(context.WithoutCancel(ctx), part.Body); err != nil {
		return nil, err
	}
	if !part.Last {
		return uploading(st.id, b.size), nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return s.completed(ctx, st, b, part.Client)
}

func uploading(id string, size int64) *Result {
	return &Result{ID: id, State: Uploading, Errors: []RowError{}, Progress: &Progress{Bytes: size}}
}

// completed goes on with an upload that is there in whole.
func (s *Service) completed(ctx context.Context, st *stream, b *body, client string) (*Result, error) {
	ds, terms, err := s.terms(ctx, st.Agency, st.Dataset, st.Agreement, s.now())
	if err != nil {
		return nil, err
	}
	if same, err := s.announced(ctx, st, b.open(ctx)); err != nil || !same {
		if err == nil {
			err = errDigest()
		}
		return nil, s.giveUp(ctx, st, b, err)
	}
	res, err := s.process(ctx, st, b, ds, terms, client)
	if err != nil {
		return nil, s.giveUp(ctx, st, b, err)
	}
	return res, nil
}

// lapse closes an upload that was not gone on with: what it brought is not kept any
// more.
func (s *Service) lapse(ctx context.Context, op string, st *stream) error {
	if !st.Kept || st.bytes >= 0 || st.result != nil || s.Clock().Sub(st.Time) < keptFor {
		return nil
	}
	res, err := s.closeUnlogged(ctx, st, Cancelled)
	if fault.Is(err, fault.Conflict) { // somebody else was faster
		now, err := s.readStream(ctx, op, st.id)
		if err == nil {
			*st = *now
		}
		return err
	}
	st.result = res
	return err
}

// giveUp closes an upload that cannot be read, and returns why. What can be tried
// again stays.
func (s *Service) giveUp(ctx context.Context, st *stream, b *body, why error) error {
	if k := fault.KindOf(why); k == fault.Unavailable || k == fault.Internal {
		return why
	}
	_, err := s.closeUnlogged(ctx, st, Failed, fileError(why))
	if err != nil {
		return errors.Join(why, err)
	}
	_ = b.kept.remove(ctx) // goes when its time is over
	return why
}

// Offset says how many bytes of an upload are there, and whether it is complete.
func (s *Service) Offset(ctx context.Context, p identity.Principal, id string) (size int64, complete bool, err error) {
	st, err := s.ownStream(ctx, "submission.Offset", p, id)
	if err != nil {
		return 0, false, err
	}
	if st.bytes >= 0 || st.result != nil || !st.Kept {
		return max(st.bytes, 0), true, nil
	}
	size, err = s.size(ctx, st)
	return size, false, err
}

func (s *Service) size(ctx context.Context, st *stream) (int64, error) {
	kept, err := s.pieces.series(ctx, kindUpload, st.id, st.Time)
	if err != nil {
		return 0, err
	}
	b, err := resumeBody(ctx, kept, s.Clock)
	if err != nil {
		return 0, err
	}
	return b.size, nil
}

// digestOf is the keyed hash of a body's SHA-256: the hash alone would let others
// guess what was sent.
func (s *Service) digestOf(ctx context.Context, st *stream, sum []byte) (string, error) {
	h, err := s.Keys.Hasher(ctx, keyring.RecordScope(st.Agreement, keyring.Month(st.Time)))
	if err != nil {
		return "", err
	}
	return hexOf(h.Hash("body", string(sum))), nil
}

// announced reports whether a body is the one whose digest was announced, if any was.
func (s *Service) announced(ctx context.Context, st *stream, from io.Reader) (bool, error) {
	if st.Digest == "" {
		return true, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, from); err != nil {
		return false, err
	}
	got, err := s.digestOf(ctx, st, sum.Sum(nil))
	return got == st.Digest, err
}
