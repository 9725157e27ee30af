package submission_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/submission"
)

// many is more than what a small world stores at once, in several chunks.
const many = 70

func small() submission.Sizes { return submission.Sizes{AtOnce: 40, Chunk: 16, Batch: 8} }

// planted are rows that are wrong, by their number.
func planted() map[int]string {
	return map[int]string{1: "required", 50: "not-in-list", many - 1: "date-none"}
}

// file is a CSV of many rows. The planted ones are wrong, and the rows after dup come
// again at the end.
func file(t *testing.T, n int, wrong map[int]string) string {
	t.Helper()
	var b strings.Builder
	columns := slices.Sorted(maps.Keys(tenancy("T", "current")))
	b.WriteString(strings.Join(columns, ",") + "\n")
	for i := 1; i <= n; i++ {
		row := tenancy(fmt.Sprintf("T-%d", i), "current")
		switch wrong[i] {
		case "required":
			row["area"] = ""
		case "not-in-list":
			row["tenancy_type"] = "castle"
		case "date-none":
			row["tenancy_start"] = "31/02/2024"
		}
		for j, c := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, row[c])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func asCSV(up *submission.Upload) { up.Format = intake.CSV }

// ended waits for a submission.
func (w *world) ended(id string) *submission.Result {
	w.t.Helper()
	w.serve.WaitJobs()
	res, err := w.serve.Get(w.t.Context(), housing(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// left returns how many pieces of a kind are in the spool.
func (w *world) left(kind, id string) int64 {
	w.t.Helper()
	p, err := w.db.Spool().Last(w.t.Context(), kind, id)
	if fault.Is(err, fault.NotFound) {
		return 0
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return p.N + 1
}

// TestJob stores a file of more rows than are stored at once, and accounts for each.
func TestJob(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	body := file(t, many, planted())
	res, err := w.upload(body, asCSV)
	if err != nil || res.State != submission.Processing || res.Progress == nil {
		t.Fatalf("%+v, %v", res, err)
	}
	res = w.ended(res.ID)
	if res.State != submission.Complete || res.Received != many || res.Accepted != many-3 || res.Rejected != 3 || res.Receipt == nil {
		t.Fatalf("%+v", res)
	}
	checkPlanted(t, w, res)
	if n := w.records(); n != many-3 {
		t.Errorf("%d records", n)
	}
	if w.left("upload", res.ID)+w.left("journal", res.ID) != 0 {
		t.Error("the body or the journal is kept after the end")
	}
	e, _, err := w.log.Entry(t.Context(), *res.AuditIndex)
	if err != nil || e.Action != audit.Collect || e.Admin["accepted"] != fmt.Sprint(many-3) || e.Admin["digest"] != res.Receipt.Digest {
		t.Errorf("%+v, %v", e, err)
	}
	again, err := w.upload(body, asCSV)
	if err != nil {
		t.Fatal(err)
	}
	if again = w.ended(again.ID); again.Unchanged != many-3 || again.Rejected != 3 || again.Accepted+again.Corrected != 0 {
		t.Errorf("again: %+v", again)
	}
}

// checkPlanted holds the errors of a submission, as a list and as a file, against the
// rows that were planted.
func checkPlanted(t *testing.T, w *world, res *submission.Result) {
	t.Helper()
	want := planted()
	page, err := w.serve.Errors(t.Context(), housing(), res.ID, "", 100)
	if err != nil || page.Next != "" || len(page.Items) != len(want) || len(res.Errors) != len(want) {
		t.Fatalf("%+v, %v; listed %+v", page, err, res.Errors)
	}
	for i, e := range page.Items {
		if want[e.Row] != e.Code || e.Column == "" || res.Errors[i] != e {
			t.Errorf("%+v, listed %+v, want %v", e, res.Errors[i], want)
		}
	}
	write, err := w.serve.ErrorFile(t.Context(), housing(), res.ID)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != len(want)+1 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}

// TestInvariant07JobInterrupted lets each write of a job fail in turn, before it was
// done and after, and takes the job up again: after a pause by the same gateway, and
// by one that starts after a kill. Every row is accounted for as if nothing had been,
// and stored once.
func TestInvariant07JobInterrupted(t *testing.T) {
	t.Parallel()
	body := file(t, many, planted())
	w := newSmallWorld(t, small())
	w.weak.arm(-1, false)
	res, err := w.upload(body, asCSV)
	if err != nil {
		t.Fatal(err)
	}
	w.ended(res.ID)
	writes := w.weak.passed()
	if writes < 20 {
		t.Fatalf("only %d writes", writes)
	}
	for at := range writes {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, kill %v", at, kill), func(t *testing.T) {
				t.Parallel()
				jobInterrupted(t, body, at, at%2 == 0, kill)
			})
		}
	}
}

func jobInterrupted(t *testing.T, body string, at int, after, kill bool) {
	t.Helper()
	w := newSmallWorld(t, small())
	w.weak.arm(at, after)
	paused := make(chan struct{}, 1)
	w.serve.Pause = func(ctx context.Context, _ time.Duration) {
		select {
		case paused <- struct{}{}:
		default:
		}
		if kill {
			<-ctx.Done()
		}
	}
	res, err := w.upload(body, asCSV)
	if err != nil { // the body did not come in: its sender sends it again
		if !fault.Is(err, fault.Unavailable) || w.records() != 0 {
			t.Fatalf("%v with %d records", err, w.records())
		}
		if res, err = w.upload(body, asCSV); err != nil {
			t.Fatal(err)
		}
	}
	if kill {
		select {
		case <-paused:
		case <-idle(w):
		}
		w.serve.KillJobs()
		w.restart()
		if _, err := w.serve.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := w.ended(res.ID)
	if got.State != submission.Complete || got.Received != many || got.Accepted != many-3 || got.Rejected != 3 || got.Corrected+got.Unchanged != 0 {
		t.Fatalf("%+v", got)
	}
	checkPlanted(t, w, got)
	if n := w.records(); n != many-3 {
		t.Errorf("%d records", n)
	}
}

// idle is closed when no job is under way.
func idle(w *world) <-chan struct{} {
	done, s := make(chan struct{}), w.serve
	go func() {
		s.WaitJobs()
		close(done)
	}()
	return done
}

// TestJobOfBrokenFile stores nothing of a file that cannot be read to its end, and
// says which row it is.
func TestJobOfBrokenFile(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(file(t, many+200, nil))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	rows := strings.ReplaceAll(strings.TrimSpace(tenancies(t, many, "current")), "\n", ",")
	for name, c := range map[string]struct {
		body     string
		format   intake.Format
		encoding intake.Encoding
	}{
		"an array that is cut off": {"[" + rows, intake.JSONArray, ""},
		"an array with a hole":     {"[" + rows + ",,]", intake.JSONArray, ""},
		"gzip that is cut off":     {zipped.String()[:zipped.Len()-20], intake.CSV, intake.Gzip},
	} {
		w := newSmallWorld(t, small())
		res, err := w.upload(c.body, func(up *submission.Upload) { up.Format, up.Encoding = c.format, c.encoding })
		if err != nil {
			t.Fatal(name, err)
		}
		if res = w.ended(res.ID); res.State != submission.Failed || len(res.Errors) != 1 || res.Errors[0].Code == "internal" || w.records() != 0 {
			t.Errorf("%s: %+v with %d records", name, res, w.records())
		}
	}
}

// TestAtomicJob takes all rows of a long file or none.
func TestAtomicJob(t *testing.T) {
	t.Parallel()
	atomic := func(up *submission.Upload) { up.Format, up.Atomic = intake.CSV, true }
	w := newSmallWorld(t, small())
	bad, err := w.upload(file(t, many, planted()), atomic)
	if err != nil {
		t.Fatal(err)
	}
	if bad = w.ended(bad.ID); bad.State != submission.Rejected || bad.Rejected != 3 || bad.Accepted != 0 || w.records() != 0 {
		t.Errorf("%+v with %d records", bad, w.records())
	}
	checkPlanted(t, w, bad)
	good, err := w.upload(file(t, many, nil), atomic)
	if err != nil {
		t.Fatal(err)
	}
	if good = w.ended(good.ID); good.State != submission.Complete || good.Accepted != many || good.Received != many || w.records() != many {
		t.Errorf("%+v with %d records", good, w.records())
	}
}

// holdInsert makes the next insert of records wait: reached is closed when it does,
// and closing goOn lets it.
func (w *world) holdInsert() (reached, goOn chan struct{}) {
	reached, goOn = make(chan struct{}), make(chan struct{})
	w.weak.mu.Lock()
	defer w.weak.mu.Unlock()
	w.weak.insert = func() {
		close(reached)
		<-goOn
	}
	return reached, goOn
}

// TestLaterSubmissionWins does not let a job that comes late put an older version over
// a newer one: its row is refused, with the reason.
func TestLaterSubmissionWins(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	reached, goOn := w.holdInsert()
	res, err := w.upload(file(t, many, nil), asCSV)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	later, err := w.upload(strings.SplitAfter(tenancies(t, 3, "ended"), "\n")[1]) // T-1
	if err != nil || later.Accepted != 1 {
		t.Fatalf("%+v, %v", later, err)
	}
	close(goOn)
	res = w.ended(res.ID)
	if res.Accepted != many-1 || res.Rejected != 1 || res.Errors[0].Code != "superseded" || res.Errors[0].Row != 1 {
		t.Errorf("%+v", res)
	}
	if again, err := w.upload(strings.SplitAfter(tenancies(t, 3, "ended"), "\n")[1]); err != nil || again.Unchanged != 1 {
		t.Errorf("the older version is in force: %+v, %v", again, err)
	}
}

// TestWithdrawnDuringJob takes back what a job stored of a record that was withdrawn
// meanwhile, and refuses a row of it that comes later in the file.
func TestWithdrawnDuringJob(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	w.serve = w.another(w.weak, 0, ticking())
	reached, goOn := w.holdInsert()
	res, err := w.upload(file(t, many, nil), asCSV)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if _, err := w.serve.Withdraw(t.Context(), submission.Withdrawal{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4ff", Reason: "a mistake", Dataset: "housing.tenancy",
		Sources: []string{"T-1", "T-60"},
	}); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	res = w.ended(res.ID)
	if res.Accepted != many-1 || res.Rejected != 1 || res.Errors[0].Code != "withdrawn" || res.Errors[0].Row != 60 {
		t.Errorf("%+v", res)
	}
	if n := w.records(); n != many-2 {
		t.Errorf("%d records, want %d: a withdrawn one came back", n, many-2)
	}
	again, err := w.upload(strings.SplitAfter(tenancies(t, 3, "current"), "\n")[1]) // T-1
	if err != nil || again.Accepted != 1 {
		t.Errorf("sent again after that: %+v, %v", again, err)
	}
}

// ticking is a clock that goes on by a millisecond each time it is asked.
func ticking() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return now().Add(time.Duration(n.Add(1)) * time.Millisecond) }
}

// TestCancelJob stops a job, counts what it stored, and logs it.
func TestCancelJob(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	reached, goOn := w.holdInsert()
	res, err := w.upload(file(t, many, nil), asCSV)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if _, err := w.serve.Cancel(t.Context(), identity.Principal{Subject: "x", Agency: "severn-homes"}, res.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another agency cancels: %v", err)
	}
	if got, err := w.serve.Cancel(t.Context(), housing(), res.ID); err != nil || got.Ended() {
		t.Errorf("%+v, %v", got, err)
	}
	close(goOn)
	got := w.ended(res.ID)
	if got.State != submission.Cancelled || got.Received >= many || got.Received == 0 || int64(got.Accepted) != w.records() || got.AuditIndex == nil {
		t.Errorf("%+v with %d records", got, w.records())
	}
	if w.collected()[res.ID] != submission.Cancelled {
		t.Errorf("%v", w.collected())
	}
	if _, err := w.serve.Cancel(t.Context(), housing(), res.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("cancelled twice: %v", err)
	}
}

// TestDryRunOfMany stores nothing of a file of any length, and says what would become
// of it.
func TestDryRunOfMany(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	if _, err := w.upload(tenancies(t, 10, "current")); err != nil {
		t.Fatal(err)
	}
	size := w.log.Size()
	res, err := w.upload(file(t, many, planted()), func(up *submission.Upload) { up.Format, up.DryRun = intake.CSV, true })
	if err != nil || res.State != submission.DryRun || res.Received != many || res.Rejected != 3 || res.Unchanged != 8 || res.Accepted != many-11 {
		t.Errorf("%+v, %v", res, err)
	}
	if w.records() != 10 || w.log.Size() != size || w.left("rejected", res.ID) != 0 {
		t.Error("a dry run left something behind")
	}
}
