package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// instant reads an RFC 3339 query parameter and returns it in the form that
// entries have; absent is empty.
func instant(c *call, name string) (string, error) {
	text, ok := c.GetQuery(name)
	if !ok || text == "" {
		return "", nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "", fault.New(fault.Invalid, "httpapi.instant",
			fmt.Sprintf("The query parameter %s must be a time as in RFC 3339.", name)).WithCode("query-parameter")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z"), nil
}

// healthz says that the process lives.
func (s *server) healthz(*call) (*reply, error) {
	return &reply{body: map[string]string{"status": "ok"}}, nil
}

// readyTimeout bounds the readiness check.
const readyTimeout = 2 * time.Second

// readyz says whether the gateway can do its work: that the store takes writes, that keys
// can be had, and that it is known who is revoked. Without the last it lets nobody in.
func (s *server) readyz(c *call) (*reply, error) {
	ctx, cancel := context.WithTimeout(c.ctx(), readyTimeout)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		s.Logger.Warn("not ready", "error", err)
		return nil, fault.Wrap(fault.Unavailable, "httpapi.readyz", "The gateway is not ready.", err)
	}
	return &reply{body: readiness{Status: "ready", Log: publicationOf(s.Log.Publication())}}, nil
}

// readiness is the answer of a gateway that is ready.
type readiness struct {
	Status string      `json:"status"`
	Log    publication `json:"log"`
}

// publication says how the publication of the log stands. A log that is not
// witnessed does not make the gateway unready: what it has published is still to
// be had, and what it refuses, it refuses with a reason.
type publication struct {
	Witnesses int      `json:"witnesses"`
	Quorum    int      `json:"quorum"`
	Missing   []string `json:"missing"`
	// UnpublishedSince is when the oldest entry was logged that no published
	// checkpoint covers, or null.
	UnpublishedSince *string `json:"unpublished_since"`
	Refusing         bool    `json:"refusing"`
}

func publicationOf(p audit.Publication) publication {
	out := publication{Witnesses: p.Witnesses, Quorum: p.Quorum, Missing: p.Missing, Refusing: p.Refusing}
	if out.Missing == nil {
		out.Missing = []string{}
	}
	if !p.Since.IsZero() {
		since := stamp(p.Since)
		out.UnpublishedSince = &since
	}
	return out
}

func (s *server) openapi(*call) (*reply, error) {
	return &reply{raw: s.OpenAPI, contentType: "application/json"}, nil
}

func (s *server) docs(*call) (*reply, error) {
	return &reply{status: http.StatusOK, raw: s.Docs, contentType: "text/html; charset=utf-8"}, nil
}
