package gateway_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/fault"
)

// clientOf is a client of the house's gateway, over HTTP, for a persona.
func (h *house) clientOf(persona string) *client.Client {
	h.t.Helper()
	srv := httptest.NewServer(h.gw.Handler())
	h.t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, h.token(persona))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// TestInvariant08RegisterOffline: a partner fetches its register and verifies it
// with nothing but the key; another's token gets it nothing of this one.
func TestInvariant08RegisterOffline(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	h.call("analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", rowan())).want(http.StatusForbidden, nil)
	housing := h.clientOf("housing-ig")
	if _, _, err := housing.Register(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a register before publication: %v", err)
	}
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	opening, uses, err := housing.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := audit.WriteRegister(&file, opening, uses); err != nil {
		t.Fatal(err)
	}
	opts := audit.VerifyOptions{Keys: []string{h.gw.VKey()}}
	report, err := audit.VerifyRegister(bytes.NewReader(file.Bytes()), opts)
	if err != nil || !report.OK || report.Provider != "telford-housing" || report.Uses == 0 || report.Later != 0 {
		t.Fatalf("%+v %v", report, err)
	}
	disclosed, denied := int64(0), int64(0)
	for _, c := range report.Counts {
		disclosed, denied = disclosed+c.Disclosed, denied+c.Denied
	}
	if disclosed == 0 || denied == 0 {
		t.Errorf("%+v", report.Counts)
	}
	for _, other := range []string{"mercia-health", "Ashdown"} {
		if bytes.Contains(file.Bytes(), []byte(other)) {
			t.Errorf("the register holds %q", other)
		}
	}
	if _, _, err := h.clientOf("analyst").Register(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an analyst has a register: %v", err)
	}
	evidence, err := h.clientOf("ig-lead").Evidence(t.Context(), strconv.FormatInt(opening.Index, 10))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.VerifyEvidence(evidence, opts); err != nil || !r.OK || r.Entry.Action != audit.Heads {
		t.Errorf("%+v %v", r, err)
	}
}
