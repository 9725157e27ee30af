package gateway_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

const (
	landlord = "telford-housing"
	force    = "west-mercia-police"
)

// withheldField and openField are a line of the sample agreement about the
// household's size, for an investigation, before and after it is opened.
const (
	withheldField = `"/household_size": "withhold"`
	openField     = `"/household_size": "full"`
)

// treatments asks about the person and returns how the housing provider's
// tenancy was treated.
func (h *house) treatments() map[string]string {
	h.t.Helper()
	a := h.find("soc-investigation", rowan())
	for _, s := range a.Sections {
		if s.Provider == landlord && s.Dataset == "housing.tenancy" && len(s.Records) > 0 {
			return s.Records[0].Treatments
		}
	}
	return nil
}

// opened reports whether the household's size goes out.
func (h *house) opened() bool {
	h.t.Helper()
	return h.treatments()["/household_size"] == "full"
}

// fillHouseholds submits the person's tenancy with the size of the household.
func (h *house) fillHouseholds() {
	h.t.Helper()
	with := tenancy(rowan(), "T-1")
	with["household_size"] = 3
	if got := h.submit(sent{"housing-submitter", "housing.tenancy", housingISA, []map[string]any{with}}); got.Accepted != 1 {
		h.t.Fatalf("%+v", got)
	}
	h.assign(rowan())
}

// versions are the states of the agreement's versions as the register shows them.
func (h *house) versions() map[int]string {
	h.t.Helper()
	var page struct {
		Items []struct {
			ID, Status string
			Version    int
		}
	}
	h.call("analyst", http.MethodGet, "/v1/agreements", nil).want(http.StatusOK, &page)
	out := map[int]string{}
	for _, i := range page.Items {
		if i.ID == housingISA {
			out[i.Version] = i.Status
		}
	}
	return out
}

// TestAgreementGoesLiveOnItsDate has both parties sign a new version for
// tomorrow: until then the old one holds, from then on the new one, without a
// restart, and both parties' registers and the log tell so. Every decision of
// both days replays, by the rules of its own day.
func TestAgreementGoesLiveOnItsDate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	from := testDay().AddDate(0, 0, 1)
	p := h.propose().next(housingISA, withheldField, openField).sign(housingISA, 2, from, "", landlord, force)
	if err := h.offer(p.bundle(2)); err != nil {
		t.Fatal(err)
	}
	if h.opened() {
		t.Error("the new version holds before its date")
	}
	if got := h.versions(); got[1] != "active" || got[2] != "approved" {
		t.Errorf("%v", got)
	}
	h.clock.Advance(25 * time.Hour)
	if err := h.gw.RefreshRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !h.opened() {
		t.Error("the new version does not hold after its date")
	}
	if got := h.versions(); got[2] != "active" || len(got) != 1 {
		t.Errorf("%v", got)
	}
	items, _ := h.register("housing-ig")
	if !slices.ContainsFunc(items, func(i audit.Indexed) bool {
		return i.Entry.Admin["kind"] == activation.KindLive && i.Entry.Admin["version"] == "2"
	}) {
		t.Error("the provider's register does not tell that the new version is live")
	}
	h.restart()
	if !h.opened() {
		t.Error("the new version does not hold after a restart")
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	h.stop()
	r, err := gateway.Replay(t.Context(), h.cfg, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || r.Identical != 3 || len(r.Revisions) != 2 {
		t.Errorf("%+v", r)
	}
}

// TestInvariant02OnePartyAlone offers what only one party has signed, or a
// stranger to the agreement, or the author: the old version holds.
func TestInvariant02OnePartyAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	for i, agencies := range [][]string{{landlord}, {force}, {"mercia-health", force}, {}} {
		p := h.propose().next(housingISA, withheldField, openField).sign(housingISA, 2, testDay(), "", agencies...)
		if len(agencies) == 0 {
			delete(p.files, "agreements/"+housingISA+"/next/approval.note")
		}
		if err := h.offer(p.bundle(int64(2 + i))); err != nil {
			t.Fatal(err)
		}
		if h.opened() {
			t.Errorf("signed by %v alone, it holds", agencies)
		}
		want := "awaiting-signature"
		if len(agencies) == 0 {
			want = "draft"
		}
		if got := h.versions(); got[1] != "active" || got[2] != want {
			t.Errorf("signed by %v: %v", agencies, got)
		}
	}
}

