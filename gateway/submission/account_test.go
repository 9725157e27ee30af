package submission_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/submission"
)

// line is one row of a random file.
type line struct {
	source, status string
	bad            bool
}

// wanted is what is to become of a file.
type wanted struct {
	accepted, unchanged, corrected int
	refused                        map[int]bool // by row
	after                          map[string]string
}

// model says what becomes of a file over what is stored, by source id.
func model(lines []line, stored map[string]string, merged string) wanted {
	w := wanted{refused: map[int]bool{}, after: maps.Clone(stored)}
	seen := map[string]string{}
	for i, l := range lines {
		before, again := seen[l.source]
		was, there := stored[l.source]
		switch {
		case l.bad || l.source == merged || again && before != l.status:
			w.refused[i+1] = true
			continue
		case again || was == l.status:
			w.unchanged++
		case there:
			w.corrected++
		default:
			w.accepted++
		}
		seen[l.source], w.after[l.source] = l.status, l.status
	}
	return w
}

func drawLines(t *rapid.T, prefix string) []line {
	one := rapid.Custom(func(t *rapid.T) line {
		return line{
			source: fmt.Sprintf("%s-%d", prefix, rapid.IntRange(0, 25).Draw(t, "source")),
			status: rapid.SampledFrom([]string{"current", "current", "ended"}).Draw(t, "status"),
			bad:    rapid.IntRange(0, 9).Draw(t, "bad") == 0,
		}
	})
	return rapid.SliceOfN(one, 1, 40).Draw(t, "lines")
}

func bodyOf(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		row := tenancy(l.source, l.status)
		if l.bad {
			delete(row, "area")
		}
		raw, _ := json.Marshal(row) // of strings
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

// send sends a file; one write fails on the way, and the gateway may be killed by it.
// sure says that it was not sent twice, so that the counts are those of the model.
func (w *world) send(t *rapid.T, body string, atomic bool) (res *submission.Result, sure bool) {
	kill, paused := rapid.Bool().Draw(t, "kill"), make(chan struct{}, 1)
	w.serve.Pause = func(ctx context.Context, _ time.Duration) {
		select {
		case paused <- struct{}{}:
		default:
		}
		if kill {
			<-ctx.Done()
		}
	}
	w.weak.arm(rapid.IntRange(-1, 25).Draw(t, "write"), rapid.Bool().Draw(t, "after"))
	as := func(up *submission.Upload) { up.Atomic = atomic }
	res, err := w.upload(body, as)
	if err == nil && !res.Ended() {
		select {
		case <-paused:
		case <-idle(w):
		}
	}
	if kill || err != nil {
		w.serve.KillJobs()
		w.restart()
		if _, err := w.serve.Recover(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.serve.WaitJobs()
	}
	w.weak.arm(-1, false)
	if err == nil {
		return w.ended(res.ID), true
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if res, err = w.upload(body, as); err != nil {
		t.Fatal(err)
	}
	return w.ended(res.ID), false
}

// TestInvariant07Accounts sends random files in every way, over faults and kills: each
// row is accounted for as the model says, the store holds what it says, and the same
// file again changes nothing.
func TestInvariant07Accounts(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		w.sizes = submission.Sizes{
			AtOnce: rapid.IntRange(1, 30).Draw(t, "at once"), Chunk: rapid.IntRange(1, 12).Draw(t, "chunk"), Batch: rapid.IntRange(1, 5).Draw(t, "batch"),
		}
		w.serve.Close()
		w.restart()
		prefix := fmt.Sprintf("R%d", n)
		stored, merged := w.mergeTwo(t, prefix)
		for range 2 {
			lines, atomic := drawLines(t, prefix), rapid.Bool().Draw(t, "atomic")
			want := model(lines, stored, merged)
			res, sure := w.send(t, bodyOf(lines), atomic)
			compare(t, w, res, want, len(lines), atomic, sure)
			if !atomic || len(want.refused) == 0 {
				stored = want.after
			}
			w.holds(t, stored)
			if again, _ := w.upload(bodyOf(lines)); !atomic && again != nil {
				if again = w.ended(again.ID); again.Accepted+again.Corrected != 0 || again.Rejected != len(want.refused) || again.Received != len(lines) {
					t.Fatalf("again: %+v", again)
				}
			} else if atomic && again != nil { // the rows that were good go in
				w.ended(again.ID)
				stored = want.after
			}
		}
	})
}

// mergeTwo stores two records and merges one of them into the other.
func (w *world) mergeTwo(t *rapid.T, prefix string) (stored map[string]string, merged string) {
	into, from := prefix+"-0", prefix+"-1"
	if res, err := w.upload(bodyOf([]line{{into, "current", false}, {from, "current", false}})); err != nil {
		t.Fatal(err)
	} else {
		w.ended(res.ID)
	}
	_, err := w.serve.Merge(w.t.Context(), submission.Merge{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4ff", Reason: "x", Dataset: "housing.tenancy", Into: into, Sources: []string{from},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{into: "current"}, from
}

func compare(t *rapid.T, w *world, res *submission.Result, want wanted, lines int, atomic, sure bool) {
	rows := map[int]bool{}
	for _, e := range res.Errors {
		rows[e.Row] = true
	}
	if res.Received != lines || res.Rejected != len(want.refused) || !maps.Equal(rows, want.refused) {
		t.Fatalf("%+v, want %d received, refused %v", res, lines, slices.Sorted(maps.Keys(want.refused)))
	}
	page, err := w.serve.Errors(w.t.Context(), housing(), res.ID, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[int]int{}
	for _, e := range page.Items {
		kept[e.Row]++
	}
	for row, n := range kept {
		if !want.refused[row] || n > 1 {
			t.Fatalf("the error file has row %d %d times", row, n)
		}
	}
	if len(kept) != len(want.refused) {
		t.Fatalf("the error file has %v, want %v", kept, want.refused)
	}
	if atomic && len(want.refused) > 0 {
		if res.State != submission.Rejected || res.Accepted+res.Corrected != 0 {
			t.Fatalf("%+v", res)
		}
		return
	}
	good := want.accepted + want.unchanged + want.corrected
	exact := res.Accepted == want.accepted && res.Unchanged == want.unchanged && res.Corrected == want.corrected
	if res.State != submission.Complete || res.Accepted+res.Unchanged+res.Corrected != good || sure && !exact || w.entries(res.ID) != 1 {
		t.Fatalf("%+v, want %+v, logged %d times", res, want, w.entries(res.ID))
	}
}

// holds checks that the store has what a model says.
func (w *world) holds(t *rapid.T, stored map[string]string) {
	var lines []line
	for source, status := range stored {
		lines = append(lines, line{source, status, false})
	}
	res, err := w.upload(bodyOf(lines), func(up *submission.Upload) { up.DryRun = true })
	if err != nil || res.Unchanged != len(lines) {
		t.Fatalf("the store holds something else: %+v, %v, want %v", res, err, stored)
	}
}
