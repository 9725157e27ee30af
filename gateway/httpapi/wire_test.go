package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/coverage"
	"github.com/concord-gateway/concord/gateway/disclosure"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/httpapi"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/limit"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/profile"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/submission"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// rig is the API wired by hand over real parts, so that a test can put
// something between two of them.
type rig struct {
	tb      testing.TB
	dir     string
	issuer  *devissuer.Issuer
	handler http.Handler
}

// between are what a test may put in front of a part.
type between struct {
	// store stands in front of the store of the log.
	store func(audit.Store) audit.Store
	// log stands in front of the log, as profiles see it.
	log func(*audit.Log) profile.Log
	// events stands in front of the store of events.
	events func(event.Store) event.Store
	// limits bounds what is asked; nil means that nothing does.
	limits *limit.Limiter
	// identity stands in place of the verifier, or wrap in front of it.
	identity httpapi.Verifier
	wrap     func(httpapi.Verifier) httpapi.Verifier
	// publicURL is the address of the API.
	publicURL string
	// beside, where set, is a rig whose folder this one works on too, as a
	// gateway of its own.
	beside *rig
}

func newRig(tb testing.TB, mid between) *rig {
	tb.Helper()
	var dir string
	var issuer *devissuer.Issuer
	if mid.beside != nil {
		dir, issuer = mid.beside.dir, mid.beside.issuer
	} else {
		dir = tb.TempDir()
		must(tb, os.Chmod(dir, 0o700))
		issuer = value(devissuer.Create(filepath.Join(dir, "issuer"), devissuer.Agencies()...))(tb)
	}
	verifier := httpapi.Verifier(value(identity.NewVerifier(value(issuer.Trusted())(tb), time.Now))(tb))
	if mid.identity != nil {
		verifier = mid.identity
	}
	if mid.wrap != nil {
		verifier = mid.wrap(verifier)
	}
	draft := value(rulebook.Read(value(bundle.Gather(policies.Files, schemas.Files))(tb)))(tb)
	book := rulebook.NewBook(value(draft.Rules(tb.Context(), draft.Newest()))(tb))
	db := value(sqlite.Open(tb.Context(), filepath.Join(dir, "data"), sqlite.Options{}))(tb)
	keys := value(local.Open(filepath.Join(dir, "keys")))(tb)
	store, events := db.Log(), db.Events()
	if mid.store != nil {
		store = mid.store(store)
	}
	if mid.events != nil {
		events = mid.events(events)
	}
	log := value(audit.Open(tb.Context(), audit.Config{Store: store, Keys: keys, Origin: "concord.example/test"}))(tb)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		_ = log.Close(ctx)
		_ = keys.Close()
		_ = db.Close()
	})
	logOfProfiles := profile.Log(log)
	if mid.log != nil {
		logOfProfiles = mid.log(log)
	}
	return &rig{tb: tb, dir: dir, issuer: issuer, handler: httpapi.New(httpapi.Deps{
		Identity: verifier, Rules: book, Log: log,
		Submissions: submission.New(submission.Deps{
			Rules: book, Records: db.Records(), Events: events, Spool: db.Spool(), Keys: keys, Log: log, Clock: time.Now,
		}),
		Profiles: profile.New(profile.Deps{
			Rules: book, Links: caselink.New(events, keys),
			Records: db.Records(), Events: events, Keys: keys, Log: logOfProfiles, Clock: time.Now,
		}),
		Disclosures: disclosure.New(log, db.Log()),
		Coverage:    &coverage.Service{Rules: book, Events: events, Clock: time.Now},
		Ready:       func(context.Context) error { return nil },
		PublicURL:   mid.publicURL,
		Clock:       time.Now, Logger: discard(), Limits: mid.limits,
	})}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// value takes the result of a call that must not fail.
func value[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		must(tb, err)
		return v
	}
}

// token is a bearer token for somebody of an agency.
func (r *rig) token(agency, name string, roles ...identity.Role) string {
	r.tb.Helper()
	return value(r.issuer.Mint(devissuer.Claims{
		Agency: agency, Subject: name + "@" + agency + ".example", Roles: roles, Clearance: "nppv3",
	}, time.Hour))(r.tb)
}

