package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/profile"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// day is when the tests play.
func day() time.Time { return time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC) }

// rules are a whole policy as files, for a test to alter.
type rules struct {
	core, agreements fstest.MapFS
	datasets         *dataset.Registry
	purposes         []policy.Purpose
}

func copied(tb testing.TB, dir string) fstest.MapFS {
	tb.Helper()
	from, err := fs.Sub(policies.Files, dir)
	if err != nil {
		tb.Fatal(err)
	}
	out := fstest.MapFS{}
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(from, name)
		out[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func shipped(tb testing.TB) rules {
	tb.Helper()
	sub, err := fs.Sub(schemas.Files, "datasets")
	if err != nil {
		tb.Fatal(err)
	}
	r := rules{core: copied(tb, "concord"), agreements: copied(tb, "agreements")}
	if r.datasets, err = dataset.Load(sub); err != nil {
		tb.Fatal(err)
	}
	raw, err := fs.ReadFile(policies.Files, "purposes.json")
	if err != nil {
		tb.Fatal(err)
	}
	if r.purposes, err = policy.LoadPurposes(raw); err != nil {
		tb.Fatal(err)
	}
	return r
}

func (r rules) register(tb testing.TB) *agreement.Register {
	tb.Helper()
	a, err := agreement.Load(r.agreements, r.datasets)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func (r rules) engine(tb testing.TB) *policy.Engine {
	tb.Helper()
	e, err := policy.New(context.Background(), policy.Config{
		Core: r.core, Agreements: r.register(tb), Purposes: r.purposes, Datasets: r.datasets, Timeout: 30 * time.Second,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// book is the rules in force, with an engine that was made of them.
func (r rules) book(tb testing.TB, e *policy.Engine) *rulebook.Book {
	tb.Helper()
	raw, err := schemas.Files.ReadFile("places.json")
	if err != nil {
		tb.Fatal(err)
	}
	places, err := dataset.LoadPlaces(raw)
	if err != nil {
		tb.Fatal(err)
	}
	draft := &rulebook.Draft{Datasets: r.datasets, Places: places}
	return rulebook.NewBook(&rulebook.Rules{Draft: draft, Agreements: r.register(tb), Policy: e})
}

// replace changes a text that must be there in a file of the core.
func (r rules) replace(tb testing.TB, name, old, to string) {
	tb.Helper()
	text := string(r.core[name].Data)
	if strings.Count(text, old) != 1 {
		tb.Fatalf("%s has %q %d times", name, old, strings.Count(text, old))
	}
	r.core[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, to, 1))}
}

// amend changes an agreement as JSON.
func (r rules) amend(tb testing.TB, id string, change func(a map[string]any)) {
	tb.Helper()
	name := id + "/agreement.json"
	var a map[string]any
	if err := json.Unmarshal(r.agreements[name].Data, &a); err != nil {
		tb.Fatal(err)
	}
	change(a)
	raw, err := json.Marshal(a)
	if err != nil {
		tb.Fatal(err)
	}
	r.agreements[name] = &fstest.MapFile{Data: raw}
}

// house is a log that real questions to the real rules are written into.
type house struct {
	tb     testing.TB
	rules  rules
	engine *policy.Engine
	keys   *local.Ring
	db     *sqlite.DB
	log    *audit.Log
	deps   profile.Deps
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{tb: tb, rules: shipped(tb)}
	h.engine = h.rules.engine(tb)
	ctx := context.Background()
	dir := tb.TempDir()
	var err error
	if h.keys, err = local.Open(dir + "/keys"); err != nil {
		tb.Fatal(err)
	}
	if h.db, err = sqlite.Open(ctx, dir+"/data", sqlite.Options{}); err != nil {
		tb.Fatal(err)
	}
	h.log, err = audit.Open(ctx, audit.Config{Store: h.db.Log(), Keys: h.keys, Origin: "concord.example/replay", Clock: day})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = h.log.Close(ctx)
		_ = h.db.Close()
		_ = h.keys.Close()
	})
	h.deps = profile.Deps{
		Rules: h.rules.book(tb, h.engine),
		Links: caselink.New(h.db.Events(), h.keys), Records: h.db.Records(), Events: h.db.Events(),
		Keys: h.keys, Log: h.log,
	}
	if _, err := h.service(day().AddDate(0, -6, 0)).Freeze(ctx, h.asking("freeze", "", 0, "ig-lead")); err != nil {
		tb.Fatal(err)
	}
	return h
}

// service answers at a time.
func (h *house) service(at time.Time) *profile.Service {
	d := h.deps
	d.Clock = func() time.Time { return at }
	return profile.New(d)
}

func (h *house) source() replay.Source { return replay.Source{Store: h.db.Log(), Keys: h.keys} }

// asking is what analyst n says about a request.
func (*house) asking(id, purpose string, n int, roles ...identity.Role) profile.Asking {
	if len(roles) == 0 {
		roles = []identity.Role{"analyst", "emergency"}
	}
	return profile.Asking{
		Principal: identity.Principal{Subject: "analyst-" + strconv.Itoa(n), Agency: "west-mercia-police", Roles: roles, Clearance: "nppv3"},
		RequestID: id, Client: "127.0.0.1", Purpose: purpose, Justification: "Named in the enquiry.", CaseRef: "OP-LANTERN",
	}
}

// someone is person n, who is found by a date of birth and names, and by a number
// where both is set.
func (h *house) someone(n int, both bool) linkage.Subject {
	h.tb.Helper()
	in := map[dataset.IdentifierType]string{
		"given_name": "Rowan" + letters(n), "family_name": "Quill" + letters(n), "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
	}
	if both {
		in["pnc_id"] = "2002/0073319Z"
	}
	s, err := linkage.NewSubject(in)
	if err != nil {
		h.tb.Fatal(err)
	}
	return s
}

// letters writes a number in letters.
func letters(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(n))
}

// assign links an analyst to a person for the usual case.
func (h *house) assign(n int, s linkage.Subject, caseRef string) {
	h.tb.Helper()
	err := h.deps.Links.Add(context.Background(), caselink.Link{
		ID: uuid.NewString(), State: caselink.Assigned, CaseRef: caseRef, Subject: s, By: "supervisor", At: day().AddDate(0, -1, 0),
		Analyst: caselink.Analyst{Subject: "analyst-" + strconv.Itoa(n), Agency: "west-mercia-police"},
	})
	if err != nil {
		h.tb.Fatal(err)
	}
}

// subject asks about a person; a refusal is an answer too.
func (h *house) subject(at time.Time, a profile.Asking, s linkage.Subject) {
	h.tb.Helper()
	if _, err := h.service(at).Subject(context.Background(), a, s); err != nil && !refused(err) {
		h.tb.Error(err)
	}
}

func (h *house) area(at time.Time, a profile.Asking) {
	h.tb.Helper()
	q := profile.AreaQuestion{Area: "E06000020", From: "2026-01", To: "2026-03", By: profile.ByMonth}
	if _, err := h.service(at).Area(context.Background(), a, q); err != nil && !refused(err) {
		h.tb.Error(err)
	}
}

func refused(err error) bool {
	return fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Limited)
}

