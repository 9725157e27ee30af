package audit

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestSkipOrdinary looks for one character of each kind at each place of texts
// around eight characters long, and for many in drawn ones.
func TestSkipOrdinary(t *testing.T) {
	slow := func(text string, at int) int {
		for at < len(text) && ordinary[text[at]] {
			at++
		}
		return at
	}
	check := func(text []byte) {
		t.Helper()
		for at := range len(text) + 1 {
			if got, want := skipOrdinary(string(text), at), slow(string(text), at); got != want {
				t.Fatalf("%q from %d: %d, want %d", text, at, got, want)
			}
		}
	}
	for size := range 20 {
		for place := range size {
			for c := range 256 {
				text := []byte("abcdefghij !#[]~\x7f~xyz")[:size]
				text[place] = byte(c)
				check(text)
			}
		}
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := make([]byte, draw.IntN(40))
		for i := range text {
			text[i] = "\x00\x1f !\"#[\\]~\x7f\x80\xa2\xdc\xffa"[draw.IntN(16)]
		}
		check(text)
	}
}

func TestRecordHash(t *testing.T) {
	leaf := leafOf(7)
	if got, want := recordHash(leaf[:]), tlog.RecordHash(leaf[:]); got != want {
		t.Errorf("the hash of a leaf is %s, want %s", got, want)
	}
}
