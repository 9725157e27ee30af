package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/replay"
)

// TestReplayOfAnHonestLog decides every sort of question again.
func TestReplayOfAnHonestLog(t *testing.T) {
	h := newHouse(t)
	n := int64(h.variety())
	h.refuse("refused")
	r := replayed(t, h.source(), just(h.engine))
	if r.Took <= 0 {
		t.Error("it took no time")
	}
	r.Took = 0
	want := replay.Report{
		Requests: n + 1, Decisions: n, Identical: n, Differing: []replay.Difference{},
		NotReplayable: map[replay.Reason]int64{replay.NoFacts: 1},
		Revisions:     []replay.RevisionCount{{Revision: h.engine.Revision(), Identical: n}},
	}
	if diff := cmp.Diff(want, r); diff != "" || !r.OK() {
		t.Errorf("report (-want +got), OK %t:\n%s", r.OK(), diff)
	}
}

// TestReplayFindsAlteredRules rebuilds a revision from rules that were altered in
// one place, each in another way. Each request differs in its revision; those
// that the alteration is about differ in their decision too, and those alone.
func TestReplayFindsAlteredRules(t *testing.T) {
	h := newHouse(t)
	n := int64(h.variety())
	cases := map[string]func(r rules){
		"a denial is dropped": func(r rules) {
			r.replace(t, "release/emergency.rego", "	_emergency\n	not _ground_known\n", "	_emergency\n	not _ground_known\n	false\n")
		},
		"a proof is dropped": func(r rules) {
			r.replace(t, "release/demands.rego", "	demands.links[_link]\n	_role_held", "	_role_held")
		},
		"a reason is reworded": func(r rules) {
			r.replace(t, "release/kept.rego", "message: No agreement names this field", "message: Nobody names this field")
		},
		"a treatment is dropped": func(r rules) {
			r.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { treat(t, a, "housing.tenancy", "soc-investigation", "/uprn", "full") })
		},
		"an agreement has ended": func(r rules) {
			r.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { a["valid"] = map[string]any{"from": "2026-01-01", "to": "2026-03-31"} })
		},
		"an agreement is gone": func(r rules) { delete(r.agreements, "ISA-TH-WMP-001/agreement.json") },
	}
	for name, alter := range cases {
		t.Run(name, func(t *testing.T) {
			altered := shipped(t)
			alter(altered)
			engine := altered.engine(t)
			r := replayed(t, h.source(), archive{h.engine.Revision(): func() (*policy.Engine, error) { return engine, nil }})
			if r.OK() || r.DifferingCount != n || int64(len(r.Differing)) != n || engine.Revision() == h.engine.Revision() {
				t.Fatalf("%d of %d differ: %+v", r.DifferingCount, n, r)
			}
			decided := map[int64]bool{}
			for _, d := range r.Differing {
				if d.What[0] != "revision" && d.What[0] != "no answer" || d.Revision != h.engine.Revision() {
					t.Errorf("%+v", d)
				}
				if d.What[0] == "no answer" || len(d.What) > 1 {
					decided[d.Index] = true
				}
			}
			if diff := cmp.Diff(h.decidedOtherwise(engine), decided); diff != "" || len(decided) == 0 || int64(len(decided)) == n {
				t.Errorf("of %d requests %d are decided otherwise (-engine +replay):\n%s", n, len(decided), diff)
			}
		})
	}
}

// decidedOtherwise asks two engines about all facts of the log, without any of
// what is under test: the indexes where they differ.
func (h *house) decidedOtherwise(other *policy.Engine) map[int64]bool {
	h.tb.Helper()
	out := map[int64]bool{}
	for i := range h.log.Size() {
		p, err := h.log.OpenPrivate(h.tb.Context(), i)
		if err != nil {
			h.tb.Fatal(err)
		}
		if p.Facts == nil {
			continue
		}
		var in policy.Input
		if err := json.Unmarshal(p.Facts, &in); err != nil {
			h.tb.Fatal(err)
		}
		a, errA := h.engine.Decide(h.tb.Context(), in)
		b, errB := other.Decide(h.tb.Context(), in)
		if errA != nil {
			h.tb.Fatal(errA)
		}
		a.Revision = b.Revision
		if errB != nil || !cmp.Equal(a, b) {
			out[i] = true
		}
	}
	return out
}

