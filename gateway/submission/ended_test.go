package submission_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/submission"
)

// cutOff leaves a job behind that was killed after the rows of its second chunk were
// stored and before that was written down.
func cutOff(t *testing.T, body string, change ...func(*submission.Upload)) (w *world, id string) {
	t.Helper()
	w = newSmallWorld(t, small())
	var before int64
	w.weak.insert = func() { // of the first chunk
		w.weak.mu.Lock()
		defer w.weak.mu.Unlock()
		w.weak.insert = func() { // of the second
			before = w.records()
			w.weak.arm(0, true)
		}
	}
	stopped := make(chan struct{})
	w.serve.Pause = func(ctx context.Context, _ time.Duration) {
		close(stopped)
		<-ctx.Done()
	}
	res, err := w.upload(body, append(change, asCSV)...)
	if err != nil {
		t.Fatal(err)
	}
	<-stopped
	w.serve.KillJobs()
	if n := w.records(); n <= before || n >= many-3 {
		t.Fatalf("%d records, %d before the cut", n, before)
	}
	return w, res.ID
}

// goOn starts a gateway again.
func (w *world) goOn(id string) *submission.Result {
	w.t.Helper()
	if _, err := w.serve.Recover(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return w.ended(id)
}

// accounted holds a result and its entry against what is stored.
func (w *world) accounted(res *submission.Result, state, code string) {
	w.t.Helper()
	n := w.records()
	if res.State != state || int64(res.Accepted) != n || res.Received != res.Accepted+res.Unchanged+res.Corrected+res.Rejected {
		w.t.Errorf("%+v with %d records", res, n)
	}
	if code != "" && (len(res.Errors) == 0 || res.Errors[0].Code != code) {
		w.t.Errorf("no error says %s: %+v", code, res.Errors)
	}
	if res.AuditIndex == nil || w.entries(res.ID) != 1 {
		w.t.Fatalf("logged %d times", w.entries(res.ID))
	}
	e, _, err := w.log.Entry(w.t.Context(), *res.AuditIndex)
	if err != nil || e.Action != audit.Collect || e.Admin["accepted"] != fmt.Sprint(n) || e.Admin["state"] != state {
		w.t.Errorf("%+v, %v with %d records", e.Admin, err, n)
	}
	if left := w.left("upload", res.ID) + w.left("journal", res.ID); left != 0 {
		w.t.Errorf("%d pieces are left", left)
	}
}

// TestInvariant07EndedAfterCutOff ends a job after a kill that left rows stored which
// its journal does not know: cancelled meanwhile, its agreement suspended, its body or
// its journal taken away or changed by somebody with the database. What is stored is
// counted and logged in every case, and nothing more is stored.
func TestInvariant07EndedAfterCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile   func(*testing.T, *world, string)
		state, code string
	}{
		"cancelled": {func(t *testing.T, w *world, id string) {
			if err := w.db.Events().Insert(t.Context(), event.Event{Kind: "submission", ID: id, N: 1, Body: []byte(`{"type":"cancel"}`)}); err != nil {
				t.Fatal(err)
			}
			w.restart()
		}, submission.Cancelled, ""},
		"suspended": {func(t *testing.T, w *world, _ string) {
			choice := w.rules.Newest()
			for _, v := range choice.Live {
				choice.Suspensions = append(choice.Suspensions, rulebook.Suspension{Version: v, On: "2026-11-01", By: "x"})
			}
			rules, err := w.rules.Rules(t.Context(), choice)
			if err != nil {
				t.Fatal(err)
			}
			w.rules = rules
			w.restart()
		}, submission.Failed, "agreement-suspended"},
		"a mark is missing":  {func(_ *testing.T, w *world, id string) { w.lose(id, "journal", 1) }, submission.Failed, "internal"},
		"marks are swapped":  {func(_ *testing.T, w *world, id string) { w.lose(id, "journal", -1) }, submission.Failed, "internal"},
		"no journal is left": {func(_ *testing.T, w *world, id string) { w.lose(id, "journal", 0) }, submission.Complete, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := cutOff(t, file(t, many, nil))
			stored := w.records()
			c.meanwhile(t, w, id)
			got := w.goOn(id)
			w.accounted(got, c.state, c.code)
			if n := w.records(); c.state != submission.Complete && n != stored {
				t.Errorf("%d records, were %d", n, stored)
			}
		})
	}
}

// lose takes the pieces of a thing from n on away, or swaps the first two; where it is
// the journal it leaves the ones after n that are left.
func (w *world) lose(id, kind string, n int) {
	w.t.Helper()
	var kept []spool.Piece
	for i := int64(0); ; i++ {
		p, err := w.db.Spool().Get(w.t.Context(), kind, id, i)
		if err != nil {
			break
		}
		kept = append(kept, p)
	}
	if err := w.db.Spool().Delete(w.t.Context(), kind, id); err != nil {
		w.t.Fatal(err)
	}
	if len(kept) < 2 {
		w.t.Fatalf("only %d pieces", len(kept))
	}
	switch {
	case n < 0:
		kept[0].N, kept[1].N = 1, 0
	case n == 0:
		kept = nil
	default: // the one before the last is not there, and the last stands in its place
		last := kept[len(kept)-1]
		last.N--
		kept = append(kept[:len(kept)-2], last)
	}
	for _, p := range kept {
		if err := w.db.Spool().Insert(w.t.Context(), p); err != nil {
			w.t.Fatal(err)
		}
	}
	w.restart()
}

