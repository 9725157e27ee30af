package client_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

// waits is time that passes at once, and is remembered.
type waits struct{ slept []time.Duration }

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.slept = append(w.slept, d)
	return ctx.Err()
}

// answers serves one answer after the other, and keeps what was asked.
type answers struct {
	t *testing.T

	mu    sync.Mutex // covers what follows
	given []answer
	asked []string
	keys  []string
}

type answer struct {
	status int
	header map[string]string
	body   string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Error(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	line := r.Method + " " + r.URL.RequestURI()
	for _, h := range []string{"Upload-Offset", "Upload-Complete", "Upload-Length"} {
		if v := r.Header.Get(h); v != "" {
			line += " " + h + ": " + v
		}
	}
	a.asked = append(a.asked, strings.TrimSpace(line+" "+string(body)))
	if k := r.Header.Get("Idempotency-Key"); k != "" {
		a.keys = append(a.keys, k)
	}
	if len(a.given) == 0 {
		a.t.Errorf("one request too many: %s", line)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := a.given[0]
	a.given = a.given[1:]
	for k, v := range next.header {
		w.Header().Set(k, v)
	}
	if next.status == 0 { // the connection breaks
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

// give sets what is answered next.
func (a *answers) give(given ...answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given = given
}

// got returns what was asked.
func (a *answers) got() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

// asking returns a client of a server that gives these answers.
func asking(t *testing.T, given ...answer) (*client.Client, *answers, *waits) {
	t.Helper()
	a, w := &answers{t: t, given: given}, &waits{}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, "token", client.WithSleep(w.sleep))
	if err != nil {
		t.Fatal(err)
	}
	return c, a, w
}

func file(text string) client.Submission {
	return client.Submission{
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.CSV,
		IdempotencyKey: "k", Body: strings.NewReader(text), Size: int64(len(text)),
	}
}

const (
	created   = "/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001"
	uploading = `{"submission_id":"s1","state":"uploading"}`
	busy      = `{"submission_id":"s1","state":"processing","progress":{"rows":7,"rows_total":9,"bytes":5,"rows_per_second":2,"estimated_end":"2026-11-26T10:00:00Z"}}`
	complete  = `{"submission_id":"s1","state":"complete","received":3,"accepted":2,"rejected":1,` +
		`"errors":[{"row":2,"pointer":"/area","code":"format"}],"receipt":{"submission_id":"s1","new":1},"audit_index":7}`
)

func problem(status int, code, more string) answer {
	return answer{status, map[string]string{"Content-Type": "application/problem+json"},
		`{"type":"https://concord.example/problems/x","title":"No","code":"` + code + `","request_id":"r1"` + more + `}`}
}

func at(status int, offset, body string) answer {
	return answer{status, map[string]string{"Upload-Offset": offset, "Upload-Complete": "?0"}, body}
}

func TestSubmitWhole(t *testing.T) {
	t.Parallel()
	c, a, w := asking(t,
		answer{status: 503, header: map[string]string{"Retry-After": "7"}}, answer{status: 0},
		problem(429, "", ""), answer{status: 201, body: complete})
	r, err := c.Submit(t.Context(), file("abc"))
	if err != nil {
		t.Fatal(err)
	}
	post := "POST " + created + " abc"
	if diff := cmp.Diff([]string{post, post, post, post}, a.got()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`"k"`, `"k"`, `"k"`, `"k"`}, a.keys); diff != "" {
		t.Error(diff)
	}
	if len(w.slept) != 3 || w.slept[0] != 7*time.Second || w.slept[1] > time.Second || w.slept[2] < time.Second {
		t.Errorf("waited %v", w.slept)
	}
	if r.State != client.Complete || r.Accepted != 2 || *r.AuditIndex != 7 || r.Errors[0].Code != "format" {
		t.Errorf("%+v", r)
	}
	if raw, err := r.Receipt.MarshalJSON(); err != nil || !bytes.Contains(raw, []byte(`"new":1`)) {
		t.Errorf("the receipt lost something: %s %v", raw, err)
	}
}

// An upload goes on where the gateway has it, whatever breaks on the way.
func TestSubmitPieces(t *testing.T) {
	t.Parallel()
	c, a, w := asking(t,
		answer{201, map[string]string{"Upload-Offset": "0", "Upload-Limit": "max-age=5, max-size=100, max-append-size=4"}, uploading},
		at(204, "4", ""),
		answer{status: 0}, at(204, "6", ""), // broken off, after two bytes
		problem(409, "upload-offset", ""), // with no place said
	)
	s := file("0123456789")
	s.PieceSize = 5
	if _, err := c.Submit(t.Context(), s); !fault.Is(err, fault.Conflict) {
		t.Fatalf("%v", err)
	}
	wrong := problem(409, "upload-offset", "")
	wrong.header["Upload-Offset"] = "8"
	a.give(
		at(201, "6", uploading), // found again by its key
		wrong, at(204, "8", ""), answer{status: 502}, answer{204, map[string]string{"Upload-Complete": "?1"}, ""}, answer{status: 200, body: busy},
	)
	var told []client.Progress
	s.Progress = func(p client.Progress) { told = append(told, p) }
	r, err := c.Submit(t.Context(), s)
	if err != nil || r.State != client.Processing || r.Job.Rows != 7 {
		t.Fatalf("%+v %v", r, err)
	}
	open, head := "POST "+created+" Upload-Complete: ?0 Upload-Length: 10", "HEAD /v1/submissions/s1"
	patch := func(offset, last, body string) string {
		return "PATCH /v1/submissions/s1 Upload-Offset: " + offset + " Upload-Complete: ?" + last + " " + body
	}
	want := []string{
		open, patch("0", "0", "0123"), patch("4", "0", "4567"), head, patch("6", "1", "6789"),
		open, patch("6", "1", "6789"), head, patch("8", "1", "89"), head, "GET /v1/submissions/s1",
	}
	if diff := cmp.Diff(want, a.got()); diff != "" {
		t.Error(diff)
	}
	if len(w.slept) != 3 {
		t.Errorf("waited %v", w.slept)
	}
	if last := told[len(told)-1]; last.Total != 10 || last.State != client.Uploading {
		t.Errorf("%+v", last)
	}
}

// A gateway that takes nothing more in is not asked for ever.
func TestSubmitPatience(t *testing.T) {
	t.Parallel()
	var given []answer
	for range 200 {
		given = append(given, answer{status: 503}, at(204, "4", ""))
	}
	c, _, w := asking(t, append([]answer{at(201, "4", uploading)}, given...)...)
	s := file("0123456789")
	s.PieceSize = 5
	_, err := c.Submit(t.Context(), s)
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != 503 {
		t.Fatalf("%v", err)
	}
	var total time.Duration
	for _, d := range w.slept {
		total += d
	}
	if total < 2*time.Minute || total > 3*time.Minute {
		t.Errorf("waited %v in all", total)
	}
}

// What the gateway refuses for good is not sent again, and is told as it is.
func TestProblem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		kind   fault.Kind
	}{
		{400, fault.Invalid}, {401, fault.Unauthenticated}, {403, fault.Forbidden}, {404, fault.NotFound}, {409, fault.Conflict},
		{413, fault.TooLarge}, {415, fault.Invalid}, {422, fault.Unprocessable}, {307, fault.Unavailable},
	} {
		given := problem(tt.status, "x-code", `,"detail":"It is so.","pointer":"/p","audit_index":4`)
		given.header["Location"] = "/elsewhere"
		c, a, w := asking(t, given, given)
		if tt.status == http.StatusTemporaryRedirect {
			if _, err := c.Submission(t.Context(), "s1"); !fault.Is(err, tt.kind) || len(a.got()) != 1 {
				t.Errorf("a redirect: %v after %v", err, a.asked)
			}
			continue
		}
		_, err := c.Submit(t.Context(), file("abc"))
		p, ok := errors.AsType[*client.Problem](err)
		if !ok || !fault.Is(err, tt.kind) || len(w.slept) > 0 {
			t.Errorf("%d: %v after %v", tt.status, err, w.slept)
			continue
		}
		if p.Status != tt.status || p.Code != "x-code" || p.Detail != "It is so." || p.Pointer != "/p" || p.RequestID != "r1" || *p.AuditIndex != 4 {
			t.Errorf("%+v", p)
		}
	}
}

