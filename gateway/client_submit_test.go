package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

// weakLine is a connection that harms one exchange, in one way.
type weakLine struct {
	next http.RoundTripper
	// at is which exchange is harmed, from 0; seen counts them.
	at, seen int
	how      string
}

var errLine = errors.New("the line is broken")

func (w *weakLine) RoundTrip(r *http.Request) (*http.Response, error) {
	harmed := w.seen == w.at
	w.seen++
	if !harmed {
		return w.next.RoundTrip(r)
	}
	switch w.how {
	case "nothing arrives":
		return nil, errLine
	case "half of it arrives":
		if r.ContentLength < 2 {
			return nil, errLine
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{}))
		return w.next.RoundTrip(r)
	case "the answer is lost":
		res, err := w.next.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		return nil, errLine
	default: // the gateway has too much to do
		rec := httptest.NewRecorder()
		rec.Header().Set("Retry-After", "1")
		rec.WriteHeader(http.StatusServiceUnavailable)
		return rec.Result(), nil
	}
}

// broken is the end of a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errLine }

// tenancyLines are rows about one person, each with a source id of its own.
func tenancyLines(name string, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"source_id":"TH-%s-%d","area":"E06000020","uprn":"100023336956","given_name":"Rowan","family_name":"Ashdown-Quill",`+
			`"date_of_birth":"1990-04-12","postcode":"TF1 5AB","tenancy_type":"secure","tenancy_status":"current","tenancy_start":"2024-03-04",`+
			`"fact_or_opinion":"fact","subject_category":"not_known"}`+"\n", name, i)
	}
	return b.Bytes()
}

func linesOf(body []byte) client.Submission {
	return client.Submission{
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.NDJSON,
		Body: bytes.NewReader(body), Size: int64(len(body)),
	}
}

// TestInvariant07ClientOnAWeakLine harms each exchange of a submission in each way, in
// one request and in pieces: every row is accepted, once.
func TestInvariant07ClientOnAWeakLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	srv := httptest.NewServer(h.gw.Handler())
	t.Cleanup(srv.Close)
	const rows = 8
	run := 0
	for _, how := range []string{"nothing arrives", "half of it arrives", "the answer is lost", "it is busy"} {
		for _, piece := range []int64{0, 900} {
			for at, harmed := 0, true; harmed; at++ {
				line := &weakLine{next: srv.Client().Transport, at: at, how: how}
				c, err := client.New(srv.URL, h.token("housing-submitter"), client.WithTransport(line),
					client.WithSleep(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }))
				if err != nil {
					t.Fatal(err)
				}
				run++
				s := linesOf(tenancyLines(fmt.Sprint("L", run), rows))
				s.PieceSize = piece
				r, err := c.Submit(t.Context(), s)
				if err != nil || r.State != client.Complete || r.Accepted != rows || r.Received != rows {
					t.Fatalf("%s, exchange %d, pieces of %d: %+v, %v", how, at, piece, r, err)
				}
				harmed = line.seen > at
			}
		}
	}
}

// TestDryRunInPieces: a dry run stores nothing, so that there is nothing to which a piece
// could be added. The client sends one in whole; who sends it in pieces is told so.
func TestDryRunInPieces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.clientOf("housing-submitter")
	s := linesOf(tenancyLines("D", 8))
	s.DryRun, s.PieceSize = true, 900
	for range 2 {
		r, err := c.Submit(t.Context(), s)
		if err != nil || r.State != client.DryRun || r.Accepted != 8 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	srv := httptest.NewServer(h.gw.Handler())
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		srv.URL+"/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001&dry_run=true", strings.NewReader("{"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token("housing-submitter"))
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Upload-Complete", "?0")
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if raw, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusBadRequest || !bytes.Contains(raw, []byte("dry-run-in-parts")) {
		t.Errorf("%d %s", res.StatusCode, raw)
	}
}

// TestClientJob follows a job, reads its errors, and cannot cancel what has ended.
func TestClientJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.clientOf("housing-submitter")
	body := tenancyLines("J", 10_500)
	body = bytes.Replace(body, []byte(`"TF1 5AB"`), []byte(`"nowhere"`), 1)
	r, err := c.Submit(t.Context(), linesOf(body))
	if err != nil || r.State.Ended() {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = c.Wait(t.Context(), r.ID, nil); err != nil || r.State != client.Complete || r.Accepted != 10_499 || r.Rejected != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	n := 0
	for e, err := range c.Errors(t.Context(), r.ID) {
		if n++; err != nil || e.Row != 1 || e.Code != "postcode-format" {
			t.Errorf("%+v, %v", e, err)
		}
	}
	var file bytes.Buffer
	if err := c.ErrorFile(t.Context(), r.ID, &file); err != nil || n != 1 || strings.Count(file.String(), "\n") != 2 {
		t.Errorf("%d errors, %v, in the file: %s", n, err, file.String())
	}
	_, err = c.Cancel(t.Context(), r.ID)
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != "submission-ended" || !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	if _, err := h.clientOf("health-submitter").Submission(t.Context(), r.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another agency: %v", err)
	}
	if raw, err := c.Quality(t.Context(), r.ID); err != nil || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		t.Errorf("%s, %v", raw, err)
	}
}
