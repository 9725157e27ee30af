package intake

import (
	"bytes"
	"strings"
)

// sniffed is how much of a body is looked at to tell what it is.
const sniffed = 512

const (
	saveAsCSV  = ` In Excel, save it as "CSV UTF-8 (Comma delimited)".`
	sendInside = " Send the file that is inside, by itself."
)

// signature is what a file of another kind begins with.
type signature struct{ prefix, code, message string }

// signatures are the kinds of file that people send by mistake.
func signatures() []signature {
	const archive, kind = "archive", "file-type"
	zip := "The body is a ZIP archive or a spreadsheet (xlsx, ods). If it is an archive, send the file that is inside, by itself." + saveAsCSV
	inner := func(name, coding string) string {
		return "The body is compressed with " + name + ", and the request does not say so or it is compressed twice." + coding
	}
	return []signature{
		{"PK\x03\x04", archive, zip},
		{"PK\x05\x06", archive, zip},
		{"PK\x07\x08", archive, zip},
		{"\x1f\x8b", archive, inner("gzip", " Compress it once and give Content-Encoding: gzip.")},
		{"\x28\xb5\x2f\xfd", archive, inner("zstd", " Compress it once and give Content-Encoding: zstd.")},
		{"BZh", archive, inner("bzip2", sendInside)},
		{"\xfd7zXZ\x00", archive, inner("xz", sendInside)},
		{"7z\xbc\xaf\x27\x1c", archive, "The body is a 7z archive." + sendInside},
		{"Rar!\x1a\x07", archive, "The body is a RAR archive." + sendInside},
		{"%PDF-", kind, "The body is a PDF document. Send the data that it was made from."},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", kind, "The body is an old Office document (xls, doc)." + saveAsCSV},
		{"PAR1", kind, "The body is a Parquet file. Export it as CSV or as newline-delimited JSON."},
		{"<", kind, "The body is HTML or XML. Export it as CSV or as JSON."},
	}
}

// sniff refuses what is no text in UTF-8. start is the beginning of the body, after
// decompression and without a byte order mark of UTF-8.
func sniff(start []byte) error {
	if len(start) == 0 {
		return emptyBody()
	}
	for _, s := range signatures() {
		if !bytes.HasPrefix(start, []byte(s.prefix)) {
			continue
		}
		// "BZh" is text as well; a bzip2 stream goes on with its level and a magic number.
		if s.prefix == "BZh" && (len(start) < 10 || string(start[4:10]) != "1AY&SY" && string(start[4:10]) != "\x17\x72\x45\x38\x50\x90") {
			continue
		}
		return invalid(s.code, s.message)
	}
	if len(start) > 262 && string(start[257:262]) == "ustar" {
		return invalid("archive", "The body is a tar archive."+sendInside)
	}
	if wide(start) {
		return invalid("encoding", `The body is text in UTF-16 or UTF-32. Save it as UTF-8; in Excel as "CSV UTF-8 (Comma delimited)", not as "Unicode Text".`)
	}
	return nil
}

// wide reports whether text begins with the mark of a wide encoding, or has NUL
// bytes where such an encoding has them in Latin text.
func wide(start []byte) bool {
	for _, mark := range []string{"\xfe\xff", "\xff\xfe", "\x00\x00\xfe\xff"} {
		if bytes.HasPrefix(start, []byte(mark)) {
			return true
		}
	}
	var nul strings.Builder
	for _, c := range start[:min(len(start), 4)] {
		if c == 0 {
			nul.WriteByte('0')
		} else {
			nul.WriteByte('x')
		}
	}
	switch nul.String() {
	case "0x0x", "x0x0", "000x", "x000", "0x", "x0":
		return true
	}
	return false
}