// Rows do not leave the machine in the clear, nor to a gateway that nobody vouches for.
func TestSubmitInTheClear(t *testing.T) {
	t.Parallel()
	c, err := client.New("http://gateway.example", "token")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), file("abc")); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	var w waits
	if c, err = client.New(srv.URL, "token", client.WithSleep(w.sleep)); err != nil {
		t.Fatal(err)
	}
	_, err = c.Submit(t.Context(), file("abc"))
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok || len(w.slept) > 0 {
		t.Errorf("%v after %v", err, w.slept)
	}
}

// A token that was renewed while the request was under way is tried.
func TestSubmitTokens(t *testing.T) {
	t.Parallel()
	var sent []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		if len(sent) == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, complete)
	}))
	defer srv.Close()
	n, w := 0, waits{}
	c, err := client.New(srv.URL, "", client.WithSleep(w.sleep), client.WithTokens(func(context.Context) (string, error) {
		n++
		return strings.Repeat("t", n), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), file("abc")); err != nil || len(sent) != 2 || sent[0] != "Bearer t" {
		t.Errorf("%v %q", err, sent)
	}
}

// failing is a file that can be read once, for its digest.
type failing struct{ reads int }

func (f *failing) ReadAt(p []byte, _ int64) (int, error) {
	if f.reads++; f.reads > 1 {
		return 0, errors.New("the disk is broken")
	}
	return copy(p, "abc"), io.EOF
}

