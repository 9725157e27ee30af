package activation_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/demo"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

const housing = "ISA-TH-WMP-001"

// start is when the tests play.
func start() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

var errWeak = errors.New("the weak spot gave way")

// world is a store, a log and the parties' keys, and what can fail in them.
type world struct {
	t       *testing.T
	parties *demo.Parties
	files   bundle.Files
	dir     string
	db      *sqlite.DB
	log     *audit.Log
	now     time.Time
	// lifts is the suspension that the next successor puts an end to.
	lifts int64
	// deaf makes the log, full the archive, refuse what is written.
	deaf, full bool
}

// theParties and theFiles are made once: keys and approvals are costly.
var theParties = sync.OnceValues(demo.NewParties)

var theFiles = sync.OnceValues(func() (bundle.Files, error) {
	p, err := theParties()
	if err != nil {
		return nil, err
	}
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		return nil, err
	}
	return p.Sign(files, start().AddDate(0, -1, 0))
})

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, dir: dir, now: start()}
	var err error
	if w.parties, err = theParties(); err != nil {
		t.Fatal(err)
	}
	if w.files, err = theFiles(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if w.db, err = sqlite.Open(t.Context(), dir, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w.log, err = audit.Open(t.Context(), audit.Config{Store: w.db.Log(), Keys: keys, Origin: "concord.example/test", Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.log.Close(context.WithoutCancel(t.Context()))
		_ = keys.Close()
		_ = w.db.Close()
	})
	w.offer(w.files, 1)
	return w
}

func (w *world) clock() time.Time { return w.now }

// weakLog is the log with its weak spot.
type weakLog struct {
	*audit.Log

	w *world
}

func (l weakLog) Append(ctx context.Context, r audit.Request) (audit.Receipt, error) {
	if l.w.deaf {
		return audit.Receipt{}, fault.Wrap(fault.Unavailable, "test", "the log does not answer", errWeak)
	}
	return l.Log.Append(ctx, r)
}

// weakEvents are the event rows with their weak spot.
type weakEvents struct {
	event.Store

	w *world
}

func (e weakEvents) Insert(ctx context.Context, row event.Event) error {
	if e.w.full {
		return fault.Wrap(fault.Unavailable, "test", "the store does not answer", errWeak)
	}
	return e.Store.Insert(ctx, row)
}

func (w *world) bundlePath() string { return filepath.Join(w.dir, "bundle.tar.gz") }

// offer writes a bundle in the place of the one before.
func (w *world) offer(files bundle.Files, sequence int64) {
	w.t.Helper()
	raw, err := w.parties.Bundle(files, sequence)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(raw)
}

func (w *world) write(raw []byte) {
	w.t.Helper()
	tmp := w.bundlePath() + ".new"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(tmp, w.bundlePath()); err != nil {
		w.t.Fatal(err)
	}
}

// open opens the service, as a gateway that starts does.
func (w *world) open() (*activation.Service, error) {
	w.t.Helper()
	cfg := w.parties.Config
	approvers := make([]approval.Approver, len(cfg.Approvers))
	for i, a := range cfg.Approvers {
		approvers[i] = approval.Approver{Agency: a.Agency, Subject: a.Subject, Key: a.Key}
	}
	known, err := approval.NewApprovers(approvers)
	if err != nil {
		w.t.Fatal(err)
	}
	authors := []bundle.Author{{Subject: cfg.Authors[0].Subject, Key: cfg.Authors[0].Key}}
	return activation.Open(w.t.Context(), activation.Deps{
		Source: activation.BundleFile(w.bundlePath(), authors), Approvers: known, Log: weakLog{w.log, w},
		Events: weakEvents{w.db.Events(), w}, Origin: "concord.example/test", Clock: w.clock, Logger: slog.New(slog.DiscardHandler),
	})
}

func (w *world) mustOpen() *activation.Service {
	w.t.Helper()
	s, err := w.open()
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// successor is the next version of the agreement, signed by both parties.
func (w *world) successor(files bundle.Files, version int, from time.Time) bundle.Files {
	w.t.Helper()
	out := maps.Clone(files)
	folder := "agreements/" + housing + "/next/"
	text := string(files["agreements/"+housing+"/agreement.json"])
	out[folder+"agreement.json"] = []byte(strings.Replace(text, `"version": 1`, `"version": `+string(rune('0'+version)), 1))
	draft, err := rulebook.Read(out)
	if err != nil {
		w.t.Fatal(err)
	}
	digest := draft.Digest(rulebook.Version{Agreement: housing, Version: version})
	report, err := json.Marshal(replay.ImpactReport{Current: w.revision(), Digests: map[string]string{housing: digest}})
	if err != nil {
		w.t.Fatal(err)
	}
	out[folder+rulebook.ImpactFile] = report
	out[folder+rulebook.ApprovalFile], err = w.parties.Approve(approval.Statement{
		Agreement: housing, Version: version, Digest: digest, LiveFrom: from, Impact: approval.ImpactHash(report), Lifts: w.lifts,
	}, nil, "telford-housing", "west-mercia-police")
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// revision is the one that the log names as the newest.
func (w *world) revision() string {
	w.t.Helper()
	r, err := activation.Latest(w.t.Context(), w.db.Log(), w.db.Events())
	if err != nil {
		w.t.Fatal(err)
	}
	return r.Revision()
}

// version is the live version of the agreement, and whether it is suspended.
func version(s *activation.Service) (live int, suspended bool) {
	a, ok := s.Book().Current().Agreements.Get(housing)
	if !ok {
		return 0, false
	}
	return a.Version, a.Suspended != nil
}

// about are the kinds of the entries about rules, oldest first, without those
// that say of one agreement of many that it is live.
func (w *world) about() []string {
	w.t.Helper()
	found, err := w.log.Search(w.t.Context(), audit.Query{Purpose: activation.Purpose, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range slices.Backward(found) {
		if kind := e.Entry.Admin["kind"]; kind != activation.KindLive || e.Entry.Admin["agreement"] == housing {
			out = append(out, kind)
		}
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Rules are in force only once the archive and the log have them.
func TestInvariant01RulesAreLoggedBeforeTheyHold(t *testing.T) {
	for name, weak := range map[string]func(w *world, on bool){
		"log":     func(w *world, on bool) { w.deaf = on },
		"archive": func(w *world, on bool) { w.full = on },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			weak(w, true)
			if s, err := w.open(); s != nil || !fault.Is(err, fault.Unavailable) {
				t.Fatalf("it opened, or failed with %v", err)
			}
			weak(w, false)
			s := w.mustOpen()
			before := s.Book().Current()
			weak(w, true)
			w.offer(w.successor(w.files, 2, w.now), 2)
			if err := s.Refresh(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
			if s.Book().Current() != before {
				t.Error("rules are in force that are not logged or not archived")
			}
			weak(w, false)
			// The file has not changed since; what could not be done is done again.
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if v, _ := version(s); v != 2 {
				t.Errorf("version %d is live once all answers again", v)
			}
		})
	}
}

// A restart comes to the same rules, and says nothing twice.
func TestRestartSaysNothingTwice(t *testing.T) {
	w := newWorld(t)
	first := w.mustOpen().Book().Current().Revision()
	for range 2 {
		if again := w.mustOpen().Book().Current().Revision(); again != first {
			t.Errorf("revision %s, then %s", first, again)
		}
	}
	same(t, "entries", w.about(), []string{activation.KindLive, activation.KindActivated})
}

// Two gateways on one log come to the same rules: what one suspends, the other
// learns.
func TestTwoGatewaysOnOneLog(t *testing.T) {
	w := newWorld(t)
	one, other := w.mustOpen(), w.mustOpen()
	order := activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "telford-housing", Roles: []identity.Role{identity.Approver}},
		RequestID: "r-1", Agreement: housing, Reason: "under review",
	}
	if _, err := one.Suspend(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, s := range []*activation.Service{one, other, w.mustOpen()} {
		if v, suspended := version(s); v != 1 || !suspended {
			t.Errorf("gateway %d: version %d, suspended %t", i, v, suspended)
		}
		a, _ := s.Book().Current().Agreements.Get(housing)
		if a.Suspended.On != "2026-11-22" || a.Suspended.By != "telford-housing" || strings.Contains(a.Suspended.Reason, "under review") {
			t.Errorf("gateway %d: %+v", i, *a.Suspended)
		}
	}
	if one.Book().Current().Revision() != other.Book().Current().Revision() {
		t.Error("the two have other rules")
	}
	if _, err := other.Suspend(t.Context(), order); !fault.Is(err, fault.Conflict) {
		t.Errorf("suspended twice: %v", err)
	}
}

// What cannot be logged is not suspended, and the caller is told.
func TestSuspendFailsClosed(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.deaf = true
	_, err := s.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "telford-housing"}, RequestID: "r-1", Agreement: housing, Reason: "x",
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	w.deaf = false
	if _, suspended := version(s); suspended {
		t.Error("a suspension holds that the log does not know")
	}
	if _, err := s.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "telford-housing"}, RequestID: "r-2", Agreement: "ISA-NONE-1", Reason: "x",
	}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown agreement: %v", err)
	}
}

// A suspension stops what is approved for later too, and what was signed before
// it, by one party or by both. Only a version whose parties name it goes on.
func TestSuspensionOfWhatIsToCome(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.offer(w.successor(w.files, 2, w.now.Add(time.Hour)), 2)
	refresh(t, s)
	held := w.successor(w.files, 3, w.now) // signed before, and kept back by the author
	done, err := s.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "west-mercia-police"}, RequestID: "r-1", Agreement: housing, Reason: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	stands(t, s, "at once", 1, true)
	w.now = w.now.Add(2 * time.Hour)
	refresh(t, s)
	stands(t, s, "on the day of the next version", 2, true)
	w.offer(held, 3)
	refresh(t, s)
	stands(t, s, "a version signed before the suspension", 3, true)
	w.lifts = done.Suspension.Entry + 1
	w.offer(w.successor(w.files, 4, w.now), 4)
	refresh(t, s)
	stands(t, s, "a version that names another suspension", 4, true)
	w.lifts = done.Suspension.Entry
	w.offer(w.successor(w.files, 5, w.now), 5)
	refresh(t, s)
	stands(t, s, "a version that lifts it", 5, false)
	stands(t, w.mustOpen(), "after a restart", 5, false)
}

