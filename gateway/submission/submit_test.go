package submission_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/submission"
)

func reader(s string) io.Reader { return strings.NewReader(s) }

// endsWith is a body that calls f when it has been read to its end.
func endsWith(s string, f func()) io.Reader {
	return io.MultiReader(reader(s), readerFunc(func([]byte) (int, error) {
		f()
		return 0, io.EOF
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestSameRowTwiceInOneSubmission takes a row that comes twice once, and refuses
// one that comes again with other content, within a chunk and across chunks:
// which of the two is right is not for Concord to guess.
func TestSameRowTwiceInOneSubmission(t *testing.T) {
	t.Parallel()
	for _, between := range []int{0, 700} {
		w := newWorld(t)
		once := tenancies(t, 1, "current")
		filler := strings.Join(strings.SplitAfter(tenancies(t, between+1, "current"), "\n")[1:], "")
		body := once + filler + once + tenancies(t, 1, "ended") + once
		res, err := w.upload(body)
		if err != nil {
			t.Fatal(err)
		}
		if res.Received != between+4 || res.Accepted != between+1 || res.Unchanged != 2 || res.Rejected != 1 ||
			res.Errors[0].Code != "duplicate-source-id" || res.Errors[0].Pointer != "/source_id" || res.Errors[0].Row != between+3 {
			t.Errorf("%d rows between: %+v", between, res)
		}
		if again, err := w.upload(once); err != nil || again.Unchanged != 1 {
			t.Errorf("%d rows between: another version is in force: %+v, %v", between, again, err)
		}
	}
}

// TestManyAtOnce sends the same rows from many at once: each row is stored
// once, and all are accounted for by every submitter.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const senders, rows = 6, 40
	w := newWorld(t)
	body := tenancies(t, rows, "current")
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted, corrected := 0, 0
	for range senders {
		wg.Go(func() {
			res, err := w.upload(body)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if res.Accepted+res.Unchanged+res.Corrected != rows {
				t.Errorf("%+v", res)
			}
			accepted, corrected = accepted+res.Accepted, corrected+res.Corrected
		})
	}
	wg.Wait()
	if accepted != rows || corrected != 0 || w.records() != rows {
		t.Errorf("%d accepted, %d corrected, %d records", accepted, corrected, w.records())
	}
}

// TestLongRow rejects a row that is too long and goes on with the next.
func TestLongRow(t *testing.T) {
	t.Parallel()
	long := `{"source_id":"` + strings.Repeat("x", 70<<10) + `"}`
	for format, body := range map[intake.Format]string{
		intake.NDJSON:    long + "\n" + tenancies(t, 1, "current"),
		intake.JSONArray: "[" + long + "," + strings.TrimSpace(tenancies(t, 1, "current")) + "]",
	} {
		w := newWorld(t)
		res, err := w.upload(body, func(up *submission.Upload) { up.Format = format })
		if err != nil || res.Accepted != 1 || res.Rejected != 1 || res.Errors[0].Code != "row-too-large" || res.Errors[0].Row != 1 {
			t.Errorf("%s: %+v, %v", format, res, err)
		}
	}
}

// TestAnotherMonth knows a row again though its digest was made under the key of
// another month.
func TestAnotherMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.upload(tenancies(t, 3, "current")); err != nil {
		t.Fatal(err)
	}
	w.serve.Clock = func() time.Time { return now().AddDate(0, 1, 5) }
	res, err := w.upload(tenancies(t, 3, "current"))
	if err != nil || res.Unchanged != 3 {
		t.Errorf("under another month's key: %+v, %v", res, err)
	}
}

// TestGet gives a submission to its own agency alone.
func TestGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, err := w.upload(tenancies(t, 1, "current") + "{}\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.serve.Get(t.Context(), housing(), res.ID)
	if err != nil || fmt.Sprintf("%+v", got.Errors) != fmt.Sprintf("%+v", res.Errors) || got.Accepted != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	other := identity.Principal{Subject: "s@severn-homes.example", Agency: "severn-homes"}
	for _, id := range []string{res.ID, "01a20202-f6b6-76df-9487-b2a7582ee4fe", "x", ""} {
		_, err := w.serve.Get(t.Context(), other, id)
		if !fault.Is(err, fault.NotFound) || err.Error() != "submission.Get: There is no such submission." {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestReceipt commits to the rows in their order, without telling their
// content.
func TestReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two := tenancies(t, 2, "current")
	first, err := w.upload(two)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.upload(two)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(two, "\n")
	turned, err := w.upload(lines[1] + lines[0])
	if err != nil {
		t.Fatal(err)
	}
	if first.Receipt.Digest != again.Receipt.Digest || first.Receipt.Digest == turned.Receipt.Digest {
		t.Errorf("digests %s, %s, %s", first.Receipt.Digest, again.Receipt.Digest, turned.Receipt.Digest)
	}
	e, _, err := w.log.Entry(t.Context(), first.Receipt.Audit.First)
	if err != nil || e.Action != audit.Collect || e.Admin["submission"] != first.ID {
		t.Errorf("%+v, %v", e, err)
	}
}