// TestBodyGone fails a job whose body is not kept any more, or not in whole.
func TestBodyGone(t *testing.T) {
	t.Parallel()
	w, id := cutOff(t, file(t, many, nil))
	if err := w.db.Spool().Delete(t.Context(), "upload", id); err != nil {
		t.Fatal(err)
	}
	w.restart()
	got := w.goOn(id)
	if got.State != submission.Failed || got.Errors[0].Code != "upload-gone" || got.Received != 16 || w.entries(id) != 1 {
		t.Errorf("%+v, logged %d times", got, w.entries(id))
	}
}

// TestKeysDestroyed ends a job whose keys are destroyed, with its rows.
func TestKeysDestroyed(t *testing.T) {
	t.Parallel()
	w, id := cutOff(t, file(t, many, nil))
	if err := w.keys.Destroy(t.Context(), keyring.RecordScope("ISA-TH-WMP-001", keyring.Month(now()))); err != nil {
		t.Fatal(err)
	}
	w.restart()
	got := w.goOn(id)
	if got.State != submission.Interrupted || len(got.Errors) != 1 || w.entries(id) != 1 || w.left("upload", id) != 0 {
		t.Errorf("%+v, logged %d times", got, w.entries(id))
	}
}

// TestUnknownEvent does not guess what a row of a later release means, and lets the
// other submissions go on.
func TestUnknownEvent(t *testing.T) {
	t.Parallel()
	w, id := cutOff(t, file(t, many, nil))
	if err := w.db.Events().Insert(t.Context(), event.Event{Kind: "submission", ID: id, N: 1, Body: []byte(`{"type":"reviewed"}`)}); err != nil {
		t.Fatal(err)
	}
	w.restart()
	stored := w.records()
	other, err := w.begin("source_id")
	if err != nil {
		t.Fatal(err)
	}
	w.serve.Clock = func() time.Time { return now().AddDate(0, 0, 8) }
	if n, err := w.serve.Recover(t.Context()); n != 1 || err != nil {
		t.Errorf("%d closed, %v", n, err)
	}
	w.serve.WaitJobs()
	if got, err := w.serve.Get(t.Context(), housing(), id); err == nil || w.records() != stored {
		t.Errorf("%+v with %d records", got, w.records())
	}
	if got := w.ended(other.ID); got.State != submission.Cancelled {
		t.Errorf("the other: %+v", got)
	}
}

// TestUploadLapses closes an upload that is not gone on with for seven days, also
// where the gateway does not start anew; its key is free then.
func TestUploadLapses(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	key := func(up *submission.Upload) { up.Key = "k" }
	res, err := w.begin("source_id,", key)
	if err != nil {
		t.Fatal(err)
	}
	w.serve.Clock = func() time.Time { return now().AddDate(0, 0, 7).Add(time.Hour) }
	if got, err := w.serve.Get(t.Context(), housing(), res.ID); err != nil || got.State != submission.Cancelled {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.part(res.ID, 10, false, "x"); err == nil {
		t.Error("a part was added")
	}
	if again, err := w.begin("source_id,", key); err != nil || again.ID == res.ID {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestAtomicJobNotCancelled does not stop an atomic job between its chunks.
func TestAtomicJobNotCancelled(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	reached, goOn := w.holdInsert()
	res, err := w.upload(file(t, many, nil), func(up *submission.Upload) { up.Format, up.Atomic = "text/csv", true })
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	_, _ = w.serve.Cancel(t.Context(), housing(), res.ID)
	close(goOn)
	if got := w.ended(res.ID); got.State != submission.Complete || w.records() != many {
		t.Errorf("%+v with %d records", got, w.records())
	}
}

// TestKeyAfterBadBody gives a key back that was used for a body that cannot be read.
func TestKeyAfterBadBody(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	key := func(up *submission.Upload) { up.Key = "k" }
	if _, err := w.upload("no,header\n1,2\n", asCSV, key); err == nil {
		t.Fatal("it was taken")
	}
	if res, err := w.upload(file(t, 3, nil), asCSV, key); err != nil || res.Accepted != 3 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestWideRows makes a job of rows that are too many bytes to be held at once, and
// keeps every refused row, under a heading of any length.
func TestWideRows(t *testing.T) {
	t.Parallel()
	const rows = 400
	w := newWorld(t)
	columns := file(t, 0, nil)
	columns = strings.Replace(columns, "tenancy_type", strings.Repeat(" ", 30_000)+"tenancy_type", 1)
	wide := strings.Repeat("\x01<", 16<<10) // six bytes each as JSON writes it
	row := strings.Split(strings.TrimSpace(strings.SplitN(file(t, 1, nil), "\n", 2)[1]), ",")
	for i, c := range strings.Split(strings.TrimSpace(columns), ",") {
		if strings.TrimSpace(c) == "tenancy_type" {
			row[i] = wide
		}
	}
	res, err := w.upload(columns+strings.Repeat(strings.Join(row, ",")+"\n", rows), asCSV)
	if err != nil || res.State != submission.Processing {
		t.Fatalf("%+v, %v", res, err)
	}
	res = w.ended(res.ID)
	if res.State != submission.Complete || res.Rejected != rows {
		t.Fatalf("%s %d of %d refused, %v", res.State, res.Rejected, rows, res.Errors[:1])
	}
	page, err := w.serve.Errors(t.Context(), housing(), res.ID, "", 5000)
	if err != nil || len(page.Items) < rows || len(page.Items[0].Column) > 300 {
		t.Errorf("%d errors, %v", len(page.Items), err)
	}
}
