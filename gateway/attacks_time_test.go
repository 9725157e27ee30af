package gateway_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a machine without time zones must not make this test pass

	"github.com/concord-gateway/concord/gateway/attacktest"
)

// The last seconds of ISA-TH-WMP-001: rows are taken until its review is overdue, and
// an emergency is answered until it ends. Both are whole days in UTC.
func lastSecond(what string) time.Time {
	if what == "rows" {
		return time.Date(2027, 3, 31, 23, 59, 59, 0, time.UTC)
	}
	return time.Date(2028, 12, 31, 23, 59, 59, 0, time.UTC)
}

// zoneVariable tells a child of the test that it is one, and where it is.
const zoneVariable = "CONCORD_TEST_ZONE"

// TestAttackAgreementEnd asks and submits in the last second of an agreement and in
// the first one after it, of gateways whose machines stand in other time zones: where
// it is tomorrow already, and where it is still yesterday.
func TestAttackAgreementEnd(t *testing.T) {
	if zone := os.Getenv(zoneVariable); zone != "" { // the child
		if _, offset := time.Now().Zone(); time.Local.String() != "Local" && time.Local.String() != zone || offset == 0 {
			t.Fatalf("the child is in %v, at %d seconds", time.Local, offset)
		}
		agreementEnd(t)
		return
	}
	zones := []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"}
	for _, zone := range zones {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAttackAgreementEnd$", "-test.v", "-test.count=1")
		child.Env = append(os.Environ(), "TZ="+zone, zoneVariable+"="+zone)
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestAttackAgreementEnd") {
			t.Errorf("in %s: %v\n%s", zone, err, out)
		}
	}
	n := agreementEnd(t)
	attacktest.AgreementEnd.Refused(t, "the first second after an agreement's end, in three time zones", n*(1+len(zones)))
}

// agreementEnd goes through the end with a gateway whose clock shows local time, and
// returns how many requests were refused.
func agreementEnd(t *testing.T) int {
	t.Helper()
	h := newHouse(t)
	h.clock.now = h.clock.now.In(time.Local) //nolint:gosmopolitan // that is the point
	h.fill()
	if n := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(nobody(), "T-2")}}).Accepted; n != 1 {
		t.Fatalf("%d rows accepted", n)
	}
	refused := 0
	for _, what := range []string{"rows", "person"} {
		for _, at := range []struct {
			after time.Duration
			in    bool
		}{{0, true}, {900 * time.Millisecond, true}, {time.Second, false}, {24 * time.Hour, false}} {
			h.clock.Advance(lastSecond(what).Add(at.after).Sub(h.clock.Now()) - time.Millisecond) // the next reading is that moment
			var got *response
			if what == "rows" {
				got = h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []any{tenancy(rowan(), "T-3")})
			} else {
				got = h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life"))
			}
			if in := got.status < http.StatusBadRequest; in != at.in || !in && got.status != http.StatusForbidden {
				t.Errorf("%s, %v after the last second began: status %d: %s", what, at.after, got.status, got.body)
			}
			if !at.in {
				refused++
			}
		}
	}
	return refused
}

// TestAttackOffsets writes times with an offset: the same instant is the same instant,
// and a date has none.
func TestAttackOffsets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := 0
	for _, date := range []string{"2026-08-17T23:30:00+14:00", "2026-08-17Z", "2026-08-17+14:00", "2026-08-17T00:00:00", "2026-8-17", "17/08/2026", "2026-08-17 ", "20260817", "2026-229"} {
		var got submission
		h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "ISA-TH-WMP-001"), []any{with(concern(rowan(), "C-1"), "reported_on", date)}).want(http.StatusCreated, &got)
		if got.Rejected != 1 {
			t.Errorf("%q: %+v", date, got)
		}
		n++
	}
	before := len(h.entries("&to=2026-11-22T09:01:00Z"))
	for _, to := range []string{"2026-11-22T23:01:00+14:00", "2026-11-21T22:01:00-11:00", "2026-11-22T09:01:00-00:00"} {
		if got := len(h.entries("&action=collect&to=" + url.QueryEscape(to))); got == 0 || before == 0 {
			t.Errorf("to %s: %d entries", to, got)
		}
	}
	if got := len(h.entries("&to=" + url.QueryEscape("2026-11-22T09:01:00+14:00"))); got != 0 {
		t.Errorf("%d entries before the log began", got)
	}
	attacktest.AgreementEnd.Refused(t, "dates with an offset", n)
}
