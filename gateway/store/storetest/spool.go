package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/spool"
)

// Spool holds a store against the port spool.Store.
func Spool(t *testing.T, open func(t *testing.T) spool.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, spool.Store)
	}{
		{"PiecesAsTheyWere", spoolRoundTrip},
		{"LastByNumber", spoolLast},
		{"UnknownThing", spoolUnknown},
		{"TakenNumber", spoolTaken},
		{"Invalid", spoolInvalid},
		{"NamesAreExact", spoolExact},
		{"OneWinner", spoolOneWinner},
		{"Delete", spoolDelete},
		{"DeleteThenInsert", spoolDeleteThenInsert},
		{"ExpireToTheMicrosecond", spoolExpire},
		{"ExpireMany", spoolExpireMany},
		{"DeleteWhileOthersInsert", spoolShares},
		{"Cancelled", spoolCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// noon is when pieces expire.
func noon() time.Time { return time.Date(2026, 11, 3, 12, 0, 0, 123456000, time.UTC) }

func piece(kind, id string, n int64, body string) spool.Piece {
	return spool.Piece{Kind: kind, ID: id, N: n, Expires: noon(), Body: []byte(body)}
}

func insertPieces(t *testing.T, s spool.Store, pieces ...spool.Piece) {
	t.Helper()
	for _, p := range pieces {
		must(t, s.Insert(t.Context(), p))
	}
}

func wantPiece(t *testing.T, s spool.Store, want spool.Piece) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Kind, want.ID, want.N)
	must(t, err)
	if diff := cmp.Diff(want, got, same()); diff != "" {
		t.Errorf("piece (-want +got):\n%s", diff)
	}
	if got.Expires.Location() != time.UTC {
		t.Errorf("the time is not in UTC: %v", got.Expires)
	}
}

func wantNoPiece(t *testing.T, s spool.Store, kind, id string, n int64) {
	t.Helper()
	_, err := s.Get(t.Context(), kind, id, n)
	wantKind(t, err, fault.NotFound)
}

// spoolRoundTrip has bodies that a store might cut or fold, one as large as they
// may be, and times that coarser or zoned clocks would not give back.
func spoolRoundTrip(t *testing.T, s spool.Store) {
	bodies := [][]byte{nil, {}, {0}, bytes.Repeat([]byte{0, 0xff, '\'', 0xc3}, spool.MaxBody/4)}
	times := []time.Time{
		{},
		time.Date(1969, 12, 31, 23, 59, 59, 1000, time.UTC),
		time.Date(2026, 3, 29, 1, 59, 59, 999999000, time.UTC),
		time.Date(2400, 2, 29, 0, 0, 0, 1000, time.UTC),
	}
	var all []spool.Piece
	for i := range bodies {
		p := spool.Piece{Kind: "k", ID: "a", N: int64(i), Expires: times[i], Body: bodies[i]}
		local := p
		local.Expires = p.Expires.In(time.FixedZone("", 3600)) // the same instant
		insertPieces(t, s, local)
		all = append(all, p)
	}
	fine := piece("k", "fine", 0, "x")
	fine.Expires = fine.Expires.Add(999)
	insertPieces(t, s, fine)
	fine.Expires = noon()
	for _, p := range append(all, fine) {
		wantPiece(t, s, p)
	}
}

func spoolLast(t *testing.T, s spool.Store) {
	for _, n := range []int64{9, 10, 2, 0, 11, 1} { // 10 sorts before 9 as text
		insertPieces(t, s, piece("k", "a", n, fmt.Sprint(n)))
	}
	insertPieces(t, s, piece("k", "b", 12, "another thing"), piece("l", "a", 12, "another kind"))
	got, err := s.Last(t.Context(), "k", "a")
	must(t, err)
	if diff := cmp.Diff(piece("k", "a", 11, "11"), got, same()); diff != "" {
		t.Errorf("last piece (-want +got):\n%s", diff)
	}
}

func spoolUnknown(t *testing.T, s spool.Store) {
	insertPieces(t, s, piece("k", "a", 1, "x"))
	wantNoPiece(t, s, "k", "a", 0)
	wantNoPiece(t, s, "k", "b", 1)
	wantNoPiece(t, s, "l", "a", 1)
	_, err := s.Last(t.Context(), "k", "b")
	wantKind(t, err, fault.NotFound)
	must(t, s.Delete(t.Context(), "k", "b"))
	wantPiece(t, s, piece("k", "a", 1, "x"))
}

func spoolTaken(t *testing.T, s spool.Store) {
	first := piece("k", "a", 0, "first")
	insertPieces(t, s, first)
	later := first
	later.Expires = later.Expires.Add(time.Hour)
	for _, again := range []spool.Piece{first, piece("k", "a", 0, "second"), later} {
		wantKind(t, s.Insert(t.Context(), again), fault.Conflict)
	}
	wantPiece(t, s, first)
}

func spoolInvalid(t *testing.T, s spool.Store) {
	large := piece("k", "a", 0, "")
	large.Body = make([]byte, spool.MaxBody+1)
	for _, p := range []spool.Piece{piece("", "a", 0, "x"), piece("k", "", 0, "x"), piece("k", "a", -1, "x"), large} {
		wantKind(t, s.Insert(t.Context(), p), fault.Invalid)
	}
	wantNoPiece(t, s, "k", "a", 0)
}

// spoolExact has names that a store might fold together, as eventsExact does, and
// deletes half of the things.
func spoolExact(t *testing.T, s spool.Store) {
	names := []string{"name", "Name", "n\u00e4me", "na\u0308me", "name ", "name\x00", "name/0", "%", "_ame", "\U0001f512"}
	for i, name := range names {
		insertPieces(t, s, piece("k", name, 0, fmt.Sprint(i)), piece(name, "k", 0, fmt.Sprint(i)))
	}
	for i, name := range names {
		wantPiece(t, s, piece("k", name, 0, fmt.Sprint(i)))
		wantPiece(t, s, piece(name, "k", 0, fmt.Sprint(i)))
		must(t, s.Delete(t.Context(), "k", name))
		wantNoPiece(t, s, "k", name, 0)
	}
	for i, name := range names {
		wantPiece(t, s, piece(name, "k", 0, fmt.Sprint(i)))
	}
}

// spoolOneWinner lets writers race for each number: exactly one may be told that it
// won, and its body is the one stored.
func spoolOneWinner(t *testing.T, s spool.Store) {
	const writers, rows = 8, 10
	won := make([][]string, rows)
	var mu sync.Mutex // guards won
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range rows {
				body := fmt.Sprint("writer ", w)
				err := s.Insert(t.Context(), piece("k", "a", int64(n), body))
				if err == nil {
					mu.Lock()
					won[n] = append(won[n], body)
					mu.Unlock()
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("piece %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	for n := range rows {
		if len(won[n]) != 1 {
			t.Fatalf("piece %d was won by %q", n, won[n])
		}
		wantPiece(t, s, piece("k", "a", int64(n), won[n][0]))
	}
}

func spoolCancelled(t *testing.T, s spool.Store) {
	ctx := cancelled(t)
	for name, call := range map[string]func(context.Context) error{
		"Insert": func(ctx context.Context) error { return s.Insert(ctx, piece("k", "a", 0, "x")) },
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "k", "a", 0); return err },
		"Last":   func(ctx context.Context) error { _, err := s.Last(ctx, "k", "a"); return err },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "k", "a") },
		"Expire": func(ctx context.Context) error { _, err := s.Expire(ctx, noon()); return err },
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, call(ctx), fault.Unavailable) })
	}
}