func refresh(t *testing.T, s *activation.Service) {
	t.Helper()
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stands(t *testing.T, s *activation.Service, when string, version int, suspended bool) {
	t.Helper()
	a, ok := s.Book().Current().Agreements.Get(housing)
	if !ok || a.Version != version || (a.Suspended != nil) != suspended {
		t.Errorf("%s: version %d, suspended %t", when, a.Version, a.Suspended != nil)
	}
}

// A bundle that brings nothing new into force, but a version that waits for its
// day, is what a restart goes on with.
func TestRestartWhileAVersionWaits(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.offer(w.successor(w.files, 2, w.now.Add(time.Hour)), 2)
	refresh(t, s)
	again := w.mustOpen()
	w.now = w.now.Add(2 * time.Hour)
	for when, s := range map[string]*activation.Service{"gone on": s, "restarted before": again, "restarted after": w.mustOpen()} {
		refresh(t, s)
		stands(t, s, when, 2, false)
	}
	same(t, "refusals", kinds(w.about(), activation.KindRefused), nil)
	same(t, "told beforehand", kinds(w.about(), activation.KindApproved), []string{activation.KindApproved})
}

func kinds(all []string, kind string) (out []string) {
	for _, k := range all {
		if k == kind {
			out = append(out, k)
		}
	}
	return out
}

// What all parties have approved for later, nobody takes away alone.
func TestApprovedVersionIsNotDropped(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.offer(w.successor(w.files, 2, w.now.Add(time.Hour)), 2)
	refresh(t, s)
	w.offer(w.files, 3)
	if err := s.Refresh(t.Context()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "version 2, is not among the files") {
		t.Errorf("got %v", err)
	}
}

// Without its bundle file a gateway still learns of suspensions and dates.
func TestSuspensionWithoutABundleFile(t *testing.T) {
	w := newWorld(t)
	one, other := w.mustOpen(), w.mustOpen()
	if err := os.Remove(w.bundlePath()); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "telford-housing"}, RequestID: "r-1", Agreement: housing, Reason: "x",
	}); err != nil {
		t.Fatal(err)
	}
	if err := other.Refresh(t.Context()); !fault.Is(err, fault.Invalid) {
		t.Errorf("the missing file: %v", err)
	}
	stands(t, other, "without its file", 1, true)
}

