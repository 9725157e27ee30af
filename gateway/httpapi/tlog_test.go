package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestParseTile(t *testing.T) {
	t.Parallel()
	for rest, want := range map[string]tlog.Tile{
		"/0/000":                       {H: 8, L: 0, N: 0, W: 256},
		"/0/255.p/1":                   {H: 8, L: 0, N: 255, W: 1},
		"/3/x001/x234/067":             {H: 8, L: 3, N: 1234067, W: 256},
		"/63/x001/000.p/255":           {H: 8, L: 63, N: 1000, W: 255},
		"/entries/000":                 {H: 8, L: -1, N: 0, W: 256},
		"/entries/x001/x234/067.p/200": {H: 8, L: -1, N: 1234067, W: 200},
	} {
		if got, ok := parseTile(rest); !ok || got != want {
			t.Errorf("%s: %+v, %v", rest, got, ok)
		}
	}
	for _, rest := range []string{
		"", "/", "/0", "/0/", "/0/0", "/0/00", "/0/0000", "/00/000", "/+0/000", "/-1/000", "/64/000", "/8/0/000", "/data/000",
		"/0/x000/001", "/0/x001", "/0/X001/000", "/0/001/000", "/0/000.p/0", "/0/000.p/256", "/0/000.p/01", "/0/000.p/", "/0/000.p",
		"/0/000/", "//0/000", "/0//000", "/0/./000", "/0/%30%30%30", "/entries", "/entries/", "/Entries/000", "/0/000 ", " /0/000", "/0/٠٠٠",
		"/0/" + strings.Repeat("x001/", 20) + "001", "/0/x999/x999/x999/x999/x999/x999/999",
	} {
		if got, ok := parseTile(rest); ok {
			t.Errorf("%q is read as %+v", rest, got)
		}
	}
}

// FuzzParseTile holds that there is one spelling of a tile, and none of a tile
// that cannot be.
func FuzzParseTile(f *testing.F) {
	for _, seed := range []string{"/0/000", "/1/x001/067.p/3", "/entries/x999/999", "/63/000.p/255", "/0/x000/000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		got, ok := parseTile(rest)
		if !ok {
			return
		}
		level := "entries"
		if got.L >= 0 {
			level = fmt.Sprint(got.L)
		}
		number := fmt.Sprintf("%03d", got.N%1000)
		for n := got.N / 1000; n > 0; n /= 1000 {
			number = fmt.Sprintf("x%03d/", n%1000) + number
		}
		if got.W < 256 {
			number += fmt.Sprintf(".p/%d", got.W)
		}
		if want := "/" + level + "/" + number; want != rest || got.L > 63 || got.N < 0 || got.W < 1 || got.W > 256 {
			t.Errorf("%q is read as %+v, which is %q", rest, got, want)
		}
	})
}
