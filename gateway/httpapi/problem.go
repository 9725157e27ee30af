package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/profile"
)

// problemBase is the stem of the problem types. They are names, not addresses
// to be fetched (RFC 9457 s.3.1.1).
const problemBase = "https://concord.example/problems/"

// problem is an RFC 9457 problem detail.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code refines the type for machines.
	Code      string `json:"code,omitempty"`
	Pointer   string `json:"pointer,omitempty"`
	RequestID string `json:"request_id"`
	// AuditIndex is the index of the log entry, where the refusal was logged.
	AuditIndex *int64            `json:"audit_index,omitempty"`
	Withheld   []policy.Withheld `json:"withheld,omitempty"`

	retryAfter time.Duration
	challenges []string // for one without a valid token
}

// kinds is the one table from kinds of failure to answers.
var kinds = map[fault.Kind]struct { //nolint:gochecknoglobals // a constant table
	status int
	title  string
}{
	fault.Invalid:         {http.StatusBadRequest, "The request is not valid"},
	fault.Unauthenticated: {http.StatusUnauthorized, "No valid token"},
	fault.Forbidden:       {http.StatusForbidden, "Not permitted"},
	fault.NotFound:        {http.StatusNotFound, "Not found"},
	fault.Conflict:        {http.StatusConflict, "Not possible in the present state"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	fault.Limited:         {http.StatusTooManyRequests, "Limit reached"},
	fault.Unprocessable:   {http.StatusUnprocessableEntity, "The request contradicts an earlier one"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "Not available at present"},
	fault.Internal:        {http.StatusInternalServerError, "Internal error"},
}

// defaultRetry is what a caller is told to wait when nothing better is known.
const defaultRetry = 5 * time.Second

// unsupported is the code of a body in a form that the route does not take: an
// invalid request that HTTP has a status of its own for.
const unsupported = "unsupported-media-type"

// newProblem builds the answer to an error. What an internal error says stays
// inside.
func newProblem(err error, requestID string) problem {
	kind := fault.KindOf(err)
	row, ok := kinds[kind]
	if !ok {
		kind, row = fault.Internal, kinds[fault.Internal]
	}
	p := problem{Type: problemBase + string(kind), Title: row.title, Status: row.status, RequestID: requestID}
	var f *fault.Error
	if kind != fault.Internal && errors.As(err, &f) {
		p.Detail, p.Code, p.Pointer, p.retryAfter = f.Message, f.Code, f.Pointer, f.RetryAfter
	}
	if p.Code == unsupported {
		p.Type, p.Status = problemBase+unsupported, http.StatusUnsupportedMediaType
	}
	if (kind == fault.Unavailable || kind == fault.Limited) && p.retryAfter == 0 {
		p.retryAfter = defaultRetry
	}
	if d, ok := errors.AsType[*profile.Denied](err); ok {
		p.Withheld, p.AuditIndex = d.Withheld, &d.AuditIndex
	}
	return p
}

// write sends the problem.
func (p problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings and numbers always marshals
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="concord"`) // RFC 6750 s.3
		if len(p.challenges) > 0 {
			h["Www-Authenticate"] = p.challenges
		}
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the caller is gone if this fails
}
