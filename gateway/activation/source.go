package activation

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
)

// Candidate is a set of files that might come into force.
type Candidate struct {
	Files bundle.Files
	// Sequence is the author's count, zero where the files are not a bundle.
	Sequence int64
	// Author signed the bundle; empty where the files are not one.
	Author string
	// SHA256 tells one candidate from another, in hexadecimal.
	SHA256 string
}

// Source is where rules come from. Changed is cheap and says whether Read may
// give something else than before; Read gives a whole candidate or a fault.
type Source interface {
	Changed() bool
	Read() (Candidate, error)
}

// fixed are files that do not change while the process runs.
type fixed struct{ candidate Candidate }

// Fixed is a source of files that are there when the process starts: those
// built into the binary, or a folder in development.
func Fixed(files bundle.Files) Source {
	return fixed{Candidate{Files: files, SHA256: files.Revision()}}
}

func (f fixed) Changed() bool            { return false }
func (f fixed) Read() (Candidate, error) { return f.candidate, nil }

// bundleFile is a signed bundle in a file that may be replaced.
type bundleFile struct {
	path    string
	authors []bundle.Author
	// modified and size are those of the file when it was last read. They
	// belong to the goroutine that polls.
	modified time.Time
	size     int64
}

// BundleFile is a source that reads a signed bundle, and again whenever the
// file is another. Replace it by renaming another file over it.
func BundleFile(path string, authors []bundle.Author) Source {
	return &bundleFile{path: path, authors: authors}
}

func (b *bundleFile) Changed() bool {
	info, err := os.Stat(b.path)
	return err != nil || !info.ModTime().Equal(b.modified) || info.Size() != b.size
}

func (b *bundleFile) Read() (Candidate, error) {
	raw, err := b.read()
	if err != nil {
		return Candidate{}, fault.Wrap(fault.Invalid, "activation.Read", "The policy bundle cannot be read.", err).WithCode("bundle-unreadable")
	}
	read, err := bundle.Read(raw, b.authors)
	if err != nil {
		return Candidate{SHA256: sha256Hex(raw)}, err
	}
	return Candidate{Files: read.Files, Sequence: read.Sequence, Author: read.Author, SHA256: read.SHA256}, nil
}

// read takes the bytes, and what Changed compares with, from one open file.
func (b *bundleFile) read() (raw []byte, err error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	raw, err = io.ReadAll(io.LimitReader(f, bundle.MaxBytes+1))
	if err == nil {
		b.modified, b.size = info.ModTime(), info.Size()
	}
	return raw, err
}