func TestSubmitUnreadable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // it breaks off
	}))
	defer srv.Close()
	var w waits
	c, err := client.New(srv.URL, "token", client.WithSleep(w.sleep))
	if err != nil {
		t.Fatal(err)
	}
	s := file("abc")
	s.Body = &failing{}
	if _, err := c.Submit(t.Context(), s); !fault.Is(err, fault.Invalid) || len(w.slept) > 0 {
		t.Errorf("%v after %v", err, w.slept)
	}
	s.IdempotencyKey = ""
	if _, err := c.Submit(t.Context(), s); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	for _, key := range []string{"a\nb", `a"b`, `a\b`, "Zoë", strings.Repeat("k", 256)} {
		s = file("abc")
		s.IdempotencyKey = key
		if _, err := c.Submit(t.Context(), s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	c, a, w := asking(t,
		answer{202, map[string]string{"Retry-After": "3"}, busy}, answer{status: 502},
		answer{status: 200, body: strings.Replace(busy, `"processing"`, `"paused"`, 1)}, answer{status: 200, body: complete})
	var told []client.Progress
	r, err := c.Wait(t.Context(), "s1", func(p client.Progress) { told = append(told, p) })
	if err != nil || r.Accepted != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if len(a.got()) != 4 || len(w.slept) != 3 || w.slept[0] != 3*time.Second || w.slept[2] != time.Second {
		t.Errorf("asked %q, waited %v", a.asked, w.slept)
	}
	if len(told) != 3 || told[0].Done != 7 || told[0].Total != 9 || told[1].Cause == nil || told[2].State != client.Paused {
		t.Errorf("%+v", told)
	}
	a.give(answer{status: 200, body: uploading})
	if _, err := c.Wait(t.Context(), "s1", nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wait(ctx, "s1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	c, a, _ := asking(t,
		answer{status: 200, body: `{"items":[{"row":1,"code":"a"},{"row":2,"code":"b"}],"next":"c/2"}`},
		answer{status: 200, body: `{"items":[{"row":3,"code":"c"}],"next":""}`},
		answer{status: 200, body: "source_id,concord_row\nX,1\n"})
	var rows []int
	for e, err := range c.Errors(t.Context(), "s1") {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, e.Row)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, rows); diff != "" {
		t.Error(diff)
	}
	if want := "GET /v1/submissions/s1/errors?after=c%2F2&limit=1000"; a.asked[1] != want {
		t.Errorf("asked %q, want %q", a.asked[1], want)
	}
	var b bytes.Buffer
	if err := c.ErrorFile(t.Context(), "s1", &b); err != nil || b.String() != "source_id,concord_row\nX,1\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}
