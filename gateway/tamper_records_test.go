package gateway_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// tamper is what the administrator of the database does, without the keys: it
// stops the gateway, takes the triggers away, runs the statements and starts the
// gateway again. Each statement has to change something.
func (h *house) tamper(statements ...string) {
	h.t.Helper()
	h.stop()
	db, err := sql.Open("sqlite", filepath.Join(h.cfg.DataDir, sqlite.FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	for _, trigger := range []string{"events_no_update", "events_no_delete", "events_no_replace"} {
		if _, err := db.ExecContext(h.t.Context(), "DROP TRIGGER IF EXISTS "+trigger); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, s := range statements {
		result, err := db.ExecContext(h.t.Context(), s)
		if err != nil {
			h.t.Fatalf("%v in %s", err, s)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			h.t.Fatalf("%s changes %d rows (%v)", s, n, err)
		}
	}
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// TestInvariant06PlainColumnsAreBound changes each plain column of a record in
// the database: neither a person's profile nor an edition believes it.
func TestInvariant06PlainColumnsAreBound(t *testing.T) {
	t.Parallel()
	const concerns = " WHERE dataset = 'housing.concern'"
	base := newHouse(t)
	base.fill()
	base.stop()
	whole := base.twin(t)
	whole.start()
	if got := whole.subject("soc-investigation", opCase, rowan()); got != http.StatusOK {
		t.Fatalf("a copy that nobody changed answers %d", got)
	}
	whole.freeze()
	for name, set := range map[string]string{
		"area":           "area = 'E06000051'",
		"event month":    "event_month = '2026-07'",
		"indicators":     `indicators = '["housing.exploitation"]'`,
		"submission":     "submission = 'another'",
		"received":       "received = received - 1",
		"prolonged":      "expires = expires + 1000000",
		"hidden":         "expires = 0",
		"digest":         "digest = zeroblob(32)",
		"index added":    "indexes = CAST(indexes || zeroblob(32) AS BLOB)",
		"version":        "version = version + 1",
		"agreement":      "agreement = 'ISA-TH-WMP-002'",
		"key month":      "key_month = '2026-10'",
		"body exchanged": "body = (SELECT body FROM records WHERE dataset = 'housing.tenancy')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := base.twin(t)
			h.tamper("UPDATE records SET " + set + concerns)
			r := h.call("supervisor", http.MethodPost, "/v1/editions", nil)
			noData(t, "edition", r)
			if r.status != http.StatusInternalServerError || strings.Contains(string(r.body), "C-1") {
				t.Errorf("%d: %s", r.status, r.body)
			}
			noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
		})
	}
}

// TestInsertedCaseLink has the administrator write case links in plain, and
// with the sealed row of another person: the analyst still has none.
func TestInsertedCaseLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	claimed := map[string]string{"nhs_number": nobody()["nhs_number"]}
	h.link("analyst", theAnalyst, "OP-OTHER", claimed).want(http.StatusCreated, nil)
	h.clock.Advance(25 * time.Hour)
	if got := h.subject("soc-investigation", "OP-OTHER", claimed); got != http.StatusForbidden {
		t.Fatalf("a claim that is over answers %d before anything was changed", got)
	}
	plain, err := json.Marshal(map[string]any{"link": "L", "state": "assigned", "by": supervisor, "at": testDay()})
	if err != nil {
		t.Fatal(err)
	}
	const links = " FROM events WHERE kind = 'case-link' AND n = 0"
	h.tamper(
		"INSERT INTO events SELECT kind, id, 1, CAST('"+string(plain)+"' AS BLOB)"+links,
		"INSERT INTO events SELECT e.kind, e.id, 10 + o.rowid, o.body FROM events e, (SELECT body, rowid"+links+") o WHERE e.kind = 'case-link' AND e.n = 0",
	)
	if got := h.subject("soc-investigation", "OP-OTHER", claimed); got != http.StatusForbidden {
		t.Errorf("status %d", got)
	}
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusOK {
		t.Errorf("the real link: status %d", got)
	}
}

// TestDestroyedKey destroys the key of one provider's records: for a person's
// profile and for an edition they are not there.
func TestDestroyedKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	ring, err := local.Open(filepath.Join(h.cfg.DataDir, gateway.KeysDir))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Destroy(t.Context(), keyring.RecordScope("ISA-TH-WMP-001", "2026-11")); err != nil {
		t.Fatal(err)
	}
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	h.start()
	var a subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &a)
	if len(a.records("telford-housing", "housing.tenancy")) != 0 || len(a.records("west-mercia-police", "police.nominal")) != 1 {
		t.Errorf("%+v", a.Sections)
	}
	h.freeze()
	area := h.area("analyst", askArea("soc-local-profile", "E06000020", "2026-08", "2026-08", "none"))
	if slices.ContainsFunc(area.cells("housing.cuckooing"), func(c cell) bool { return c.Mark != "-" }) {
		t.Errorf("counted: %v", area.cells("housing.cuckooing"))
	}
}

// TestKeyFileLost removes the key of the blind indexes: whoever is held is not
// told apart from nobody any more, so there is no answer, and no other key.
func TestKeyFileLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	for _, f := range h.keyFiles("index%2f") {
		remove(t, f)
	}
	h.start()
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
	r := h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []map[string]any{tenancy(rowan(), "T-1")})
	noData(t, "submission", r)
	if n := h.stored().records; n != int64(len(theirRows())) {
		t.Errorf("%d records", n)
	}
}
