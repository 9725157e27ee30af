package client

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Problem is an answer by which the gateway refuses (RFC 9457).
type Problem struct {
	// Type names the sort of problem; it is stable.
	Type string `json:"type"`
	// Title says in words what the type is, Detail what is the matter here.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Status is that of the answer.
	Status int `json:"status"`
	// Code refines the type, for machines: "agreement-unknown".
	Code string `json:"code"`
	// Pointer is the RFC 6901 pointer of the part of the request that it is about.
	Pointer string `json:"pointer"`
	// RequestID is what the operator finds the request by.
	RequestID string `json:"request_id"`
	// AuditIndex is the entry that logs the refusal, where it was logged.
	AuditIndex *int64 `json:"audit_index"`
	// RetryAfter is how long the gateway asks to wait; zero where it says nothing.
	RetryAfter time.Duration `json:"-"`

	// renewed says that there is another token by now than the one refused.
	renewed bool
	// offset is where an upload stands, or -1.
	offset int64
}

// Error says what the gateway said.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString("it answered " + strconv.Itoa(p.Status) + " " + p.Title)
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	var about []string
	for _, part := range [][2]string{{"code ", p.Code}, {"at ", p.Pointer}, {"request ", p.RequestID}} {
		if part[1] != "" {
			about = append(about, part[0]+part[1])
		}
	}
	if len(about) > 0 {
		b.WriteString(" (" + strings.Join(about, ", ") + ")")
	}
	return b.String()
}

// problemOf reads a problem from an answer, and closes its body. An answer that is
// none, as from a proxy in between, has a status alone.
func problemOf(res *http.Response) *Problem {
	defer func() { _ = res.Body.Close() }()
	p := &Problem{offset: -1}
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && media == "application/problem+json" {
		raw, err := io.ReadAll(io.LimitReader(res.Body, errorLimit))
		if err != nil || json.Unmarshal(raw, p) != nil {
			*p = Problem{offset: -1}
		}
	}
	p.Status = res.StatusCode // not what the body says of it
	if p.Title == "" {
		p.Title = http.StatusText(res.StatusCode)
	}
	p.RetryAfter = retryAfter(res.Header)
	if at, err := offsetOf(res.Header); err == nil {
		p.offset = at
	}
	return p
}

// mostWait is the longest that a gateway is obeyed when it asks to wait.
const mostWait = 5 * time.Minute

// retryAfter reads how long the gateway asks to wait (RFC 9110 section 10.2.3), in
// seconds, which is how a gateway writes it.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || n <= 0 {
		return 0
	}
	return min(time.Duration(min(n, int(mostWait/time.Second)))*time.Second, mostWait)
}

// kindOf is the kind that the gateway gave the status for.
func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthenticated
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case http.StatusUnprocessableEntity:
		return fault.Unprocessable
	case http.StatusTooManyRequests:
		return fault.Limited
	case http.StatusInternalServerError:
		return fault.Internal
	}
	if status >= 400 && status < 500 {
		return fault.Invalid
	}
	return fault.Unavailable // also a redirect, which is not followed
}
