package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/spool"
)

// spoolDelete deletes a thing of more pieces than any engine would remove at once.
func spoolDelete(t *testing.T, s spool.Store) {
	for n := range int64(100) {
		insertPieces(t, s, piece("k", "gone", n, "x"))
	}
	insertPieces(t, s, piece("k", "stays", 0, "x"), piece("l", "gone", 0, "x"))
	must(t, s.Delete(t.Context(), "k", "gone"))
	for n := range int64(100) {
		wantNoPiece(t, s, "k", "gone", n)
	}
	_, err := s.Last(t.Context(), "k", "gone")
	wantKind(t, err, fault.NotFound)
	wantPiece(t, s, piece("k", "stays", 0, "x"))
	wantPiece(t, s, piece("l", "gone", 0, "x"))
	must(t, s.Delete(t.Context(), "k", "gone"))
}

// spoolDeleteThenInsert begins a thing again under its old name.
func spoolDeleteThenInsert(t *testing.T, s spool.Store) {
	insertPieces(t, s, piece("k", "a", 0, "old"), piece("k", "a", 1, "old"))
	must(t, s.Delete(t.Context(), "k", "a"))
	insertPieces(t, s, piece("k", "a", 0, "new"))
	wantPiece(t, s, piece("k", "a", 0, "new"))
	wantNoPiece(t, s, "k", "a", 1)
}

// expire expires what is over and compares how many pieces it was.
func expire(t *testing.T, s spool.Store, at time.Time, want int64) {
	t.Helper()
	got, err := s.Expire(t.Context(), at)
	must(t, err)
	if got != want {
		t.Errorf("%d pieces expired at %v, want %d", got, at, want)
	}
}

func spoolExpire(t *testing.T, s spool.Store) {
	expire(t, s, noon(), 0)
	for n, at := range []time.Time{noon(), noon().Add(time.Microsecond), noon().Add(-time.Hour), noon().Add(time.Hour)} {
		p := piece("k", "a", int64(n), "x")
		p.Expires = at
		insertPieces(t, s, p)
	}
	expire(t, s, noon().Add(-time.Microsecond), 1)
	wantNoPiece(t, s, "k", "a", 2)
	wantPiece(t, s, piece("k", "a", 0, "x"))
	expire(t, s, noon().In(time.FixedZone("", 3600)), 1)
	wantNoPiece(t, s, "k", "a", 0)
	expire(t, s, noon(), 0)
	expire(t, s, noon().Add(time.Microsecond+999), 1)
	last, err := s.Last(t.Context(), "k", "a")
	must(t, err)
	if last.N != 3 {
		t.Errorf("piece %d is left, want 3", last.N)
	}
}

// spoolExpireMany has more pieces than any engine would remove at once, of several
// kinds and things.
func spoolExpireMany(t *testing.T, s spool.Store) {
	for n := range int64(120) {
		p := piece(fmt.Sprint("kind", n%3), fmt.Sprint("thing", n%5), n, "x")
		if n%4 == 0 {
			p.Expires = p.Expires.Add(time.Second)
		}
		insertPieces(t, s, p)
	}
	expire(t, s, noon(), 90)
	expire(t, s, noon().Add(time.Second), 30)
}

// spoolShares deletes and expires things while others write theirs: what is
// acknowledged and neither deleted nor over is there.
func spoolShares(t *testing.T, s spool.Store) {
	const writers, rows = 4, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range int64(rows) {
				kept, gone := piece("k", fmt.Sprint("kept", w), n, "x"), piece("k", fmt.Sprint("gone", w), n, "x")
				kept.Expires = noon().Add(time.Hour)
				for _, err := range []error{
					s.Insert(t.Context(), kept), s.Insert(t.Context(), gone), s.Delete(t.Context(), "k", gone.ID),
				} {
					if err != nil {
						t.Error(err)
					}
				}
				if _, err := s.Expire(t.Context(), noon()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for w := range writers {
		for n := range int64(rows) {
			kept := piece("k", fmt.Sprint("kept", w), n, "x")
			kept.Expires = noon().Add(time.Hour)
			wantPiece(t, s, kept)
		}
		_, err := s.Last(t.Context(), "k", fmt.Sprint("gone", w))
		wantKind(t, err, fault.NotFound)
	}
}