// A suspension that is logged, but cannot be brought into force, stops
// everything until it is.
func TestSuspensionThatCannotBeEnforced(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.full = true
	if _, err := s.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "telford-housing"}, RequestID: "r-1", Agreement: housing, Reason: "x",
	}); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if !s.Book().Halted() {
		t.Error("answers go on under an agreement that the log says is suspended")
	}
	w.full = false
	refresh(t, s)
	if s.Book().Halted() {
		t.Error("nothing is answered although the suspension holds")
	}
	stands(t, s, "afterwards", 1, true)
}

// A clock that goes back brings no earlier version back.
func TestClockThatGoesBack(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.now = w.now.Add(2 * time.Hour)
	w.offer(w.successor(w.files, 2, w.now.Add(-time.Hour)), 2)
	refresh(t, s)
	w.now = w.now.Add(-90 * time.Minute)
	refresh(t, s)
	stands(t, s, "in the past", 2, false)
	stands(t, w.mustOpen(), "restarted in the past", 2, false)
}

// A bundle that is refused is logged once, over restarts too, and the first one
// of all as well.
func TestRefusedOnce(t *testing.T) {
	w := newWorld(t)
	w.write([]byte("not a bundle"))
	for range 3 {
		if _, err := w.open(); !fault.Is(err, fault.Invalid) {
			t.Fatalf("got %v", err)
		}
	}
	same(t, "on an empty log", w.about(), []string{activation.KindRefused})
	w.offer(w.files, 1)
	s := w.mustOpen()
	for range 3 {
		for _, bad := range []string{"not a bundle", "no bundle either"} {
			w.write([]byte(bad))
			if err := s.Refresh(t.Context()); !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v", err)
			}
		}
		s = w.mustOpen()
	}
	same(t, "refusals", kinds(w.about(), activation.KindRefused), []string{activation.KindRefused, activation.KindRefused})
}

