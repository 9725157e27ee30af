package main

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/intake"
)

// errRejected is returned when some rows were rejected and that has been said.
var errRejected = errors.New("some rows were rejected")

// rowsFile is a file of rows on the command line.
type rowsFile struct {
	File    string `arg:"" help:"The file: .csv, .ndjson, .jsonl or .json, also with .gz or .zst behind it. To validate, - is the standard input."`
	Dataset string `required:"" help:"What the rows are, for example housing.tenancy." placeholder:"NAME"`
	Format  string `enum:",csv,ndjson,json" default:"" help:"csv, ndjson or json, where the name of the file does not say it." placeholder:"FORMAT"`
}

// form says what the file is, by its name unless the format is given.
func (r *rowsFile) form() (format intake.Format, encoding intake.Encoding, err error) {
	name := strings.ToLower(r.File)
	for ending, e := range map[string]intake.Encoding{".gz": intake.Gzip, ".zst": intake.Zstd} {
		if cut, ok := strings.CutSuffix(name, ending); ok {
			name, encoding = cut, e
		}
	}
	ending := filepath.Ext(name)
	if r.Format != "" {
		ending = "." + r.Format
	}
	switch ending {
	case ".csv":
		return intake.CSV, encoding, nil
	case ".ndjson", ".jsonl":
		return intake.NDJSON, encoding, nil
	case ".json":
		return intake.JSONArray, encoding, nil
	}
	return "", "", errors.New("the name of the file does not say what it is: give --format csv, ndjson or json")
}

// beside is a name beside the file, with another ending.
func (r *rowsFile) beside(ending string) string {
	name := r.File
	for _, cut := range []string{".gz", ".zst"} {
		if strings.EqualFold(filepath.Ext(name), cut) {
			name = name[:len(name)-len(cut)]
		}
	}
	return strings.TrimSuffix(name, filepath.Ext(name)) + ending
}

// commas writes a number as people read it.
func commas(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// rowCount is a number of rows, in words.
func rowCount(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return commas(n) + " rows"
}