// TestBundleRefused offers what must not come into force: the rules in force
// stay, the refusal is logged once with its code, and requests go on.
func TestBundleRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	now := testDay()
	if err := h.offer(h.propose().bundle(5)); err != nil {
		t.Fatal(err)
	}
	before := h.gw.Revision()
	both := []string{landlord, force}
	next := func() *proposal { return h.propose().next(housingISA, withheldField, openField) }
	for _, c := range []struct {
		name, code string
		raw        []byte
	}{
		{"not a bundle", bundle.CodeForm, []byte("not a bundle")},
		{"unsigned", bundle.CodeUnsigned, packed(t, h.propose().files)},
		{"signed by an approver", bundle.CodeSignature, otherAuthor(t, h.propose().files)},
		{"tampered", bundle.CodeSignature, tampered(t, h.propose().bundle(6))},
		{"delta", bundle.CodeDelta, packed(t, map[string][]byte{"patch.json": []byte(`{"data":[{"op":"remove","path":"/a"}]}`)})},
		{"older", activation.CodeOlder, h.propose().bundle(4)},
		{"of the same number", activation.CodeOlder, next().bundle(5)},
		{"agreement dropped", activation.CodeApproval, dropped(h.propose()).bundle(6)},
		{"agreement altered in its place", activation.CodeApproval,
			h.propose().edit("agreements/"+housingISA+"/agreement.json", withheldField, openField).bundle(6)},
		{"altered and signed by one", activation.CodeApproval,
			h.propose().edit("agreements/"+housingISA+"/agreement.json", withheldField, openField).sign(housingISA, 1, now, "", landlord).bundle(6)},
		{"core altered", activation.CodeApproval, h.propose().edit("concord/release/demands.rego", "_now < demands.ends", "_now < demands.ends + 1").bundle(6)},
		{"schema altered", activation.CodeApproval, h.propose().edit("datasets/housing.tenancy.schema.json", "People in the household", "Household").bundle(6)},
		{"purposes altered", activation.CodeApproval, h.propose().edit("purposes.json", "Enforcement of a tenancy", "Tenancy").bundle(6)},
		{"signed without an impact report", activation.CodeImpact, next().sign(housingISA, 2, now, "none", both...).bundle(6)},
		{"impact report about something else", activation.CodeImpact, next().sign(housingISA, 2, now, `{"digests":{}}`, both...).bundle(6)},
		{"impact report altered", activation.CodeImpact,
			next().sign(housingISA, 2, now, "", both...).edit("agreements/"+housingISA+"/next/impact.json", "{", "{ ").bundle(6)},
		{"review past", activation.CodeOverdue,
			h.propose().next(housingISA, `"review": "2027-03-31"`, `"review": "2026-10-31"`).sign(housingISA, 2, now, "", both...).bundle(6)},
		{"agreement of another form", "schema", h.propose().next(housingISA, `"valid"`, `"validity"`).bundle(6)},
		{"law broken", "basis-missing", h.propose().next(housingISA, `"legal_power"`, `"$comment": "x", "legal_powers"`).bundle(6)},
		{"does not compile", "policy-invalid",
			h.propose().edit("concord/release/demands.rego", "package concord.release", "package concord.release\n\nx := http.send({})").bundle(6)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := h.in(t)
			err := h.offer(c.raw)
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v", err)
			}
			if h.gw.Revision() != before || h.opened() {
				t.Error("the rules in force have changed")
			}
			if err := h.gw.RefreshRules(t.Context()); err != nil {
				t.Errorf("looking again: %v", err)
			}
			refused := h.entries("&action=admin&purpose=" + activation.Purpose + "&limit=1")[0].Entry
			if refused.Admin["kind"] != activation.KindRefused {
				t.Fatalf("the newest entry about rules is %v", refused.Admin)
			}
			var f *fault.Error
			if errors.As(err, &f); c.code != "policy-invalid" && f.Code != c.code || refused.Admin["code"] != c.code {
				t.Errorf("refused with %v and logged with %q, want %q", err, refused.Admin["code"], c.code)
			}
		})
	}
	// What is right is taken still, and a restart with a bad bundle in its place
	// goes on with it.
	if err := h.offer(next().sign(housingISA, 2, now, "", both...).bundle(6)); err != nil {
		t.Fatal(err)
	}
	if !h.opened() {
		t.Error("the good bundle is not in force")
	}
	write(t, h.cfg.Policy.Bundle, "not a bundle")
	h.restart()
	if !h.opened() {
		t.Error("the last good rules do not hold after a restart")
	}
	if !strings.Contains(h.logs.String(), bundle.CodeForm) {
		t.Error("the operator is not told of the refused bundle")
	}
}

