package gateway_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// newPolicy puts the rules together afresh, apart from any gateway.
func newPolicy(t *testing.T) *policy.Engine {
	t.Helper()
	files, err := theFiles()
	if err != nil {
		t.Fatal(err)
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := draft.Rules(t.Context(), draft.Newest())
	if err != nil {
		t.Fatal(err)
	}
	return rules.Policy
}

// openLog opens the log of a folder that no gateway uses.
func (h *house) openLog() *audit.Log {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(h.cfg.DataDir, gateway.KeysDir))
	if err != nil {
		h.t.Fatal(err)
	}
	log, err := audit.Open(h.t.Context(), audit.Config{Store: db.Log(), Keys: keys, Origin: h.cfg.Log.Origin, Clock: h.clock.Now})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = log.Close(h.t.Context())
		_ = keys.Close()
		_ = db.Close()
	})
	return log
}

// answered is what one question was answered with.
type answered struct {
	index    int64
	answer   subjectAnswer
	question map[string]any
}

// TestInvariant10Replayable asks, closes the gateway, takes the facts out of
// the sealed part of each entry, and has rules that were loaded afresh decide
// again: the decision and the revision are those that the entries record.
func TestInvariant10Replayable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range fullRows() {
		h.submit(s)
	}
	h.assign(everyIdentifier())
	var asked []answered
	for _, purpose := range purposes() {
		for _, ground := range []string{"", "threat_to_life", "child_at_immediate_risk"} {
			q := ask(purpose, everyIdentifier())
			if ground != "" {
				q = emergency(q, ground)
			}
			a := answered{question: q}
			r := h.call("analyst", http.MethodPost, subjectPath, q)
			if err := json.Unmarshal(r.body, &a.answer); err != nil {
				t.Fatal(err)
			}
			a.index = *a.answer.AuditIndex
			asked = append(asked, a)
		}
	}
	h.stop()
	log, rules := h.openLog(), newPolicy(t)
	for _, a := range asked {
		e, _, err := log.Entry(t.Context(), a.index)
		if err != nil {
			t.Fatal(err)
		}
		private, err := log.OpenPrivate(t.Context(), a.index)
		if err != nil {
			t.Fatal(err)
		}
		checkPrivate(t, private, a.question)
		var in policy.Input
		if err := json.Unmarshal(private.Facts, &in); err != nil {
			t.Fatal(err)
		}
		d, err := rules.Decide(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if e.PolicyRevision == "" || d.Revision != e.PolicyRevision {
			t.Errorf("entry %d was decided by %q, replayed by %q", a.index, e.PolicyRevision, d.Revision)
		}
		checkReplayed(t, d, a.answer)
		for i := int64(1); ; i++ { // the entries of the providers follow
			own, _, err := log.Entry(t.Context(), a.index+i)
			if err != nil || own.RequestID != e.RequestID {
				break
			}
			checkReplayedEntry(t, d, own)
		}
	}
}

func checkPrivate(t *testing.T, p audit.Private, question map[string]any) {
	t.Helper()
	if p.Justification != question["justification"] || p.CaseRef != question["case_ref"] || p.Client == "" || len(p.SubjectRefs) < 4 {
		t.Errorf("the sealed part is %+v", p)
	}
	if claim, ok := question["emergency"].(map[string]string); ok && p.Incident != claim["incident"] {
		t.Errorf("incident %q", p.Incident)
	}
}

// checkReplayed compares a replayed decision with what the caller was told.
func checkReplayed(t *testing.T, d policy.Decision, a subjectAnswer) {
	t.Helper()
	type reason struct{ Provider, Dataset, Code, Clause string }
	var want, got []reason
	for _, w := range d.Withheld {
		want = append(want, reason{w.Provider, w.Dataset, w.Code, w.Clause})
	}
	for _, w := range a.Withheld {
		got = append(got, reason{w.Provider, w.Dataset, w.Code, w.Clause})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("withheld (-replayed +answered):\n%s", diff)
	}
	for _, s := range a.Sections {
		for _, g := range d.Groups {
			if g.Provider != s.Provider || g.Dataset != s.Dataset {
				continue
			}
			for _, r := range s.Records {
				for field, treatment := range r.Treatments {
					if string(g.Fields[field].Treatment) != treatment {
						t.Errorf("%s %s %s: answered %s, replayed %s", s.Provider, s.Dataset, field, treatment, g.Fields[field].Treatment)
					}
				}
			}
		}
	}
}

// checkReplayedEntry compares a replayed decision with a provider's entry.
func checkReplayedEntry(t *testing.T, d policy.Decision, e audit.Entry) {
	t.Helper()
	want := map[string]string{}
	for _, g := range d.Groups {
		if g.Provider != e.Provider || !g.Allow {
			continue
		}
		for field, grant := range g.Fields {
			want[g.Dataset+" "+field] = string(grant.Treatment)
		}
	}
	got := map[string]string{}
	for _, r := range e.Released {
		for field, treatment := range r.Fields {
			got[r.Dataset+" "+field] = treatment
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry %d of %s (-replayed +logged):\n%s", e.ProviderSeq, e.Provider, diff)
	}
}
