package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/intake"
)

func TestForm(t *testing.T) {
	for _, tt := range []struct {
		file, format string
		want         intake.Format
		encoding     intake.Encoding
		beside       string
	}{
		{"a/t.csv", "", intake.CSV, intake.Identity, "a/t.errors.csv"},
		{"T.CSV.GZ", "", intake.CSV, intake.Gzip, "T.errors.csv"},
		{"t.jsonl", "", intake.NDJSON, intake.Identity, "t.errors.csv"},
		{"t.ndjson.zst", "", intake.NDJSON, intake.Zstd, "t.errors.csv"},
		{"t.json", "", intake.JSONArray, intake.Identity, "t.errors.csv"},
		{"t.json", "csv", intake.CSV, intake.Identity, "t.errors.csv"},
		{"t.gz", "csv", intake.CSV, intake.Gzip, "t.errors.csv"},
		{"t", "ndjson", intake.NDJSON, intake.Identity, "t.errors.csv"},
		{"t.xlsx", "", "", "", "t.errors.csv"},
		{"-", "", "", "", "-.errors.csv"},
	} {
		r := rowsFile{File: tt.file, Format: tt.format}
		format, encoding, err := r.form()
		if format != tt.want || err == nil && encoding != tt.encoding || (err == nil) != (tt.want != "") {
			t.Errorf("%s as %q: %q %q %v", tt.file, tt.format, format, encoding, err)
		}
		if got := r.beside(".errors.csv"); got != tt.beside {
			t.Errorf("%s: %s, want %s", tt.file, got, tt.beside)
		}
	}
}

func TestCommas(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := commas(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A file that somebody still writes to is not sent.
func TestSteadyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openSteady(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	p := make([]byte, 3)
	if _, err := f.ReadAt(p, 0); err != nil || string(p) != "abc" {
		t.Fatalf("%q %v", p, err)
	}
	if err := os.Chtimes(name, time.Time{}, f.changed.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(p, 0); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("%v", err)
	}
	if _, err := openSteady(t.TempDir()); err == nil {
		t.Error("a folder is taken for a file")
	}
}