// call serves one request without a network.
func (r *rig) call(token, method, path string, body []byte) *httptest.ResponseRecorder {
	return r.callIn(r.tb.Context(), token, method, path, body)
}

// callIn does the same in a context of its own.
func (r *rig) callIn(ctx context.Context, token, method, path string, body []byte) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return w
}

// want serves one request that must be answered so.
func (r *rig) want(status int, token, method, path string, body any) []byte {
	r.tb.Helper()
	w := r.call(token, method, path, value(json.Marshal(body))(r.tb))
	if w.Code != status {
		r.tb.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	return w.Body.Bytes()
}

// person is one of the synthetic people of the tests.
func person(n int) map[string]string {
	const alphabet = "ZABCDEFGHJKLMNPQRTUVWXY"
	return map[string]string{
		"pnc_id":     fmt.Sprintf("2005/%07d%c", n, alphabet[(5*10_000_000+n)%23]),
		"given_name": "Rowan", "family_name": fmt.Sprintf("Quill%s", letters(n)), "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
	}
}

// letters writes a number in letters, since a name has no digits.
func letters(n int) string {
	out := []byte{}
	for ; n > 0; n /= 26 {
		out = append(out, byte('a'+n%26))
	}
	return string(out)
}

// rowOf is a row about a person.
func rowOf(who map[string]string, rest map[string]any, ids ...string) map[string]any {
	for _, id := range append(ids, "given_name", "family_name", "date_of_birth", "postcode") {
		rest[id] = who[id]
	}
	rest["area"] = "E06000020"
	return rest
}

// fill submits a tenancy, a concern and a nominal of n people, and links them
// all to the analysts named.
func (r *rig) fill(n int, analysts ...string) {
	r.tb.Helper()
	var tenancies, concerns, nominals []any
	for i := range n {
		who := person(i)
		tenancies = append(tenancies, rowOf(who, map[string]any{
			"source_id": fmt.Sprintf("T-%d", i), "uprn": "100023336956", "tenancy_type": "secure", "tenancy_status": "current",
			"tenancy_start": "2024-03-04", "fact_or_opinion": "fact", "subject_category": "not_known",
		}))
		concerns = append(concerns, rowOf(who, map[string]any{
			"source_id": fmt.Sprintf("C-%d", i), "uprn": "100023336956", "concern_type": "cuckooing", "reported_on": "2026-03-17",
			"severity": "high", "status": "open", "fact_or_opinion": "opinion", "subject_category": "victim",
		}))
		nominals = append(nominals, rowOf(who, map[string]any{
			"source_id": fmt.Sprintf("N-%d", i), "recorded_on": "2026-02-02", "soc_role": "peripheral", "crime_type": "drugs",
			"grading": "2BP", "fact_or_opinion": "opinion", "subject_category": "suspect",
		}, "pnc_id"))
	}
	housing, police := r.token("telford-housing", "s", identity.Submitter), r.token(devissuer.Police, "s", identity.Submitter)
	r.want(http.StatusCreated, housing, http.MethodPost, "/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001", tenancies)
	r.want(http.StatusCreated, housing, http.MethodPost, "/v1/datasets/housing.concern/submissions?agreement=ISA-TH-WMP-001", concerns)
	r.want(http.StatusCreated, police, http.MethodPost, "/v1/datasets/police.nominal/submissions?agreement=ISA-WMP-WMP-001", nominals)
	supervisor := r.token(devissuer.Police, "supervisor", identity.Supervisor)
	for _, analyst := range analysts {
		for i := range n {
			r.want(http.StatusCreated, supervisor, http.MethodPost, "/v1/case-links", map[string]any{
				"case_ref": "OP-LANTERN", "analyst": analyst + "@" + devissuer.Police + ".example", "subject": map[string]string{"pnc_id": person(i)["pnc_id"]},
			})
		}
	}
}

// question asks about a person by the PNC ID.
func question(n int) []byte {
	raw, _ := json.Marshal(map[string]any{
		"purpose": "soc-investigation", "justification": "needed for the operation", "case_ref": "OP-LANTERN",
		"subject": map[string]string{"pnc_id": person(n)["pnc_id"]},
	})
	return raw
}
