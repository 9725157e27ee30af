package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/limit"
	"github.com/concord-gateway/concord/gateway/profile"
)

// send writes the answer.
func (r *reply) send(w http.ResponseWriter) error {
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	if r.stream != nil {
		w.Header().Set("Content-Type", r.contentType)
		w.WriteHeader(status)
		if err := r.stream(w); err != nil {
			panic(http.ErrAbortHandler) // a stream that ends early must not look whole
		}
		return nil
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	raw, contentType := r.raw, r.contentType
	if raw == nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.body); err != nil {
			return err
		}
		raw, contentType = buf.Bytes(), "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, err := w.Write(raw)
	return err
}

// released is the answer of a profile: the audit fields in front of the bytes
// that response_sha256 covers.
func released(a *profile.Answer) (*reply, error) {
	head, err := json.Marshal(struct {
		Audit audit.Receipt `json:"audit"`
		Index int64         `json:"audit_index"`
	}{a.Receipt, a.Receipt.First})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "httpapi", "The receipt could not be written.", err)
	}
	raw := make([]byte, 0, len(head)+len(a.Body))
	raw = append(raw, head[:len(head)-1]...)
	raw = append(raw, ',')
	raw = append(raw, a.Body[1:]...)
	return &reply{raw: raw, contentType: "application/json"}, nil
}

// refuse logs a refusal of an authenticated caller and answers with a problem.
// If it cannot be logged, the answer is that the log is not available.
func (s *server) refuse(c *call, err error) {
	if fault.Is(err, fault.Unauthenticated) && !c.charged {
		s.Limits.Failed(originOf(c.Request).addr)
	}
	if fault.Is(err, fault.NotFound) {
		c.even()
	}
	p := newProblem(err, c.requestID)
	if s.logged(c, err) {
		index, logErr := s.logRefusal(c, err)
		if logErr != nil {
			err = logErr
			p = newProblem(logErr, c.requestID)
		} else {
			p.AuditIndex = &index
		}
	}
	if p.Status >= http.StatusInternalServerError {
		s.Logger.Error("request failed", "request_id", c.requestID, "route", c.route.name, "error", err)
	}
	p.challenges = s.challenges(c.Request)
	p.write(c.Writer)
}

// logged reports whether a refusal has to be logged here: the caller is known,
// and no use case has logged it.
func (s *server) logged(c *call, err error) bool {
	if c.principal.Subject == "" {
		return false
	}
	if _, ok := errors.AsType[*profile.Denied](err); ok {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Unavailable:
		return !ofLog(err)
	case fault.Limited:
		return overLimit(err) // the sequencer has logged what is over a quota
	default:
		return true
	}
}

// ofLog reports whether it is the log itself that failed: asking it a second
// time would only keep the caller waiting.
func ofLog(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && strings.HasPrefix(f.Op, "audit.")
}

func (s *server) logRefusal(c *call, err error) (int64, error) {
	if r, ok := errors.AsType[*limit.Refusal](err); ok {
		return s.Denials.record(context.WithoutCancel(c.ctx()), c.denial(r))
	}
	detail := map[string]string{"kind": "refusal", "route": c.route.name, "problem": string(fault.KindOf(err))}
	var f *fault.Error
	if errors.As(err, &f) && f.Code != "" {
		detail["code"] = f.Code
	}
	// A caller who hangs up is refused all the same, and it is logged.
	receipt, err := s.Log.Append(context.WithoutCancel(c.ctx()), audit.Request{
		ID: c.requestID, Time: s.Clock().UTC(),
		Actor: audit.Actor{Agency: c.principal.Agency, Roles: roleNames(c.principal), Subject: c.principal.Subject},
		Drafts: []audit.Draft{{
			Action: audit.Deny, Admin: detail, Private: audit.Private{Client: c.client()},
		}},
	})
	return receipt.First, err
}

// client is where the request came from: the peer, or what a proxy that is configured
// says. Nobody else is believed.
func (c *call) client() string { return originOf(c.Request).client }

func stack() string { return string(debug.Stack()) }

// stamp is a time as the API writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