func packed(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	raw, err := bundle.Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// otherAuthor signs files as somebody who is no author.
func otherAuthor(t *testing.T, files bundle.Files) []byte {
	t.Helper()
	private, _, err := approvalKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bundle.Build(files, 6, private)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// tampered changes one letter of one file of a signed bundle.
func tampered(t *testing.T, raw []byte) []byte {
	t.Helper()
	files, err := bundle.Unpack(raw)
	if err != nil {
		t.Fatal(err)
	}
	name := "agreements/" + housingISA + "/agreement.json"
	files[name] = bytes.Replace(files[name], []byte(withheldField), []byte(openField), 1)
	return packed(t, files)
}

func dropped(p *proposal) *proposal {
	for name := range p.files {
		if strings.HasPrefix(name, "agreements/"+housingISA+"/") {
			delete(p.files, name)
		}
	}
	return p
}

// TestCorePolicyNeedsEveryParty takes a new core only when the parties of every
// live agreement have signed it.
func TestCorePolicyNeedsEveryParty(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	before := h.gw.Revision()
	core := func() *proposal {
		return h.propose().edit("concord/release/kept.rego", "stays with its provider", "remains with its provider")
	}
	from := testDay().Add(time.Hour)
	lacking := core().signAll(from).sign("ISA-WMP-SH-001", 1, from, "", force)
	if err := h.offer(lacking.bundle(2)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "severn-homes") {
		t.Fatalf("got %v", err)
	}
	// Signed by all for the next hour: refused until then, and taken by itself.
	if err := h.offer(core().signAll(from).bundle(3)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "is taken when its day comes") {
		t.Fatalf("got %v", err)
	}
	if h.gw.Revision() != before {
		t.Error("the core changed before its time")
	}
	h.clock.Advance(2 * time.Hour)
	if err := h.gw.RefreshRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.gw.Revision() == before {
		t.Error("the core that everybody signed is not in force")
	}
}

// TestSuspend stops an agreement by the word of one party, at once and over a
// restart, for releases and submissions; only a version that both sign goes on.
func TestSuspend(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	path := "/v1/agreements/" + housingISA + "/suspend"
	reason := map[string]string{"reason": "The assessment is being done again."}
	h.call("approver-health", http.MethodPost, path, reason).problem(http.StatusForbidden, "not_own")
	h.call("housing-ig", http.MethodPost, path, reason).problem(http.StatusForbidden, "role_missing")
	h.call("approver-housing", http.MethodPost, "/v1/agreements/ISA-NO-NE-001/suspend", reason).problem(http.StatusForbidden, "not_own")
	h.call("approver-housing", http.MethodPost, path, map[string]string{"reason": ""}).problem(http.StatusBadRequest, "required")
	h.call("approver-housing", http.MethodPost, path, map[string]string{"reason": strings.Repeat("x", 501)}).problem(http.StatusBadRequest, "reason-form")
	if h.treatments() == nil {
		t.Fatal("nothing is released before")
	}
	var done struct {
		Version    int
		Status     string
		Suspended  struct{ On, By string }
		AuditIndex int64 `json:"audit_index"`
	}
	h.call("approver-housing", http.MethodPost, path, reason).want(http.StatusOK, &done)
	if done.Version != 1 || done.Status != "suspended" || done.Suspended.By != landlord || done.Suspended.On != "2026-11-22" {
		t.Errorf("%+v", done)
	}
	h.call("approver-police", http.MethodPost, path, reason).problem(http.StatusConflict, "agreement-suspended")
	entry := h.durable(done.AuditIndex)
	if entry.Admin["kind"] != activation.KindSuspended || entry.Provider != landlord || strings.Contains(string(mustJSON(t, entry)), "assessment") {
		t.Errorf("%+v", entry)
	}
	for range 2 { // before and after a restart
		a := h.find("soc-investigation", rowan())
		if why := a.whyWithheld(landlord, "housing.tenancy"); !slices.Contains(why, "suspended") || len(a.records(landlord, "housing.tenancy")) > 0 {
			t.Errorf("withheld as %v", why)
		}
		h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", housingISA), []any{tenancy(rowan(), "T-2")}).
			problem(http.StatusForbidden, "agreement-suspended")
		if got := h.versions(); got[1] != "suspended" {
			t.Errorf("%v", got)
		}
		h.restart()
	}
	// What both signed before the suspension, or without naming it, does not lift it.
	next := func() *proposal { return h.propose().next(housingISA, withheldField, openField) }
	if err := h.offer(next().sign(housingISA, 2, testDay(), "", landlord, force).bundle(2)); err != nil {
		t.Fatal(err)
	}
	if got := h.versions(); got[2] != "suspended" || h.treatments() != nil {
		t.Errorf("a version that does not name the suspension lifts it: %v", got)
	}
	p := next()
	p.lifts = done.AuditIndex
	if err := h.offer(p.sign(housingISA, 2, testDay(), "", landlord, force).bundle(3)); err != nil {
		t.Fatal(err)
	}
	if !h.opened() {
		t.Error("the version by which both lift the suspension does not hold")
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestImpactOverHTTP asks what a candidate would change, as the force's author,
// and as a partner's approver, who hears of the partner's own data only.
func TestImpactOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	for range 3 {
		h.opened()
	}
	candidate := string(h.propose().next(housingISA, withheldField, openField).bundle(2))
	ask := func(persona string) replay.ImpactReport {
		var r replay.ImpactReport
		h.call(persona, http.MethodPost, "/v1/policy/impact", candidate, "Content-Type", "application/gzip").want(http.StatusOK, &r)
		return r
	}
	want := []replay.Change{{
		Provider: landlord, Dataset: "housing.tenancy", Field: "/household_size", Kind: replay.Released, From: "withhold", To: "full",
		Requests: 3, Subjects: 1,
	}}
	coarse := slices.Clone(want) // outside the force counts are rounded up
	coarse[0].Requests, coarse[0].Subjects = 10, 10
	for persona, changes := range map[string][]replay.Change{"policy-author": want, "approver-housing": coarse, "approver-health": {}} {
		if r := ask(persona); !slices.Equal(r.Changes, changes) || len(r.Digests[housingISA]) != 64 {
			t.Errorf("%s: %+v", persona, r)
		}
	}
	post := func(body string, headers ...string) *response {
		return h.call("policy-author", http.MethodPost, "/v1/policy/impact", body, headers...)
	}
	post(candidate).problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	post("not a bundle", "Content-Type", "application/gzip").problem(http.StatusBadRequest, bundle.CodeForm)
	post(string(packed(t, h.propose().files)), "Content-Type", "application/gzip").problem(http.StatusBadRequest, bundle.CodeUnsigned)
	reading := h.entries("&action=verify&actor=policy-author@west-mercia-police.example")
	if len(reading) == 0 || reading[0].Entry.Admin["route"] != "policy.impact" || len(reading[0].Entry.Admin["bundle_sha256"]) != 64 {
		t.Error("reading the facts of the log is not logged")
	}
}

// TestApproversComeFromConfiguration refuses a configuration by which the author
// approves, and one by which nobody's word counts releases nothing.
func TestApproversComeFromConfiguration(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	h.stop()
	cfg := *h.cfg
	cfg.Policy.Authors = []config.Signatory{{Subject: "another@west-mercia-police.example", Key: cfg.Policy.Approvers[0].Key}}
	_, err := gateway.New(t.Context(), &cfg, gateway.Options{Clock: h.clock.Now})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "one key") {
		t.Errorf("got %v", err)
	}
	h.cfg.Policy.Approvers = nil
	h.start()
	h.assign(rowan())
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).problem(http.StatusForbidden, "nothing-permitted")
	if !strings.Contains(h.logs.String(), "no agreement is live") {
		t.Error("the operator is not told that nothing is live")
	}
}

// TestArchiveLost refuses to start when what was in force last is not in the
// store any more.
func TestArchiveLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	db, err := sql.Open("sqlite", filepath.Join(h.cfg.DataDir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"DROP TRIGGER events_no_delete", "DELETE FROM events WHERE kind = 'policy-archive'"} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = gateway.New(t.Context(), h.cfg, gateway.Options{Clock: h.clock.Now})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "archive") {
		t.Errorf("got %v", err)
	}
}
