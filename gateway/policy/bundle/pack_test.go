package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
)

func zipped(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	if _, err := zw.Write(raw); err != nil {
		tb.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// archive is a tar of entries, each with as much content as its header says.
func archive(tb testing.TB, entries ...tar.Header) []byte {
	tb.Helper()
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	for i := range entries {
		if err := tw.WriteHeader(&entries[i]); err != nil {
			tb.Fatal(err)
		}
		if entries[i].Typeflag == tar.TypeReg {
			if _, err := tw.Write(make([]byte, entries[i].Size)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func regular(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o444, Size: 1}
}

func TestPackUnpack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		files := rapid.MapOf(rapid.StringMatching(`[a-zé .]{1,3}x(/[a-z]{1,40}x){0,4}`), rapid.SliceOf(rapid.Byte())).Draw(t, "files")
		raw, err := Pack(files)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unpack(raw)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(files) {
			t.Fatalf("%d files of %d", len(got), len(files))
		}
		for name, content := range files {
			if !bytes.Equal(got[name], content) {
				t.Fatalf("%s: %d bytes, want %d", name, len(got[name]), len(content))
			}
		}
	})
}

func TestUnpackNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "/a", "./a", "a/b.c"} {
		if files, err := Unpack(zipped(t, archive(t, regular(name)))); err != nil || len(files) != 1 {
			t.Errorf("%q: %v", name, err)
		}
	}
	folder := tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o755}
	if files, err := Unpack(zipped(t, archive(t, folder, regular("a/b")))); err != nil || !cmp.Equal(files, map[string][]byte{"a/b": {0}}) {
		t.Errorf("a folder: %v, %v", files, err)
	}
	for name, entries := range map[string][]tar.Header{
		"above":          {regular("../a")},
		"above, within":  {regular("a/../../b")},
		"here":           {regular("a/./b")},
		"twice absolute": {regular("//a")},
		"empty part":     {regular("a//b")},
		"backslash":      {regular(`a\b`)},
		"backslash up":   {regular(`..\a`)},
		"twice":          {regular("a"), regular("a")},
		"two spellings":  {regular("a"), regular("/a")},
		"two more":       {regular("/a"), regular("./a")},
		"symbolic link":  {{Name: "a", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}},
		"hard link":      {regular("a"), {Name: "b", Linkname: "a", Typeflag: tar.TypeLink}},
		"device":         {{Name: "a", Typeflag: tar.TypeChar}},
		"fifo":           {{Name: "a", Typeflag: tar.TypeFifo}},
	} {
		files, err := Unpack(zipped(t, archive(t, entries...)))
		if files != nil || !fault.Is(err, fault.Invalid) || code(err) != CodeForm {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
	// The writer refuses a NUL in a name, so it is put there by hand.
	if clean("a\x00b") || clean("") || clean("a/") || !clean("a/b") {
		t.Error("a name with NUL or none at all is clean")
	}
}

func TestUnpackContainer(t *testing.T) {
	t.Parallel()
	plain := archive(t, regular("a"))
	good := zipped(t, plain)
	noise := make([]byte, 100)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for name, raw := range map[string][]byte{
		"nothing":                  nil,
		"no gzip":                  plain,
		"empty gzip with garbage":  append(zipped(t, nil), 'x'),
		"truncated":                good[:len(good)-9],
		"without its checksum":     good[:len(good)-8],
		"wrong checksum":           append(append([]byte(nil), good[:len(good)-8]...), 1, 2, 3, 4, 5, 6, 7, 8),
		"garbage behind":           append(append([]byte(nil), good...), noise...),
		"zeros behind":             append(append([]byte(nil), good...), 0, 0),
		"an empty member behind":   append(append([]byte(nil), good...), zipped(t, nil)...),
		"zeros as a second member": append(append([]byte(nil), good...), zipped(t, make([]byte, 1024))...),
		"itself behind":            append(append([]byte(nil), good...), good...),
		"an archive behind":        zipped(t, append(append([]byte(nil), plain...), plain...)),
		"far behind":               zipped(t, append(append(append([]byte(nil), plain...), make([]byte, 2<<20)...), 'x')),
		"half an archive":          zipped(t, plain[:512]),
	} {
		files, err := Unpack(raw)
		if files != nil || !fault.Is(err, fault.Invalid) || code(err) != CodeForm {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
}

// TestUnpackBombs holds small files that would unpack to very much against the
// limits. The memory of each is bounded by maxUnpacked, which it must not reach
// by far where the size is announced.
func TestUnpackBombs(t *testing.T) {
	t.Parallel()
	many := make([]tar.Header, 0, maxFiles+1)
	for i := range maxFiles + 1 {
		many = append(many, tar.Header{Name: fmt.Sprintf("a%d", i), Typeflag: tar.TypeReg})
	}
	folders := make([]tar.Header, 0, maxFiles+1)
	for i := range maxFiles + 1 {
		folders = append(folders, tar.Header{Name: fmt.Sprintf("a%d/", i), Typeflag: tar.TypeDir})
	}
	most := zipped(t, archive(t, many[:maxFiles]...))
	if files, err := Unpack(most); err != nil || len(files) != maxFiles {
		t.Errorf("%d files: %d, %v", maxFiles, len(files), err)
	}
	for name, raw := range map[string][]byte{
		"one file too many":    zipped(t, archive(t, many...)),
		"folders without end":  zipped(t, archive(t, folders...)),
		"one byte too much":    zipped(t, archive(t, tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: maxUnpacked + 1})),
		"padding without end":  zipped(t, append(archive(t, regular("a")), make([]byte, maxUnpacked)...)),
		"a sparse file":        zipped(t, sparseFile(t, 1<<40)),
		"a small sparse file":  zipped(t, sparseFile(t, 10)),
		"larger than a bundle": make([]byte, MaxBytes+1),
	} {
		files, err := Unpack(raw)
		if files != nil || code(err) != CodeForm {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
}

// sparseFile is an archive of one file that consists of a hole (GNU, PAX 1.0):
// a map of one fragment of no length at its end.
func sparseFile(tb testing.TB, size int64) []byte {
	tb.Helper()
	record := func(key, value string) string {
		for n := len(key) + len(value) + 3; ; n++ {
			if line := fmt.Sprintf("%d %s=%s\n", n, key, value); len(line) == n {
				return line
			}
		}
	}
	pax := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "a") +
		record("GNU.sparse.realsize", fmt.Sprint(size))
	content := make([]byte, 512)
	copy(content, fmt.Sprintf("1\n%d\n0\n", size))
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	for _, e := range []struct {
		kind    byte
		content []byte
	}{{'x', []byte(pax)}, {tar.TypeReg, content}} {
		// A header of type x is not for a writer to write: it is made as one of
		// another type, and its type and checksum are mended.
		start := out.Len()
		if err := tw.WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: int64(len(e.content)), Format: tar.FormatUSTAR}); err != nil {
			tb.Fatal(err)
		}
		if _, err := tw.Write(e.content); err != nil {
			tb.Fatal(err)
		}
		if err := tw.Flush(); err != nil {
			tb.Fatal(err)
		}
		retype(out.Bytes()[start:start+512], e.kind)
	}
	if err := tw.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// retype sets the type of a tar header, and its checksum.
func retype(header []byte, kind byte) {
	header[156] = kind
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// TestSparseFile shows that the archive of the test above is one that a reader
// unpacks to its announced size.
func TestSparseFile(t *testing.T) {
	t.Parallel()
	tr := tar.NewReader(bytes.NewReader(sparseFile(t, 10)))
	h, err := tr.Next()
	if err != nil {
		t.Fatal(err)
	}
	if h.Size != 10 || h.Typeflag != tar.TypeReg {
		t.Errorf("size %d, type %q", h.Size, h.Typeflag)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, regular("a"), regular("b/c")))
	f.Add(sparseFile(f, 10))
	f.Fuzz(func(t *testing.T, plain []byte) {
		for _, raw := range [][]byte{plain, zipped(t, plain)} {
			files, err := Unpack(raw)
			if (files == nil) == (err == nil) {
				t.Fatalf("%d files beside %v", len(files), err)
			}
			if err != nil {
				if code(err) != CodeForm || !fault.Is(err, fault.Invalid) {
					t.Fatal(err)
				}
				continue
			}
			for name := range files {
				if !clean(name) {
					t.Fatalf("the name %q", name)
				}
			}
			again, err := Unpack(packed(t, files))
			if err != nil || !cmp.Equal(files, again) {
				t.Fatalf("packing and unpacking gives something else: %v", err)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	by := newPen(f, "police/author")
	parts := unpacked(f, built(f, few(), 1, by))
	f.Add(parts[signaturesFile], parts[manifestFile], "concord/a.rego", []byte("package concord.a\n"))
	f.Add([]byte("{}"), []byte("{}"), "patch.json", []byte("{}"))
	f.Fuzz(func(t *testing.T, signatures, manifest []byte, name string, content []byte) {
		if !clean(name) || len(name) > 80 {
			return
		}
		raw, err := Pack(map[string][]byte{signaturesFile: signatures, manifestFile: manifest, name: content})
		if err != nil {
			return // a name that tar cannot hold
		}
		b, err := Read(raw, []Author{by.Author})
		if b != nil || !fault.Is(err, fault.Invalid) || code(err) == "" {
			t.Fatalf("a bundle that nobody signed: %v, %v", b, err)
		}
	})
}
