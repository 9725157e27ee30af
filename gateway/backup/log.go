package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// logFile is a file with a log: a copy, or an export of the API. It is read more
// than once, and has to be the same each time.
type logFile struct {
	f *os.File
	// sum is the SHA-256 of what the first reading found.
	sum string
}

func openLog(path string) (*logFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "backup.Restore", "The file "+path+" cannot be read.", err)
	}
	return &logFile{f: f}, nil
}

// logReading is one reading of a logFile. It is the audit.Source of its log.
type logReading struct {
	file *logFile
	// each gets every batch before Verify does.
	each func(*audit.Batch) error
	// copy is the reader of a copy, and nil for an export, which has export and
	// whole instead.
	copy   *reader
	export audit.Source
	whole  hash.Hash
	// pending is the line behind the log of a copy.
	pending     *line
	checkpoints [][]byte
	err         error
}

// read begins to read from the front.
func (l *logFile) read(each func(*audit.Batch) error) (*logReading, error) {
	if _, err := l.f.Seek(0, io.SeekStart); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "backup.Restore", "The file cannot be read again.", err)
	}
	in := bufio.NewReader(l.f)
	r := &logReading{file: l, each: each}
	first, err := in.Peek(1)
	if err == nil && first[0] == '{' { // a line of JSON: an export
		r.whole = sha256.New()
		r.export = audit.ReadExport(io.TeeReader(in, r.whole))
		return r, nil
	}
	r.copy, err = newReader(in)
	return r, err
}

// Batches implements audit.Source. What ends it early is kept in err.
func (r *logReading) Batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	source := r.batches
	if r.export != nil {
		source = r.export.Batches
	}
	return func(yield func(*audit.Batch, error) bool) {
		for b, err := range source(ctx) {
			if err == nil {
				err = r.each(b)
			}
			if err != nil {
				r.err = err
				yield(nil, err)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// batches are those of a copy.
func (r *logReading) batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for {
			l, err := r.copy.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if l.Batch == nil {
				r.pending = l
				return
			}
			if !yield(l.Batch, nil) {
				return
			}
		}
	}
}

// Checkpoints implements audit.Source.
func (r *logReading) Checkpoints(ctx context.Context) (notes [][]byte, err error) {
	switch {
	case r.checkpoints != nil:
	case r.export != nil:
		r.checkpoints, err = r.export.Checkpoints(ctx)
	case r.pending != nil && r.pending.Checkpoint != "":
		r.checkpoints = [][]byte{[]byte(r.pending.Checkpoint)}
		r.pending = nil
	}
	return r.checkpoints, err
}

// rest calls f with every line behind the log, up to the end of the file, and holds
// the file against its first reading.
func (r *logReading) rest(f func(*line) error) error {
	if r.export != nil {
		return r.same(hexOf(r.whole.Sum(nil)))
	}
	for l := r.pending; ; l = nil {
		var err error
		if l == nil {
			l, err = r.copy.next()
		}
		if errors.Is(err, io.EOF) {
			return r.same(r.copy.end.SHA256)
		}
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
	}
}

func (r *logReading) same(sum string) error {
	if r.file.sum == "" {
		r.file.sum = sum
	}
	if r.file.sum != sum {
		return fault.New(fault.Invalid, "backup.Restore", "A file was changed while it was being read.")
	}
	return nil
}

// keyVersion returns the version of the log key that a batch brings in, or 0.
func keyVersion(b *audit.Batch) int {
	version := 0
	admins(b, func(_ int64, e *audit.Entry) {
		if e.Admin["kind"] == kindLogKey {
			v, _ := strconv.Atoi(e.Admin["version"]) // verified with the log; 0 counts for nothing
			version = max(version, v)
		}
	})
	return version
}

// kindLogKey is Admin["kind"] of an entry that brings in a log key.
const kindLogKey = "log-key"
