package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/httpapi/contract"
	"github.com/concord-gateway/concord/schemas"
)

// TestProblems holds every kind of failure against its answer.
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   fault.Kind
		status int
		retry  bool
	}{
		{fault.Invalid, 400, false}, {fault.Unauthenticated, 401, false}, {fault.Forbidden, 403, false}, {fault.NotFound, 404, false},
		{fault.Conflict, 409, false}, {fault.TooLarge, 413, false}, {fault.Limited, 429, true}, {fault.Unavailable, 503, true}, {fault.Internal, 500, false},
	} {
		err := fault.Wrap(c.kind, "op", "Said to the caller.", errors.New("cause-for-the-operator")).At("/a").WithCode("some-code")
		w := httptest.NewRecorder()
		newProblem(fmt.Errorf("wrapped: %w", err), "request-1").write(w)
		var got problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := problem{
			Type: problemBase + string(c.kind), Title: kinds[c.kind].title, Status: c.status,
			Detail: "Said to the caller.", Code: "some-code", Pointer: "/a", RequestID: "request-1",
		}
		if c.kind == fault.Internal {
			want.Detail, want.Code, want.Pointer = "", "", ""
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(problem{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.kind, diff)
		}
		if w.Code != c.status || (w.Header().Get("Retry-After") != "") != c.retry || (w.Header().Get("WWW-Authenticate") != "") != (c.status == 401) {
			t.Errorf("%s: status %d, %v", c.kind, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "operator") || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", c.kind, w.Body)
		}
	}
}

// TestProblemsOfOtherErrors says nothing of an error that is no fault.
func TestProblemsOfOtherErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("secret"), fault.New("unheard-of", "op", "secret")} {
		p := newProblem(err, "request-1")
		if p.Status != http.StatusInternalServerError || p.Detail != "" || p.Code != "" {
			t.Errorf("%v: %+v", err, p)
		}
	}
	f := fault.New(fault.Limited, "op", "Too many.")
	f.RetryAfter = 1500 * time.Millisecond
	w := httptest.NewRecorder()
	newProblem(f, "request-1").write(w)
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want whole seconds, rounded up", got)
	}
}

// TestRoutesAreDescribed holds the routes against schemas/openapi.yaml, both
// ways.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	raw, err := schemas.Files.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(raw)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	names := map[string]bool{}
	for _, r := range (&server{}).routes() {
		parts := strings.Split(r.path, "/")
		for i, p := range parts {
			if name := strings.TrimLeft(p, ":*"); name != p {
				parts[i] = "{" + name + "}"
			}
		}
		got = append(got, r.method+" "+strings.Join(parts, "/"))
		if names[r.name] || r.name == "" || r.handle == nil {
			t.Errorf("%s: name %q", r.path, r.name)
		}
		names[r.name] = true
	}
	slices.Sort(got)
	if diff := cmp.Diff(c.Routes(), got); diff != "" {
		t.Errorf("(-described +served):\n%s", diff)
	}
}

// TestPanic turns a panic into a problem that says nothing of its value, in the
// answer and in the log.
func TestPanic(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	s := &server{Deps: Deps{Clock: time.Now, Logger: slog.New(slog.NewTextHandler(&logged, nil))}}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(s.envelope)
	e.GET("/", s.adapt(route{name: "test", public: true, handle: func(*call) (*reply, error) { panic("Rowan Ashdown") }}))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?q=Rowan", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String()+logged.String(), "Rowan") || !strings.Contains(logged.String(), "panic") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, logged.String())
	}
}