// Two gateways of which one has an older bundle do not talk past each other: the
// older takes over what the newer has brought into force.
func TestTwoGatewaysWithOtherBundles(t *testing.T) {
	w := newWorld(t)
	one := w.mustOpen()
	first := w.bundlePath()
	raw, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	w.offer(w.successor(w.files, 2, w.now), 2)
	other := w.mustOpen() // has the new one
	w.write(raw)          // what one still has
	for range 3 {
		_ = one.Refresh(t.Context()) // its own file is refused as older
		_ = other.Refresh(t.Context())
	}
	stands(t, one, "the one with the older file", 2, false)
	stands(t, other, "the other", 2, false)
	same(t, "activations", kinds(w.about(), activation.KindActivated), []string{activation.KindActivated, activation.KindActivated})
}

// Contradictions that a later date would bring are found when the bundle is
// offered, not on that date.
func TestContradictionAheadIsFoundToday(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	files := maps.Clone(w.files)
	text := string(files["agreements/"+housing+"/agreement.json"])
	text = strings.NewReplacer(housing, "ISA-TH-WMP-009", `"/date_of_birth": "year"`, `"/date_of_birth": "full"`).Replace(text)
	folder := "agreements/ISA-TH-WMP-009/"
	files[folder+"agreement.json"] = []byte(text)
	draft, err := rulebook.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	digest := draft.Digest(rulebook.Version{Agreement: "ISA-TH-WMP-009", Version: 1})
	report := []byte(`{"current":"` + w.revision() + `","digests":{"ISA-TH-WMP-009":"` + digest + `"}}`)
	files[folder+rulebook.ImpactFile] = report
	files[folder+rulebook.ApprovalFile], err = w.parties.Approve(approval.Statement{
		Agreement: "ISA-TH-WMP-009", Version: 1, Digest: digest, LiveFrom: w.now.AddDate(0, 1, 0), Impact: approval.ImpactHash(report),
	}, nil, "telford-housing", "west-mercia-police")
	if err != nil {
		t.Fatal(err)
	}
	w.offer(files, 2)
	if err := s.Refresh(t.Context()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "conflict") {
		t.Errorf("got %v", err)
	}
}

// Run looks by itself, and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, 5*time.Millisecond)
	}()
	w.offer(w.successor(w.files, 2, w.now), 2)
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for v, _ := version(s); v != 2; v, _ = version(s) {
		select {
		case <-deadline:
			t.Fatal("the new bundle is not taken")
		case <-tick.C:
		}
	}
	stop()
	<-done
}

// The archive gives each revision's rules, and no others.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	r := s.Book().Current()
	archive := activation.Archive{Events: w.db.Events()}
	engine, err := archive.Engine(t.Context(), r.Revision())
	if err != nil || engine.Revision() != r.Revision() {
		t.Fatalf("got %v", err)
	}
	if _, err := archive.Engine(t.Context(), strings.Repeat("0", 64)); !fault.Is(err, fault.NotFound) {
		t.Errorf("a revision that never was: %v", err)
	}
	latest, err := activation.Latest(t.Context(), w.db.Log(), w.db.Events())
	if err != nil || latest.Revision() != r.Revision() {
		t.Errorf("the latest: %v", err)
	}
	// Somebody puts other bytes under a revision of their own making.
	forged := strings.Repeat("a", 64)
	raw, err := r.Archive()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Events().Insert(t.Context(), event.Event{Kind: "policy-archive", ID: forged, Body: raw}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Engine(t.Context(), forged); !fault.Is(err, fault.Internal) {
		t.Errorf("other rules under a revision: %v", err)
	}
}