// treat gives a field of an agreement another treatment for one purpose.
func treat(tb testing.TB, a map[string]any, set, purpose, field, treatment string) {
	tb.Helper()
	found := false
	eachEntry(a, func(of string, entry map[string]any) {
		fields, ok := entry["fields"].(map[string]any)
		if !ok || of != set || entry["purpose"] != purpose {
			return
		}
		found = true
		if fields[field] = treatment; treatment == "" {
			delete(fields, field)
		}
	})
	if !found {
		tb.Fatalf("the agreement has nothing of %s for %s", set, purpose)
	}
}

// eachEntry calls f with every purpose of every dataset of an agreement.
func eachEntry(a map[string]any, f func(set string, entry map[string]any)) {
	datasets, _ := a["datasets"].([]any)
	for _, d := range datasets {
		share, _ := d.(map[string]any)
		set, _ := share["dataset"].(string)
		purposes, _ := share["purposes"].([]any)
		for _, p := range purposes {
			if entry, ok := p.(map[string]any); ok {
				f(set, entry)
			}
		}
	}
}

// TestReplayQuota asks more often than a quota allows: some find it used up in
// the policy, and many at once are refused by the sequencer. All are identical.
func TestReplayQuota(t *testing.T) {
	h := newHouse(t)
	s := h.someone(1, false)
	h.assign(1, s, "OP-LANTERN")
	var all sync.WaitGroup
	for i := range 60 { // at once: the policy sees few of them
		all.Go(func() { h.subject(day(), h.asking("at-once-"+strconv.Itoa(i), "modern-slavery-safeguarding", 1), s) })
	}
	all.Wait()
	h.subject(day().Add(time.Second), h.asking("late", "modern-slavery-safeguarding", 1), s)
	r := replayed(t, h.source(), just(h.engine))
	if r.Identical != 61 || !r.OK() {
		t.Errorf("%+v", r)
	}
	codes := map[bool]int{} // by whether the policy knew
	for f, err := range audit.Facts(t.Context(), h.db.Log(), h.keys, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Code == "quota_exceeded" {
			codes[strings.Contains(string(f.Private.Facts), `"subjects_last_hour":40`)]++
		}
	}
	if codes[true] == 0 || codes[true]+codes[false] != 21 {
		t.Errorf("refused by the policy and by the sequencer: %v", codes)
	}
	// Without the quota the sequencer could not have refused them.
	open := shipped(t)
	open.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { quotas(a, nil) })
	engine := open.engine(t)
	r = replayed(t, h.source(), archive{h.engine.Revision(): func() (*policy.Engine, error) { return engine, nil }})
	answers := 0
	for _, d := range r.Differing {
		if slices.Contains(d.What, "answer") {
			answers++
		}
	}
	if answers != 21 {
		t.Errorf("%d refusals are found that no quota explains", answers)
	}
}

// quotas sets every quota of an agreement, or takes it away.
func quotas(a map[string]any, quota any) {
	eachEntry(a, func(_ string, entry map[string]any) {
		if entry["quota"] = quota; quota == nil {
			delete(entry, "quota")
		}
	})
}