// refuse logs a request that was refused before the policy was asked.
func (h *house) refuse(id string) {
	h.tb.Helper()
	_, err := h.log.Append(context.Background(), audit.Request{
		ID: id, Time: day(), Actor: audit.Actor{Subject: "x", Agency: "telford-housing"},
		Drafts: []audit.Draft{{Action: audit.Deny, Admin: map[string]string{"code": "role_missing"}}},
	})
	if err != nil {
		h.tb.Fatal(err)
	}
}

// variety asks n questions of every sort: for each purpose, with and without a
// case link, in emergencies, about areas and with too few roles. It returns how
// many there were.
func (h *house) variety() int {
	h.tb.Helper()
	one, other := h.someone(1, false), h.someone(2, false)
	h.assign(1, one, "OP-LANTERN")
	n := 0
	id := func() string { n++; return fmt.Sprintf("request-%04d", n) }
	for i, p := range h.rules.purposes {
		at := day().AddDate(0, 0, i)
		h.subject(at, h.asking(id(), p.ID, 1), one)
		h.subject(at, h.asking(id(), p.ID, 1), other)
		h.subject(at, h.asking(id(), p.ID, 2, "supervisor"), one)
		h.area(at, h.asking(id(), p.ID, 3))
		h.area(at, h.asking(id(), p.ID, 3, "submitter"))
	}
	for i, ground := range []string{"threat_to_life", "child_at_immediate_risk", "a whim"} {
		a := h.asking(id(), "protection-of-life", 4)
		a.Emergency = &policy.Emergency{Ground: ground, Incident: "INC-" + strconv.Itoa(i)}
		h.subject(day(), a, other)
	}
	h.subject(day(), h.asking(id(), "nosiness", 1), one)
	return n
}

// archive is a set of engines by the revision that they are given for.
type archive map[string]func() (*policy.Engine, error)

func (a archive) Engine(_ context.Context, revision string) (*policy.Engine, error) {
	f, ok := a[revision]
	if !ok {
		return nil, fault.New(fault.NotFound, "test", "nothing was archived")
	}
	return f()
}

func just(e *policy.Engine) archive {
	return archive{e.Revision(): func() (*policy.Engine, error) { return e, nil }}
}

func replayed(tb testing.TB, s replay.Source, a replay.Archive) replay.Report {
	tb.Helper()
	r, err := replay.Replay(context.Background(), s, a, replay.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	sum := int64(0)
	for _, n := range r.NotReplayable {
		sum += n
	}
	if r.Requests != r.Decisions+sum || r.Decisions != r.Identical+r.DifferingCount {
		tb.Errorf("the report does not add up: %+v", r)
	}
	return r
}
