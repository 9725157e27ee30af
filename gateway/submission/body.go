package submission

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// pieceBytes is the most bytes of a body in one piece.
	pieceBytes = 1 << 20
	// inMemory is how many pieces of a body stay in memory, before all go to the
	// spool.
	inMemory = 8
	// offsetBytes is the length of what stands before the bytes of a piece: where in
	// the body they begin.
	offsetBytes = 8
	// MaxPieces bounds the parts of a body, for senders of very many small ones.
	MaxPieces = 8192
)

// body is what a sender sends, on its way in: bytes in memory at first, and in the
// spool when they are more than memory is to hold. It is owned by one goroutine.
type body struct {
	kept  *series
	clock func() time.Time
	// held are the pieces in memory; spooled says that they are in the spool instead.
	held    [][]byte
	spooled bool
	// handed says that a job may need the pieces.
	handed bool
	// n and size count the pieces and bytes that are there.
	n    int64
	size int64
	sum  hash.Hash
}

func newBody(kept *series, clock func() time.Time) *body {
	return &body{kept: kept, clock: clock, sum: sha256.New()}
}

// resume is the body of an upload as it is in the spool. It has no sum.
func resumeBody(ctx context.Context, kept *series, clock func() time.Time) (*body, error) {
	b := &body{kept: kept, clock: clock, spooled: true}
	last, n, err := kept.last(ctx)
	switch {
	case fault.Is(err, fault.NotFound):
		return b, nil
	case err != nil:
		return nil, err
	case len(last) < offsetBytes:
		return nil, fault.New(fault.Internal, "submission.Append", "A part of the upload cannot be read.")
	}
	b.n = n + 1
	b.size = int64(binary.BigEndian.Uint64(last)) + int64(len(last)-offsetBytes)
	return b, nil
}

// takeIn reads from to its end. What arrived before an error is there.
func (b *body) takeIn(ctx context.Context, from io.Reader) error {
	for {
		piece := make([]byte, offsetBytes+min(pieceBytes, MaxBytes-b.size+1))
		n, err := fill(from, piece[offsetBytes:])
		if n > 0 {
			if err := b.add(ctx, piece[:offsetBytes+n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // the end itself, and nothing that wraps it
			return nil
		case err != nil:
			return brokenOff(err)
		}
	}
}

// fill reads until p is full. Unlike io.ReadFull it tells a body that ends from one
// that breaks off.
func fill(from io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = from.Read(p[n:])
		n += more
	}
	return n, err
}

// brokenOff is the error of a body that did not come in whole.
func brokenOff(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.Wrap(fault.Invalid, "submission.Submit", "The body broke off. Nothing was stored.", err).WithCode("body-broken-off")
}

// add takes a piece, of which the first bytes are room for its offset.
func (b *body) add(ctx context.Context, piece []byte) error {
	content := piece[offsetBytes:]
	if b.size+int64(len(content)) > MaxBytes || b.n >= MaxPieces {
		return fault.New(fault.TooLarge, "submission.Submit", "The body is larger than 1 GiB, or comes in too many parts. Send it in several submissions.").
			WithCode("body-too-large")
	}
	binary.BigEndian.PutUint64(piece, uint64(b.size))
	if !b.spooled && len(b.held) == inMemory {
		if err := b.spool(ctx); err != nil {
			return err
		}
	}
	if b.spooled {
		if err := b.put(ctx, b.n, piece); err != nil {
			return err
		}
	} else {
		b.held = append(b.held, piece)
	}
	if b.sum != nil {
		b.sum.Write(content) // never fails, see hash.Hash
	}
	b.n++
	b.size += int64(len(content))
	return nil
}

// put stores a piece. A place that is taken was taken by another request for the
// same upload.
func (b *body) put(ctx context.Context, n int64, piece []byte) error {
	err := b.kept.put(ctx, n, piece, b.clock())
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(fault.Conflict, "submission.Append", "Another request is sending this part. Ask for the offset and go on from there.", err).
			WithCode(codeOffset)
	}
	return err
}

// spool moves what is in memory into the spool.
func (b *body) spool(ctx context.Context) error {
	if b.spooled {
		return nil
	}
	for i, piece := range b.held {
		if err := b.put(ctx, int64(i), piece); err != nil {
			return err
		}
	}
	b.held, b.spooled = nil, true
	return nil
}

// open reads the body from its beginning.
func (b *body) open(ctx context.Context) io.Reader {
	if !b.spooled {
		parts := make([]io.Reader, len(b.held))
		for i, piece := range b.held {
			parts[i] = bytes.NewReader(piece[offsetBytes:])
		}
		return io.MultiReader(parts...)
	}
	return &pieceReader{ctx: ctx, kept: b.kept, size: b.size}
}

// pieceReader reads a body from the spool: as many bytes as it is known to have, so
// that pieces which are gone, or which a request adds that comes late, are noticed.
type pieceReader struct {
	ctx  context.Context //nolint:containedctx // io.Reader has no room for it
	kept *series
	size int64
	n    int64
	at   int64
	rest []byte
}

func (r *pieceReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.at == r.size {
			return 0, io.EOF
		}
		piece, err := r.kept.get(r.ctx, r.n)
		if fault.Is(err, fault.NotFound) {
			return 0, fault.Wrap(fault.Conflict, "submission", "A part of the file is not kept any more.", err).WithCode("upload-gone")
		}
		if err != nil {
			return 0, err
		}
		more := int64(len(piece) - offsetBytes)
		if more <= 0 || binary.BigEndian.Uint64(piece) != uint64(r.at) || more > r.size-r.at {
			return 0, fault.New(fault.Internal, "submission", "A part of the upload cannot be read.")
		}
		r.rest = piece[offsetBytes:]
		r.at += int64(len(r.rest))
		r.n++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
