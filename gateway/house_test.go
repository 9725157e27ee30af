package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/httpapi/contract"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/text"
	"github.com/concord-gateway/concord/schemas"
)

// theContract is what every exchange is held against. Houses share it.
var theContract = sync.OnceValues(func() (*contract.Contract, error) {
	raw, err := schemas.Files.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	return contract.Load(raw)
})

// opCase is the case for which the tests make case links.
const opCase = "OP-LANTERN"

// house is a whole gateway under test: real store, keys, policy, log and HTTP.
// Every exchange is held against schemas/openapi.yaml.
type house struct {
	t      testing.TB
	dir    string
	cfg    *config.Config
	issuer *devissuer.Issuer
	clock  *clock
	gw     *gateway.Gateway
	srv    *httptest.Server
	http   *http.Client
	logs   *lockedBuffer
	// options alters what the gateway is started with, where it is set.
	options func(*gateway.Options)
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex // covers now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond) // no two readings are alike
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lockedBuffer gathers what the gateway logs.
type lockedBuffer struct {
	mu sync.Mutex // covers b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// in returns the same house for a subtest.
func (h *house) in(t testing.TB) *house {
	sub := *h
	sub.t = t
	return &sub
}

// testDay is the day on which the tests play.
func testDay() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

// newHouse starts a gateway in a new folder. change may alter the
// configuration first.
func newHouse(t testing.TB, change ...func(*config.Config)) *house {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	issuerDir := filepath.Join(dir, "issuer")
	issuer, err := devissuer.Create(issuerDir, devissuer.Agencies()...)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: dir, issuer: issuer, clock: &clock{now: testDay()}, logs: &lockedBuffer{}}
	issuer.Clock = h.clock.Now
	h.cfg = &config.Config{
		Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "data"),
		Log: config.Log{Origin: "concord.example/test", CheckpointEvery: time.Hour},
	}
	for _, a := range devissuer.Agencies() {
		h.cfg.Issuers = append(h.cfg.Issuers, config.Issuer{
			Name: devissuer.Name(a), Agency: a, Audience: devissuer.Audience,
			JWKSFile: devissuer.KeySetFile(issuerDir, a), Roles: devissuer.Roles(a),
		})
	}
	for _, c := range change {
		c(h.cfg)
	}
	settle(t, h.cfg)
	h.start()
	return h
}

func (h *house) start() {
	h.t.Helper()
	opt := gateway.Options{Clock: h.clock.Now, Logger: slog.New(slog.NewJSONHandler(text.NewWriter(h.logs), nil))}
	if h.options != nil {
		h.options(&opt)
	}
	gw, err := gateway.New(h.t.Context(), h.cfg, opt)
	if err != nil {
		h.t.Fatal(err)
	}
	h.gw = gw
	h.srv = httptest.NewServer(gw.Handler())
	c, err := theContract()
	if err != nil {
		h.t.Fatal(err)
	}
	h.http = &http.Client{Transport: c.Client(h.srv.Client().Transport, func(err error) { h.t.Errorf("contract: %v", err) })}
	h.t.Cleanup(h.stop)
}

func (h *house) stop() {
	if h.gw == nil {
		return
	}
	h.srv.Close()
	if err := h.gw.Close(h.t.Context()); err != nil && h.t.Context().Err() == nil {
		h.t.Errorf("close: %v", err)
	}
	h.gw = nil
	h.noCanary("the gateway's log", h.logs.String())
}

func (h *house) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

// twin is a house on a copy of the data folder of one that has stopped, which
// costs one start less than filling another. It has not started, and shares what
// else there is: clock, issuer and bundle.
func (h *house) twin(t testing.TB) *house {
	t.Helper()
	if h.gw != nil {
		t.Fatal("a house that runs has no twin")
	}
	cfg, sub := *h.cfg, h.in(t)
	sub.dir, sub.cfg, sub.logs = t.TempDir(), &cfg, &lockedBuffer{}
	cfg.DataDir = filepath.Join(sub.dir, "data")
	if err := copyFolder(h.cfg.DataDir, cfg.DataDir); err != nil {
		t.Fatal(err)
	}
	return sub
}

