package submission_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/submission"
)

func (w *world) begin(body string, change ...func(*submission.Upload)) (*submission.Result, error) {
	up := submission.Upload{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4fe", Dataset: "housing.tenancy",
		Agreement: "ISA-TH-WMP-001", Format: intake.CSV, Body: strings.NewReader(body),
	}
	for _, c := range change {
		c(&up)
	}
	return w.serve.Begin(w.t.Context(), up)
}

func (w *world) part(id string, offset int64, last bool, body string) (*submission.Result, error) {
	return w.serve.Append(w.t.Context(), submission.Part{
		Principal: housing(), ID: id, Offset: offset, Last: last, Body: strings.NewReader(body),
	})
}

func (w *world) offset(id string) int64 {
	w.t.Helper()
	n, _, err := w.serve.Offset(w.t.Context(), housing(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestUploadInParts puts a file together from parts, over broken connections and a
// restart, and stores every row once.
func TestUploadInParts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{30, many} {
		w := newSmallWorld(t, small())
		body := file(t, n, nil)
		res, err := w.begin(body[:1000])
		if err != nil || res.State != submission.Uploading || res.Progress.Bytes != 1000 {
			t.Fatalf("%+v, %v", res, err)
		}
		broken := strings.NewReader(body[1000:1500])
		_, err = w.serve.Append(t.Context(), submission.Part{
			Principal: housing(), ID: res.ID, Offset: 1000, Body: brokenBody{broken, fault.New(fault.Invalid, "test", "It broke off.")},
		})
		if err == nil || w.offset(res.ID) != 1500 {
			t.Errorf("of a part that broke off %d bytes are there: %v", w.offset(res.ID), err)
		}
		w.serve.KillJobs()
		w.restart()
		if _, err := w.serve.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.part(res.ID, 1000, false, body[1000:2000]); fault.CodeOf(err) != "upload-offset" {
			t.Errorf("a part at the wrong place: %v", err)
		}
		if got, err := w.part(res.ID, 1500, false, body[1500:3000]); err != nil || got.Progress.Bytes != 3000 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := w.part(res.ID, 3000, true, body[3000:]); err != nil {
			t.Fatal(err)
		}
		got := w.ended(res.ID)
		if got.State != submission.Complete || got.Accepted != n || w.records() != int64(n) || got.ID != res.ID {
			t.Errorf("%+v with %d records", got, w.records())
		}
		if again, err := w.part(res.ID, int64(len(body)), true, ""); err != nil || again.Accepted != n {
			t.Errorf("the answer to the last part, again: %+v, %v", again, err)
		}
		if w.left("upload", res.ID) != 0 {
			t.Error("the body is kept after the end")
		}
	}
}

// TestUploadOfOthers hides uploads from other agencies.
func TestUploadOfOthers(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	res, err := w.begin("source_id")
	if err != nil {
		t.Fatal(err)
	}
	other := identity.Principal{Subject: "s@severn-homes.example", Agency: "severn-homes"}
	if _, err := w.serve.Append(t.Context(), submission.Part{Principal: other, ID: res.ID, Offset: 9, Body: strings.NewReader("x")}); !fault.Is(err, fault.NotFound) {
		t.Errorf("append: %v", err)
	}
	if _, _, err := w.serve.Offset(t.Context(), other, res.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("offset: %v", err)
	}
	if got, err := w.serve.Cancel(t.Context(), housing(), res.ID); err != nil || got.State != submission.Cancelled || w.left("upload", res.ID) != 0 {
		t.Errorf("cancel: %+v, %v", got, err)
	}
	if _, err := w.part(res.ID, 9, true, "x"); err != nil && fault.KindOf(err) != fault.Conflict {
		t.Errorf("after cancelling: %v", err)
	}
}

// TestAnnouncedDigest refuses a body that is not the one that was announced.
func TestAnnouncedDigest(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	body := file(t, 5, nil)
	sum := sha256.Sum256([]byte(body))
	with := func(up *submission.Upload) { up.Digest = sum[:] }
	if _, err := w.upload(body+"\n", asCSV, with); fault.CodeOf(err) != "repr-digest" || w.records() != 0 {
		t.Errorf("%v", err)
	}
	if res, err := w.upload(body, asCSV, with); err != nil || res.Accepted != 5 {
		t.Errorf("%+v, %v", res, err)
	}
	res, err := w.begin(body, with)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.part(res.ID, int64(len(body)), true, "\n"); fault.CodeOf(err) != "repr-digest" {
		t.Errorf("%v", err)
	}
	if got := w.ended(res.ID); got.State != submission.Failed {
		t.Errorf("%+v", got)
	}
}

// TestIdempotencyKey answers the same to the same submission, refuses another body,
// and forgets after its time.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	key := func(up *submission.Upload) { up.Key = "night-2026-11-22" }
	first, err := w.upload(tenancies(t, 3, "current"), key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.upload(tenancies(t, 3, "current"), key)
	if err != nil || again.ID != first.ID || again.Accepted != 3 || again.Receipt.Digest != first.Receipt.Digest {
		t.Errorf("%+v, %v", again, err)
	}
	for name, change := range map[string]func(*submission.Upload){
		"another body":  func(up *submission.Upload) { up.Body = strings.NewReader(tenancies(t, 4, "current")) },
		"atomic":        func(up *submission.Upload) { up.Atomic = true },
		"another order": func(up *submission.Upload) { up.Body = strings.NewReader(tenancies(t, 3, "ended")) },
	} {
		if _, err := w.upload(tenancies(t, 3, "current"), key, change); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := func(up *submission.Upload) {
		up.Principal, up.Agreement = identity.Principal{Subject: "s@severn-homes.example", Agency: "severn-homes"}, "ISA-SH-WMP-001"
	}
	if res, err := w.upload(tenancies(t, 3, "current"), key, other); err != nil || res.ID == first.ID {
		t.Errorf("the key of another agency: %+v, %v", res, err)
	}
	w.serve.Clock = func() time.Time { return now().AddDate(0, 0, 8) }
	if res, err := w.upload(tenancies(t, 3, "current"), key); err != nil || res.ID == first.ID || res.Unchanged != 3 {
		t.Errorf("after its time: %+v, %v", res, err)
	}
}

// TestIdempotencyKeyOfJob finds a job and an upload by its key.
func TestIdempotencyKeyOfJob(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	key := func(up *submission.Upload) { up.Key, up.Format = "k", intake.CSV }
	body := file(t, many, nil)
	first, err := w.upload(body, key)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.upload(body, key); err != nil || again.ID != first.ID {
		t.Errorf("%+v, %v", again, err)
	}
	w.ended(first.ID)
	if again, err := w.upload(body, key); err != nil || again.ID != first.ID || again.State != submission.Complete {
		t.Errorf("%+v, %v", again, err)
	}
	key = func(up *submission.Upload) { up.Key = "u" }
	up, err := w.begin("source_id,", key)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.begin("source_id,", key); err != nil || again.ID != up.ID || again.Progress.Bytes != 10 {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestMerge keeps one record of two, and refuses rows that come under the other's id.
func TestMerge(t *testing.T) {
	t.Parallel()
	w := newSmallWorld(t, small())
	if _, err := w.upload(tenancies(t, 3, "current")); err != nil {
		t.Fatal(err)
	}
	merge := func(into string, from ...string) (*submission.Withdrawn, error) {
		return w.serve.Merge(t.Context(), submission.Merge{
			Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4ff", Reason: "one household", Dataset: "housing.tenancy",
			Into: into, Sources: from,
		})
	}
	if _, err := merge("T-9", "T-0"); !fault.Is(err, fault.NotFound) {
		t.Errorf("into nothing: %v", err)
	}
	if _, err := merge("T-1", "T-1"); !fault.Is(err, fault.Invalid) {
		t.Errorf("into itself: %v", err)
	}
	res, err := merge("T-1", "T-0")
	if err != nil || res.Withdrawn != 1 || w.records() != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	again, err := w.upload(tenancies(t, 3, "ended"))
	if err != nil || again.Corrected != 2 || again.Rejected != 1 || again.Errors[0].Code != "source-id-merged" {
		t.Errorf("%+v, %v", again, err)
	}
	e, _, err := w.log.Entry(t.Context(), res.AuditIndex)
	if err != nil || e.Admin["merged"] != "true" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := merge("T-0", "T-2"); !fault.Is(err, fault.NotFound) {
		t.Errorf("into one that was merged: %v", err)
	}
}
