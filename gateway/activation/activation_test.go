package activation_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/demo"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
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
	report, err := json.Marshal(map[string]any{"digests": map[string]string{housing: digest}})
	if err != nil {
		w.t.Fatal(err)
	}
	out[folder+rulebook.ImpactFile] = report
	out[folder+rulebook.ApprovalFile], err = w.parties.Approve(approval.Statement{
		Agreement: housing, Version: version, Digest: digest, LiveFrom: from, Impact: approval.ImpactHash(report),
	}, nil, "telford-housing", "west-mercia-police")
	if err != nil {
		w.t.Fatal(err)
	}
	return out
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
	for i := len(found) - 1; i >= 0; i-- {
		if kind := found[i].Entry.Admin["kind"]; kind != activation.KindLive || found[i].Entry.Admin["agreement"] == housing {
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
		if want := (agreement.Suspension{On: "2026-11-22", By: "telford-housing", Reason: "under review"}); *a.Suspended != want {
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

// A suspension stops what is approved for later too, and a version after that
// goes on.
func TestSuspensionOfWhatIsToCome(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen()
	w.offer(w.successor(w.files, 2, w.now.Add(time.Hour)), 2)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Suspend(t.Context(), activation.Suspend{
		Principal: identity.Principal{Subject: "approver", Agency: "west-mercia-police"}, RequestID: "r-1", Agreement: housing, Reason: "x",
	}); err != nil {
		t.Fatal(err)
	}
	if v, suspended := version(s); v != 1 || !suspended {
		t.Errorf("version %d, suspended %t", v, suspended)
	}
	w.now = w.now.Add(2 * time.Hour)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, suspended := version(s); v != 2 || !suspended {
		t.Errorf("on its day: version %d, suspended %t", v, suspended)
	}
	w.offer(w.successor(w.files, 3, w.now), 3)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, suspended := version(s); v != 3 || suspended {
		t.Errorf("the version after: %d, suspended %t", v, suspended)
	}
	same(t, "entries", w.about(), []string{
		activation.KindLive, activation.KindActivated, activation.KindActivated, activation.KindSuspended, activation.KindActivated,
		activation.KindLive, activation.KindActivated, activation.KindLive, activation.KindActivated,
	})
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
	report := []byte(`{"digests":{"ISA-TH-WMP-009":"` + digest + `"}}`)
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