// TestReplayWithoutArchive counts what cannot be decided, and why.
func TestReplayWithoutArchive(t *testing.T) {
	h := newHouse(t)
	n := int64(h.variety())
	h.refuse("refused")
	revision := h.engine.Revision()
	cases := map[string]struct {
		err  error
		want replay.Reason
		kind fault.Kind
	}{
		"nothing archived": {fault.New(fault.NotFound, "test", "none"), replay.NoArchive, ""},
		"damaged":          {fault.New(fault.Internal, "test", "bad"), replay.ArchiveDamaged, ""},
		"does not compile": {fault.New(fault.Invalid, "test", "bad"), replay.ArchiveDamaged, ""},
		"no answer":        {fault.New(fault.Unavailable, "test", "off"), "", fault.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := archive{revision: func() (*policy.Engine, error) { return nil, c.err }}
			r, err := replay.Replay(t.Context(), h.source(), a, replay.Options{})
			if c.kind != "" {
				if !fault.Is(err, c.kind) || r.Requests != 0 {
					t.Errorf("%+v, %v", r, err)
				}
				return
			}
			want := map[replay.Reason]int64{c.want: n, replay.NoFacts: 1}
			if diff := cmp.Diff(want, r.NotReplayable); err != nil || diff != "" || r.OK() || r.Decisions != 0 {
				t.Errorf("%v, not replayable (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff([]replay.RevisionCount{{Revision: revision, NotReplayable: n}}, r.Revisions); diff != "" {
				t.Errorf("revisions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReplayOfUnreadableFacts decides nothing by facts that are not the whole
// question, or are more than it.
func TestReplayOfUnreadableFacts(t *testing.T) {
	h := newHouse(t)
	h.subject(day(), h.asking("whole", "soc-investigation", 1), h.someone(1, false))
	whole := map[string]json.RawMessage{}
	for i := range h.log.Size() {
		p, err := h.log.OpenPrivate(t.Context(), i)
		if err == nil && len(p.Facts) > 0 {
			err = json.Unmarshal(p.Facts, &whole)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	unreadable := int64(0)
	for i, name := range []string{"actor", "groups", "request", "usage", "weather", ""} {
		for _, value := range []string{"", `"x"`, `{"unheard_of":1}`} {
			facts := maps.Clone(whole)
			delete(facts, name)
			if value != "" && name != "" {
				facts[name] = json.RawMessage(value)
			}
			raw, err := json.Marshal(facts)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.log.Append(t.Context(), audit.Request{
				ID: fmt.Sprintf("request-%d%s", i, value), Time: day(), Actor: audit.Actor{Subject: "x", Agency: "west-mercia-police"},
				Drafts: []audit.Draft{{Action: audit.Consult, PolicyRevision: h.engine.Revision(), Private: audit.Private{Facts: raw}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if name != "" && (name != "weather" || value != "") {
				unreadable++
			}
		}
	}
	r := replayed(t, h.source(), just(h.engine))
	if r.NotReplayable[replay.FactsUnreadable] != unreadable || r.OK() {
		t.Errorf("%d unreadable, want %d", r.NotReplayable[replay.FactsUnreadable], unreadable)
	}
}

// TestReplayOfADestroyedMonth counts what is past its retention, and says that
// all is well.
func TestReplayOfADestroyedMonth(t *testing.T) {
	h := newHouse(t)
	n := int64(h.variety())
	h.subject(day().AddDate(0, 1, 0), h.asking("later", "soc-investigation", 9), h.someone(9, false))
	if err := h.keys.Destroy(t.Context(), keyring.LogScope(day())); err != nil {
		t.Fatal(err)
	}
	r := replayed(t, h.source(), just(h.engine))
	if r.Identical != 1 || r.NotReplayable[replay.KeyDestroyed] != n || !r.OK() {
		t.Errorf("%+v", r)
	}
}

// TestReplayGoesFromRevisionToRevision changes the rules in the middle.
func TestReplayGoesFromRevisionToRevision(t *testing.T) {
	h := newHouse(t)
	engines := archive{}
	var want []replay.RevisionCount
	for i := range 6 { // more than are held at once
		altered := shipped(t)
		altered.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { a["version"] = i + 10 })
		e := altered.engine(t)
		h.deps.Rules = altered.book(t, e)
		engines[e.Revision()] = func() (*policy.Engine, error) { return e, nil }
		for j := range i + 1 {
			id := strconv.Itoa(i) + "-" + strconv.Itoa(j)
			h.subject(day(), h.asking(id, "soc-investigation", j), h.someone(j, false))
		}
		want = append(want, replay.RevisionCount{Revision: e.Revision(), Identical: int64(i + 1)})
	}
	slices.SortFunc(want, func(a, b replay.RevisionCount) int { return strings.Compare(a.Revision, b.Revision) })
	r := replayed(t, h.source(), engines)
	if diff := cmp.Diff(want, r.Revisions); diff != "" || !r.OK() {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

// TestReplayProgress tells how far it is, and ends at the whole.
func TestReplayProgress(t *testing.T) {
	h := newHouse(t)
	h.variety()
	var last [2]int64
	_, err := replay.Replay(t.Context(), h.source(), just(h.engine), replay.Options{
		Progress: func(done, total int64) { last = [2]int64{done, total} },
	})
	if size := h.log.Size(); err != nil || last != [2]int64{size, size} {
		t.Errorf("%v, progress ends at %v of %d", err, last, size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Replay(ctx, h.source(), just(h.engine), replay.Options{}); err == nil {
		t.Error("a replay that is given up has a report")
	}
}
