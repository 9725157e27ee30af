package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

const (
	// Whole is the largest body that goes in one request, where no size of piece is
	// given.
	Whole = 8 << 20
	// Piece is the size of a piece of a larger one.
	Piece = 4 << 20
	// rowsTimeout bounds one request that carries rows, or makes the gateway work
	// on them before it answers, besides the time for its bytes at slowest a second.
	rowsTimeout = 5 * time.Minute
	slowest     = 32 << 10
)

// Submission is a file on its way to a gateway.
type Submission struct {
	Dataset   string
	Agreement string
	// Format and Encoding say what Body is. A body that is compressed is sent so.
	Format   intake.Format
	Encoding intake.Encoding
	// Atomic takes all rows or none.
	Atomic bool
	// DryRun has every row checked and nothing stored.
	DryRun bool
	// IdempotencyKey is what the gateway knows the submission by: the same key and body
	// are the same submission. It has 255 characters at most, of printable ASCII but for
	// quotation mark and backslash. Where it is empty, Key makes it.
	IdempotencyKey string
	// Body is read at any place and more than once, and must stay as it is meanwhile.
	Body io.ReaderAt
	// Size is how many bytes Body has.
	Size int64
	// PieceSize is for networks that let only smaller requests through: a body of
	// more bytes goes in pieces of this size. Zero means Piece, for a body above Whole. A
	// dry run goes in one request whatever its size: there is nothing to go on from.
	PieceSize int64
	// Progress, where set, is told how far it is, never twice at a time, but from
	// other goroutines too.
	Progress func(Progress)
}

// Key is a SHA-256 of all that is sent, in hex: the bytes of the file, the dataset, the
// agreement and the flags. So a file that is sent again, by another process or after a
// failure, is the same submission, and another file never is.
func Key(s Submission) (string, error) {
	sum, err := digest(s)
	if err != nil {
		return "", err
	}
	return keyOf(s, sum), nil
}

func keyOf(s Submission, sum []byte) string {
	key := sha256.Sum256(fmt.Appendf(nil, "concord submission v1\n%q %q %q %q atomic=%t dry_run=%t\n%x",
		s.Dataset, s.Agreement, s.Format, s.Encoding, s.Atomic, s.DryRun, sum))
	return hex.EncodeToString(key[:])
}

// digest is the SHA-256 of the body.
func digest(s Submission) ([]byte, error) {
	h := sha256.New()
	if n, err := io.Copy(h, io.NewSectionReader(s.Body, 0, s.Size)); err != nil || n != s.Size {
		return nil, fault.Wrap(fault.Invalid, "client.Submit", "the file cannot be read to its end", err)
	}
	return h.Sum(nil), nil
}

// Submit sends a file. It returns what became of the rows, or, for a file that the
// gateway takes its time for, a result that has not ended, for Wait. It goes on until
// ctx is over, the gateway refuses, or nothing went ahead for as long as the client has
// patience. Sending the same again is always safe.
func (c *Client) Submit(ctx context.Context, s Submission) (*Result, error) {
	const op = "client.Submit"
	if !c.private() {
		return nil, fault.New(fault.Invalid, op, "rows go over https:// only; http:// is for the same machine")
	}
	sum, err := digest(s)
	if err != nil {
		return nil, err
	}
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = keyOf(s, sum)
	}
	if len(s.IdempotencyKey) > 255 || strings.ContainsFunc(s.IdempotencyKey, func(r rune) bool {
		return r < ' ' || r > '~' || r == '"' || r == '\\'
	}) {
		return nil, fault.New(fault.Invalid, op, "an idempotency key has 255 printable ASCII characters at most, but no quotation mark or backslash")
	}
	u := newUpload(c, s, sum)
	defer u.shut()
	if limit := s.PieceSize; s.DryRun || limit <= 0 && s.Size <= Whole || limit > 0 && s.Size <= limit {
		return u.whole(ctx)
	}
	return u.pieces(ctx)
}

// private reports whether what is sent cannot be read on the way.
func (c *Client) private() bool {
	u, err := url.Parse(c.server)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || c.plain || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// create is the request that makes a submission, without its body. The digest has the
// gateway refuse a body that was not put together right, and know it again.
func (s *Submission) create(sum []byte) request {
	query := url.Values{"agreement": {s.Agreement}}
	if s.Atomic {
		query.Set("atomic", "true")
	}
	if s.DryRun {
		query.Set("dry_run", "true")
	}
	h := http.Header{"Content-Type": {string(s.Format)}}
	// A string of RFC 9651 section 3.3.3, as draft-ietf-httpapi-idempotency-key-header has it.
	h.Set("Idempotency-Key", `"`+s.IdempotencyKey+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530 section 3
	if s.Encoding != intake.Identity {
		h.Set("Content-Encoding", string(s.Encoding))
	}
	return request{
		method: http.MethodPost, path: "/v1/datasets/" + url.PathEscape(s.Dataset) + "/submissions",
		query: query, header: h,
	}
}