// copyFolder copies a folder with its permissions, which keys depend on.
func copyFolder(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, name), info.Mode().Perm())
	})
}

// token mints a token for a persona.
func (h *house) token(persona string) string {
	h.t.Helper()
	p, ok := devissuer.FindPersona(persona)
	if !ok {
		h.t.Fatalf("there is no persona %q", persona)
	}
	token, err := h.issuer.Mint(p.Claims, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// response is an answer of the API.
type response struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
	logs   *lockedBuffer // of the gateway that answered
}

// mint makes a token that an agency's issuer signs for whatever is asked.
func (h *house) mint(agency, subject string, roles ...string) string {
	h.t.Helper()
	claims := devissuer.Claims{Agency: agency, Subject: subject, Clearance: "nppv3"}
	for _, r := range roles {
		claims.Roles = append(claims.Roles, identity.Role(r))
	}
	token, err := h.issuer.Mint(claims, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// call sends a request as a persona ("" for none). body is sent as it is when
// it is a string, else as JSON.
func (h *house) call(persona, method, path string, body any, headers ...string) *response {
	h.t.Helper()
	token := ""
	if persona != "" {
		token = h.token(persona)
	}
	return h.callWith(token, method, path, body, headers...)
}

// callWith sends a request with a token ("" for none).
func (h *house) callWith(token, method, path string, body any, headers ...string) *response {
	h.t.Helper()
	var content io.Reader = http.NoBody
	contentType := ""
	switch b := body.(type) {
	case nil:
	case string:
		content, contentType = strings.NewReader(b), "application/json"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		content, contentType = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.srv.URL+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := h.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	r := &response{t: h.t, status: res.StatusCode, header: res.Header, body: raw, logs: h.logs}
	r.checkRefusal(h, method+" "+path)
	return r
}

// want checks the status and decodes the body.
func (r *response) want(status int, v any) *response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s\n%s", r.status, status, r.body, r.logged())
	}
	if v != nil {
		if err := json.Unmarshal(r.body, v); err != nil {
			r.t.Fatalf("%v in %s", err, r.body)
		}
	}
	return r
}

// logged is what the gateway wrote down about the request.
func (r *response) logged() string {
	var p problemBody
	if err := json.Unmarshal(r.body, &p); err != nil || p.RequestID == "" {
		return ""
	}
	var about []string
	for line := range strings.Lines(r.logs.String()) {
		if strings.Contains(line, p.RequestID) {
			about = append(about, line)
		}
	}
	return strings.Join(about, "")
}

// problemBody is an RFC 9457 problem.
type problemBody struct {
	Type, Title, Detail, Code, Pointer string
	Status                             int
	RequestID                          string `json:"request_id"`
	AuditIndex                         *int64 `json:"audit_index"`
	Withheld                           json.RawMessage
}

// problem checks that the answer is a problem of that status and code.
func (r *response) problem(status int, code string) problemBody {
	r.t.Helper()
	var p problemBody
	r.want(status, &p)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Errorf("content type %q", got)
	}
	if p.Code != code {
		r.t.Errorf("code %q, want %q: %s", p.Code, code, r.body)
	}
	return p
}

// verify verifies the log and returns the report.
func (h *house) verify() audit.Report {
	h.t.Helper()
	if h.gw != nil {
		if err := h.gw.PublishCheckpoint(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	key, err := os.ReadFile(filepath.Join(h.cfg.DataDir, gateway.KeyFile))
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := gateway.VerifyFolder(h.t.Context(), h.cfg.DataDir, audit.VerifyOptions{Keys: []string{strings.TrimSpace(string(key))}})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// entries returns the log as the information governance lead sees it, newest
// first.
func (h *house) entries(filter string) []audit.Indexed {
	h.t.Helper()
	var page struct{ Items []audit.Indexed }
	h.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=verify-lawfulness"+filter, nil).want(http.StatusOK, &page)
	return page.Items
}
