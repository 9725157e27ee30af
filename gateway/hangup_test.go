package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// goneAtEnd is a body after whose last byte the client is gone.
type goneAtEnd struct {
	io.Reader

	gone context.CancelFunc
}

func (g goneAtEnd) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if err != nil {
		g.gone()
	}
	return n, err
}

// TestClientThatHangsUp brings to its end what was begun: the rows of a client
// that is gone after the last of them are stored, logged and closed, and a
// refusal that nobody waits for is logged all the same.
func TestClientThatHangsUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	serve := func(persona, method, path string, body []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		req := httptest.NewRequestWithContext(ctx, method, path, goneAtEnd{bytes.NewReader(body), cancel})
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+h.token(persona))
		if body == nil {
			cancel()
		}
		h.gw.Handler().ServeHTTP(httptest.NewRecorder(), req)
	}
	rows, err := json.Marshal([]map[string]any{tenancy(rowan(), "T-1"), tenancy(nobody(), "T-2")})
	if err != nil {
		t.Fatal(err)
	}
	serve("housing-submitter", http.MethodPost, "/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001", rows)
	if n := h.stored().records; n != 2 {
		t.Errorf("%d records are stored, want 2", n)
	}
	if got := h.entries("&action=collect"); len(got) != 1 || got[0].Entry.Admin["accepted"] != "2" || got[0].Entry.Admin["state"] != "complete" {
		t.Errorf("the log says %+v", got)
	}
	serve("operator", http.MethodGet, "/v1/editions", nil)
	if got := h.entries("&action=deny"); len(got) != 1 || got[0].Entry.Admin["route"] != "editions.list" {
		t.Errorf("the refusal is logged as %+v", got)
	}
}
