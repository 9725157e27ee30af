//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

const (
	// operation is the case that every analyst of the test works on.
	operation = "OP-LANTERN"
	// perAnalyst is how many questions one analyst asks, below what the
	// agreements allow in an hour; then the next one goes on.
	perAnalyst = 30
	// agreementOfRows is the agreement under which rows are submitted.
	agreementOfRows = "ISA-TH-WMP-001"
)

// person is a synthetic person whom the questions are about.
func person() map[string]string {
	return map[string]string{
		"nhs_number": "9990000018", "pnc_id": "2002/0073319Z",
		"given_name": "Rowan", "family_name": "Ashdown-Quill", "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
	}
}

// tenancy is a row about that person.
func tenancy(source string) map[string]any {
	p := person()
	return map[string]any{
		"given_name": p["given_name"], "family_name": p["family_name"], "date_of_birth": p["date_of_birth"], "postcode": p["postcode"],
		"source_id": source, "area": "E06000020", "uprn": "100023336956", "tenancy_type": "secure",
		"tenancy_status": "current", "tenancy_start": "2024-03-04", "reason_left_last_home": "57",
		"fact_or_opinion": "fact", "subject_category": "not_known",
	}
}

// answered is an answer in which a gateway said that something is logged.
type answered struct {
	Status    int
	RequestID string
	Index     int64
	// Receipt is of a profile or a submission; a refusal has none.
	Receipt *audit.Receipt
}

// crowd is what the clients have in common.
type crowd struct {
	t       *testing.T
	issuer  *devissuer.Issuer
	bases   []string
	running func(i int) bool
	http    *http.Client

	mu      sync.Mutex // covers what follows
	answers []answered
	// requests were sent; of these, lost got no answer and refused a 503.
	requests, lost, refused int
}

func newCrowd(t *testing.T, dir string, bases []string, running func(i int) bool) *crowd {
	t.Helper()
	issuer, err := devissuer.Open(filepath.Join(dir, "issuer"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &crowd{
		t: t, issuer: issuer, bases: bases, running: running,
		http: &http.Client{Transport: transport, Timeout: time.Minute},
	}
}

// token mints a token for somebody.
func (c *crowd) token(subject, agency string, roles ...identity.Role) string {
	c.t.Helper()
	clearance := ""
	if agency == devissuer.Police {
		clearance = "nppv3"
	}
	token, err := c.issuer.Mint(devissuer.Claims{
		Subject: subject, Agency: agency, Roles: roles, Clearance: clearance,
	}, time.Hour)
	if err != nil {
		c.t.Error(err)
	}
	return token
}

// post sends a request to gateway i and reports whether it was carried out, or
// refused for good. What the answer says is logged is kept.
func (c *crowd) post(ctx context.Context, i int, token, path string, body any) bool {
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.bases[i]+path, bytes.NewReader(raw))
	if err != nil {
		c.t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	status, id, answer, err := c.exchange(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return false // nothing was sent
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusForbidden:
		a, err := readAnswer(status, id, answer)
		if err != nil {
			c.t.Errorf("%s answers %d with %.300s: %v", path, status, answer, err)
			return false
		}
		c.answers = append(c.answers, a)
		return true
	case http.StatusServiceUnavailable:
		c.refused++
	case 0:
		c.lost++
	default:
		c.t.Errorf("%s answers %d: %.300s", path, status, answer)
	}
	return false
}

// exchange returns status 0 for an answer that did not come, or not all of it.
func (c *crowd) exchange(req *http.Request) (status int, id string, body []byte, err error) {
	res, err := c.http.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if body, err = io.ReadAll(res.Body); err != nil {
		return 0, "", nil, err
	}
	return res.StatusCode, res.Header.Get("X-Request-Id"), body, nil
}

// readAnswer takes out what an answer says about the log.
func readAnswer(status int, id string, raw []byte) (answered, error) {
	var body struct {
		Audit   *audit.Receipt `json:"audit"`
		Index   *int64         `json:"audit_index"`
		Receipt *struct {
			Audit *audit.Receipt `json:"audit"`
		} `json:"receipt"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return answered{}, err
	}
	a := answered{Status: status, RequestID: id, Receipt: body.Audit}
	if body.Receipt != nil {
		a.Receipt = body.Receipt.Audit
	}
	if body.Index == nil || id == "" || (a.Receipt != nil && a.Receipt.First != *body.Index) {
		return answered{}, errors.New("no place in the log is given, or two")
	}
	a.Index = *body.Index
	return a, nil
}

// asker is one analyst after the other, who also has rows to submit.
type asker struct {
	*crowd

	n    int
	r    *rand.Rand
	next int // the gateway whose turn it is

	analysts, asked, rows int
	analyst               string
}

// run sends requests until ctx ends. One that is under way is not broken off.
func (c *asker) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.once(context.WithoutCancel(ctx), c.turn())
		}
	}
}

// turn is the next gateway that is not known to stand still, or just the next.
func (c *asker) turn() int {
	for range c.bases {
		c.next = (c.next + 1) % len(c.bases)
		if c.running(c.next) {
			break
		}
	}
	return c.next
}

// once sends one request to gateway i: mostly a question that is answered, else
// one that is refused, or a row. It reports whether that was done.
func (c *asker) once(ctx context.Context, i int) bool {
	if c.analyst == "" || c.asked >= perAnalyst {
		return c.nextAnalyst(ctx, i)
	}
	question := map[string]any{
		"purpose": "soc-investigation", "justification": "Needed for the operation.", "case_ref": operation, "subject": person(),
	}
	const path = "/v1/profiles/subject"
	switch draw := c.r.IntN(10); {
	case draw < 6:
		c.asked++
		return c.post(ctx, i, c.analyst, path, question)
	case draw < 8:
		question["purpose"] = "tenancy-enforcement"
		return c.post(ctx, i, c.analyst, path, question)
	default:
		c.rows++
		token := c.token("housing-submitter@telford-housing.example", "telford-housing", identity.Submitter)
		return c.post(ctx, i, token, "/v1/datasets/housing.tenancy/submissions?agreement="+agreementOfRows,
			[]any{tenancy(fmt.Sprintf("K-%d-%d", c.n, c.rows))})
	}
}

// nextAnalyst has a supervisor put a new analyst on the case.
func (c *asker) nextAnalyst(ctx context.Context, i int) bool {
	c.analysts++
	subject := fmt.Sprintf("analyst-%d-%d@west-mercia-police.example", c.n, c.analysts)
	supervisor := c.token("supervisor@west-mercia-police.example", devissuer.Police, identity.Supervisor)
	if !c.post(ctx, i, supervisor, "/v1/case-links", map[string]any{
		"case_ref": operation, "analyst": subject, "subject": person(),
	}) {
		return false
	}
	c.analyst, c.asked = c.token(subject, devissuer.Police, identity.Analyst), 0
	return true
}

// sample returns at most n answers with receipts, spread over all.
func (c *crowd) sample(n int) []answered {
	with := slices.DeleteFunc(slices.Clone(c.answers), func(a answered) bool { return a.Receipt == nil })
	var out []answered
	for i := range min(n, len(with)) {
		out = append(out, with[i*len(with)/min(n, len(with))])
	}
	return out
}
