package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The limits of a bundle. They bound the memory that an untrusted file takes
// before its signature has been looked at.
const (
	MaxBytes    = 32 << 20
	maxUnpacked = 128 << 20
	maxFiles    = 50_000
)

// Pack writes files as a gzipped tar whose bytes depend on names and contents
// alone.
func Pack(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	tw := tar.NewWriter(zw)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "/" + name, Mode: 0o444, Size: int64(len(files[name])), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := tw.WriteHeader(h); err != nil {
			return nil, packFault(err)
		}
		if _, err := tw.Write(files[name]); err != nil {
			return nil, packFault(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return nil, packFault(err)
	}
	return out.Bytes(), nil
}

func packFault(err error) error {
	return fault.Wrap(fault.Internal, "bundle.Pack", "The bundle cannot be written.", err)
}

// Unpack reads a gzipped tar of regular files. A name that stands twice, leads
// elsewhere or names anything but a file, and a content beyond the limits, are
// faults of kind Invalid.
func Unpack(raw []byte) (map[string][]byte, error) {
	files, err := unpack(raw)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "bundle.Read", "The file is not a policy bundle.", err).WithCode(CodeForm)
	}
	return files, nil
}

func unpack(raw []byte) (map[string][]byte, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", MaxBytes)
	}
	src := bytes.NewReader(raw)
	zr, err := gzip.NewReader(src)
	if err != nil {
		return nil, err
	}
	zr.Multistream(false)
	limited := &io.LimitedReader{R: zr, N: maxUnpacked}
	files, err := untar(tar.NewReader(limited))
	if err != nil {
		return nil, err
	}
	return files, trailing(limited, src)
}

// untar reads the archive itself. The sizes are added up as they are announced:
// a sparse entry unpacks to more than the archive holds.
func untar(tr *tar.Reader) (map[string][]byte, error) {
	files, total := map[string][]byte{}, int64(0)
	for entries := 0; ; entries++ {
		h, err := tr.Next()
		if err == io.EOF { //nolint:errorlint // tar.Reader returns it bare (documented)
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if total += h.Size; entries >= maxFiles || h.Size < 0 || total > maxUnpacked || sparse(h) {
			return nil, fmt.Errorf("it holds more than %d entries or %d bytes, or a sparse file", maxFiles, maxUnpacked)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")
		if _, twice := files[name]; twice || h.Typeflag != tar.TypeReg || !clean(name) {
			return nil, fmt.Errorf("entry %q stands twice, is no regular file or leads elsewhere", h.Name)
		}
		if files[name], err = io.ReadAll(tr); err != nil {
			return nil, err
		}
	}
}

// sparse reports whether an entry is a file with holes, which takes no room in
// the archive and any amount of memory.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// trailing reads to the end of the compressed stream, so that its checksum is
// looked at, and refuses what follows the archive besides its padding.
func trailing(unpacked *io.LimitedReader, packed *bytes.Reader) error {
	var block [4096]byte
	for {
		n, err := unpacked.Read(block[:])
		if len(bytes.TrimLeft(block[:n], "\x00")) > 0 {
			return errors.New("something follows the archive")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if unpacked.N <= 0 || packed.Len() > 0 {
		return errors.New("something follows the archive")
	}
	return nil
}

// clean reports whether a name stays inside and has one spelling.
func clean(name string) bool {
	if name == "" || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
