package intake

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Limits of a compressed body.
const (
	// maxRatio is how many bytes one compressed byte may become, and ratioSlack what
	// is free: rows of a partner's system compress by 10 to 30.
	maxRatio   = 100
	ratioSlack = 1 << 20
	// maxZstdWindow is the largest window that a decoder has to support (RFC 9659
	// section 3); a body that asks for more is refused before memory is taken.
	maxZstdWindow = 8 << 20
)

const op = "intake.Read"

func invalid(code, message string) *fault.Error {
	return fault.New(fault.Invalid, op, message).WithCode(code)
}

// counter counts what is read from a body, and keeps why it broke off.
type counter struct {
	r   io.Reader
	n   int64
	err error // of the body, other than io.EOF
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	} else if err != nil && err != io.EOF { // what only wraps io.EOF is not the end
		c.err = io.ErrUnexpectedEOF
	}
	return n, err
}

// body is the decompressed body. Its errors are io.EOF itself or faults.
type body struct {
	in     *counter
	out    int64
	plain  io.Reader
	packed bool
	free   func() // what the decompressor holds
}

func openBody(r io.Reader, encoding Encoding) (*body, error) {
	b := &body{in: &counter{r: r}, free: func() {}}
	switch encoding {
	case Identity, "identity":
		b.plain = b.in
	case Gzip:
		b.packed = true
		z, err := gzip.NewReader(bufio.NewReader(b.in))
		if err == io.EOF && b.in.err == nil { //nolint:errorlint // the end itself
			return nil, emptyBody()
		}
		if err != nil {
			return nil, b.fault(err)
		}
		b.plain = z
	case Zstd:
		b.packed = true
		z, err := zstd.NewReader(b.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, b.fault(err)
		}
		b.plain, b.free = z, z.Close
	default:
		return nil, invalid("unsupported-encoding", "The Content-Encoding must be gzip or zstd, or absent.")
	}
	return b, nil
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.plain.Read(p)
	b.out += int64(n)
	if b.packed && b.out > maxRatio*b.in.n+ratioSlack {
		err = fault.New(fault.TooLarge, op, "The body grows to more than 100 times its size when it is decompressed. "+
			"Send it as it is, or in smaller files.").WithCode("compression-ratio")
		n = 0
	}
	if err == nil || err == io.EOF && b.in.err == nil { //nolint:errorlint // the end itself, and nothing that wraps it
		return n, err
	}
	return n, b.fault(err)
}

// fault says why the body ends before its end: it broke off, or what came cannot
// be decompressed.
func (b *body) fault(err error) error {
	broken := b.in.err
	if broken == nil && !b.packed {
		broken = err
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if f, ok := errors.AsType[*fault.Error](broken); ok {
		return f
	}
	if broken != nil {
		return fault.Wrap(fault.Invalid, op, "The body broke off before its end. Send it again.", notEnd{broken}).WithCode("body-broken")
	}
	message := "The compressed body is damaged, cut off, or followed by something else. Compress the file again."
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		message = "The body is compressed with a window of more than 8 MiB. Compress it with zstd -19 or less, without --ultra and --long."
	}
	return fault.Wrap(fault.Invalid, op, message, notEnd{err}).WithCode("compression")
}

// notEnd keeps a cause for the operator, but is not io.EOF: nobody must take a body
// that broke off for one that was read.
type notEnd struct{ cause error }

func (e notEnd) Error() string { return e.cause.Error() }

func (e notEnd) Unwrap() error {
	if errors.Is(e.cause, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return e.cause
}

func emptyBody() error {
	return invalid("empty-body", "The body is empty. An empty list of rows is [] in JSON, and a header without rows in CSV.")
}
