package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/notekey"
)

// maxLine bounds one line. A batch of 4 MiB takes three times as much at most.
const maxLine = 64 << 20

// reader reads a copy from its first line to its last.
type reader struct {
	in  *bufio.Reader // the compressed file
	zip *gzip.Reader
	buf *bufio.Reader
	sum hash.Hash
	// lines counts those that were read; at is where the last one belongs.
	lines  int64
	at     section
	header Header
	counts Counts
	// end is set when the trailer was read.
	end *trailer
}

// newReader reads the header.
func newReader(f io.Reader) (*reader, error) {
	r := &reader{in: bufio.NewReader(f), sum: sha256.New()}
	var err error
	if r.zip, err = gzip.NewReader(r.in); err != nil {
		return nil, r.broken("it is no copy of a Concord", err)
	}
	r.zip.Multistream(false) // there is one; what follows it does not belong there
	r.buf = bufio.NewReader(r.zip)
	l, err := r.next()
	if err != nil {
		return nil, err
	}
	if l.Header == nil {
		return nil, r.broken("it is no copy of a Concord", nil)
	}
	r.header = *l.Header
	if r.header.Format != format {
		return nil, fault.New(fault.Invalid, "backup.read", fmt.Sprintf(
			"The copy has format %d and this release reads %d.", r.header.Format, format))
	}
	return r, nil
}

// broken says where a copy cannot be read.
func (r *reader) broken(what string, cause error) error {
	where := "at its beginning"
	if r.lines > 0 {
		where = fmt.Sprintf("at line %d, in or after the part %q", r.lines, r.at)
	}
	return fault.Wrap(fault.Invalid, "backup.read", "The copy cannot be used: "+what+" "+where+".", cause)
}

const altered = "it is cut off or was altered"

// next returns the next line, and io.EOF after the trailer of a copy that is whole.
func (r *reader) next() (*line, error) {
	if r.end != nil {
		return nil, io.EOF
	}
	raw, err := r.line()
	if err != nil {
		return nil, r.broken(altered, err)
	}
	r.lines++
	l := new(line)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return nil, r.broken(altered, err)
	}
	at, ok := l.section()
	once := at == sectionHeader || at == sectionCheckpoint
	if !ok || at < r.at || once && at == r.at && r.lines > 1 || r.lines == 1 && at != sectionHeader {
		return nil, r.broken(altered, errors.New("a line does not belong where it stands"))
	}
	r.at = at
	if at == sectionTrailer {
		return l, r.finish(l.Trailer)
	}
	r.sum.Write(raw)
	r.count(l)
	return l, nil
}

// line reads up to the end of a line, which it includes.
func (r *reader) line() ([]byte, error) {
	var raw []byte
	for {
		part, err := r.buf.ReadSlice('\n')
		raw = append(raw, part...)
		switch {
		case len(raw) > maxLine:
			return nil, errors.New("a line is too long")
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF // every line has an end, and the last is the trailer
		default:
			return raw, err
		}
	}
}

func (r *reader) count(l *line) {
	switch {
	case l.Batch != nil:
		r.counts.Batches++
		r.counts.Entries += int64(len(l.Batch.Entries))
	case l.Event != nil:
		r.counts.Events++
	case l.Record != nil:
		r.counts.Records++
	}
}

// finish holds the trailer against what was read, and wants nothing behind it.
func (r *reader) finish(t *trailer) error {
	if t.SHA256 != hexOf(r.sum.Sum(nil)) || t.Counts != r.counts {
		return r.broken(altered, errors.New("counts or SHA-256 of the trailer do not fit"))
	}
	if _, err := r.buf.ReadByte(); !errors.Is(err, io.EOF) { // reads the checksum of gzip as well
		return r.broken(altered, errors.Join(errors.New("something follows the trailer"), err))
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return r.broken(altered, errors.Join(errors.New("something follows the copy"), err))
	}
	r.end = t
	return nil
}

// signedBy holds the signature of a copy that was read to its end against keys of
// the log.
func (r *reader) signedBy(keys []string) error {
	for _, key := range keys {
		_, public, err := notekey.Verifier(key)
		if err == nil && ed25519.Verify(public, signed(r.header.Origin, r.end.SHA256), r.end.Signature) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "backup.read", "The copy is not signed by a key of the log.")
}
