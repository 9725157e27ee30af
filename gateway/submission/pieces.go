package submission

import (
	"context"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/spool"
)

// The kinds of things that are kept for a while.
const (
	kindUpload   = "upload"   // the body, in the order of its bytes
	kindJournal  = "journal"  // how far a job is
	kindRejected = "rejected" // rows for the error file
)

// keptFor is how long pieces are kept when nobody deletes them: an upload that is
// not gone on with, a job that cannot go on, the rows of an error file.
const keptFor = 7 * 24 * time.Hour

// sealedPieces seals pieces on their way into the spool. Content is compressed
// first: rows of one file are much alike.
type sealedPieces struct {
	store  spool.Store
	keys   keyring.Keyring
	months *erasure.Months
}

// series is the pieces of one thing of one submission.
type series struct {
	*sealedPieces

	kind, id string
	month    string
	sealer   keyring.Sealer
}

// series returns the pieces of a kind that belong to a submission that was opened
// at a time.
func (p *sealedPieces) series(ctx context.Context, kind, id string, opened time.Time) (*series, error) {
	month := keyring.Month(opened)
	sealer, err := p.keys.Sealer(ctx, keyring.RejectedScope(month))
	if err != nil {
		return nil, err
	}
	return &series{sealedPieces: p, kind: kind, id: id, month: month, sealer: sealer}, nil
}

// put adds piece n. Conflict means that it is there.
func (s *series) put(ctx context.Context, n int64, content []byte, now time.Time) error {
	if err := s.months.BeginRejected(ctx, s.month); err != nil {
		return err
	}
	packed, err := pack(content)
	if err != nil {
		return err
	}
	body, err := s.sealer.Seal(packed, s.associated(n))
	if err != nil {
		return err
	}
	return s.store.Insert(ctx, spool.Piece{Kind: s.kind, ID: s.id, N: n, Expires: now.Add(keptFor), Body: body})
}

// get returns piece n, or a fault of kind NotFound.
func (s *series) get(ctx context.Context, n int64) ([]byte, error) {
	p, err := s.store.Get(ctx, s.kind, s.id, n)
	if err != nil {
		return nil, err
	}
	return s.open(&p)
}

// last returns the highest piece and its number, or a fault of kind NotFound.
func (s *series) last(ctx context.Context) ([]byte, int64, error) {
	p, err := s.store.Last(ctx, s.kind, s.id)
	if err != nil {
		return nil, 0, err
	}
	content, err := s.open(&p)
	return content, p.N, err
}

func (s *series) remove(ctx context.Context) error { return s.store.Delete(ctx, s.kind, s.id) }

func (s *series) open(p *spool.Piece) ([]byte, error) {
	packed, err := s.sealer.Open(p.Body, s.associated(p.N))
	if err != nil {
		return nil, err
	}
	return unpack(packed)
}

// associated binds a piece to its place.
func (s *series) associated(n int64) []byte {
	b := make([]byte, 0, 96)
	for _, part := range []string{"concord piece v1", s.kind, s.id, strconv.FormatInt(n, 10)} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// coder compresses; it is set up once in a process and safe for concurrent use.
var coder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(pieceBytes))
})

// decoder is the other way round. What it reads was sealed here.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(spool.MaxBody))
})

func pack(content []byte) ([]byte, error) {
	enc, err := coder()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "submission.pack", "What was sent cannot be kept.", err)
	}
	return enc.EncodeAll(content, make([]byte, 0, len(content)/4+64)), nil
}

func unpack(packed []byte) ([]byte, error) {
	dec, err := decoder()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "submission.unpack", "What was kept cannot be read.", err)
	}
	content, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "submission.unpack", "What was kept cannot be read.", err)
	}
	return content, nil
}
