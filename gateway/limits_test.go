package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
)

// floods returns the entries that say that the limiter refused, newest first.
func (h *house) floods() []audit.Indexed {
	h.t.Helper()
	var out []audit.Indexed
	for _, e := range h.entries("&action=deny") {
		if e.Entry.Admin["code"] == "too-often" {
			out = append(out, e)
		}
	}
	return out
}

// TestLimitOfPrincipal answers 429 to who asks too often, with the time to wait; nobody
// else notices. A flood is two entries of the log: the first refusal, before it is
// answered, and how many followed.
func TestLimitOfPrincipal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) {
		c.Limits.Principal.Ask = config.Rate{PerSecond: 0.01, Burst: 3}
	})
	question := map[string]any{"purpose": "soc-investigation"}
	const path = "/v1/decisions/explain"
	for range 3 {
		h.call("analyst", http.MethodPost, path, question).want(http.StatusOK, nil)
	}
	var first int64
	for i := range 50 {
		r := h.call("analyst", http.MethodPost, path, question)
		p := r.problem(http.StatusTooManyRequests, "too-often")
		if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 90 || wait > 100 {
			t.Fatalf("Retry-After: %q", r.header.Get("Retry-After"))
		}
		if i == 0 && p.AuditIndex != nil {
			first = *p.AuditIndex
			if e := h.durable(first); e.Action != audit.Deny || e.Admin["scope"] != "principal" || e.Admin["route"] != "decisions.explain" {
				t.Fatalf("the entry is %+v", e)
			}
		}
		if p.AuditIndex == nil || *p.AuditIndex != first {
			t.Fatalf("refusal %d: audit index %v, want that of the first, %d", i, p.AuditIndex, first)
		}
	}
	h.call("analyst", http.MethodGet, "/v1/agreements", nil).want(http.StatusOK, nil) // another class
	h.call("supervisor", http.MethodPost, path, question).want(http.StatusOK, nil)    // another principal
	if got := h.floods(); len(got) != 1 {
		t.Errorf("%d entries, want one", len(got))
	}
	h.clock.Advance(61 * time.Second)
	h.call("analyst", http.MethodPost, path, question).problem(http.StatusTooManyRequests, "too-often")
	if got := h.floods(); len(got) != 3 || got[0].Entry.Admin["more"] != "49" || got[0].Entry.Actor.Subject != theAnalyst {
		t.Errorf("after a minute: %+v", got)
	}
	h.call("analyst", http.MethodPost, path, question).problem(http.StatusTooManyRequests, "too-often")
	h.restart() // which counts what is counted, and fills every bucket
	if got := h.floods(); len(got) != 4 || got[0].Entry.Admin["more"] != "1" {
		t.Errorf("after closing: %+v", got)
	}
	attacktest.Floods.Refused(t, "by one principal", 52)
	h.call("analyst", http.MethodPost, path, question).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
}

// TestLimitOfAgency lets many subjects of one agency no further than the agency itself,
// with one entry for all of them, and answers health all the while.
func TestLimitOfAgency(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) {
		c.Limits.Agency.Read = config.Rate{PerSecond: 0.01, Burst: 5}
	})
	refused := 0
	for i := range 20 {
		r := h.callWith(h.mint("telford-housing", fmt.Sprintf("robot-%d@telford-housing.example", i), "submitter"), http.MethodGet, "/v1/datasets", nil)
		if r.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 15 {
		t.Errorf("%d of 20 are refused, want 15", refused)
	}
	attacktest.Floods.Refused(t, "by one agency", refused)
	if got := h.floods(); len(got) != 1 || got[0].Entry.Admin["scope"] != "agency" {
		t.Errorf("%+v", got)
	}
	h.call("", http.MethodGet, "/healthz", nil).want(http.StatusOK, nil)
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
}

// TestLimitOfAddress stops who tries tokens, before they are looked at; who has a good
// one, from another address, is not disturbed, and nothing is logged for strangers.
func TestLimitOfAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) {
		c.Limits.Address = config.Rate{PerSecond: 0.01, Burst: 4}
	})
	for range 50 { // which costs the address nothing
		h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	}
	before := h.stored().entries
	for i := range 10 {
		r := h.callWith("not.a.token", http.MethodGet, "/v1/datasets", nil)
		if i < 4 {
			r.want(http.StatusUnauthorized, nil)
			continue
		}
		if p := r.problem(http.StatusTooManyRequests, "too-often"); p.AuditIndex != nil || r.header.Get("Retry-After") == "" {
			t.Errorf("%+v", p)
		}
	}
	if after := h.stored().entries; after != before {
		t.Errorf("%d entries about strangers", after-before)
	}
	h.call("", http.MethodGet, "/tlog/checkpoint", nil).want(http.StatusTooManyRequests, nil)
	h.call("", http.MethodGet, "/healthz", nil).want(http.StatusOK, nil)
	attacktest.Floods.Refused(t, "from one address", 7)
}

// hold opens uploads that wait for their bodies, and returns when the gateway asks for
// them, with what sends them.
func (h *house) hold(address, row string, n int) (finish func() []string) {
	h.t.Helper()
	token := h.token("housing-submitter")
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := new(net.Dialer).DialContext(h.t.Context(), "tcp", address)
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(patient)); err != nil {
			h.t.Fatal(err)
		}
		conns[i] = c
		_, _ = io.WriteString(c, head("POST "+submissionsPath("housing.tenancy", "ISA-TH-WMP-001")+"&dry_run=true HTTP/1.1", "Authorization: Bearer "+token,
			"Content-Type: application/x-ndjson", fmt.Sprintf("Content-Length: %d", len(row)), "Expect: 100-continue", "Connection: close"))
		if line, err := bufio.NewReader(io.LimitReader(c, 25)).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			h.t.Fatalf("%q %v", line, err)
		}
	}
	return func() (answers []string) {
		for _, c := range conns {
			_, _ = io.WriteString(c, row)
			raw, _ := io.ReadAll(c)
			answers = append(answers, string(raw))
		}
		return answers
	}
}

// TestLimitAtOnce caps what is under way, of an agency and in the whole gateway, and lets
// in again when it has ended.
func TestLimitAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) {
		c.Limits.Concurrent = config.Concurrent{Gateway: 4, Agency: 2}
	})
	finish := h.hold(h.listen(), jsonOf(t, tenancy(rowan(), "T-1")), 2)
	r := h.call("housing-ig", http.MethodGet, "/v1/datasets", nil)
	if p := r.problem(http.StatusTooManyRequests, "too-many-at-once"); p.AuditIndex == nil || r.header.Get("Retry-After") != "1" {
		t.Errorf("%+v", p)
	}
	h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	for _, a := range finish() {
		if !strings.HasPrefix(a, "\r\nHTTP/1.1 200 ") && !strings.HasPrefix(a, "HTTP/1.1 200 ") {
			t.Errorf("what was under way: %q", a)
		}
	}
	h.call("housing-ig", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	attacktest.Floods.Refused(t, "more at once than an agency may", 1)
}

// TestLimitsLetWorkThrough sends what 64 clients send at once through the limits that a
// gateway has where nothing is configured: none is refused.
func TestLimitsLetWorkThrough(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) { c.Limits = config.DefaultLimits() })
	token := h.token("analyst")
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 3 {
				h.callWith(token, http.MethodGet, "/v1/agreements", nil).want(http.StatusOK, nil)
			}
		})
	}
	wg.Wait()
}
