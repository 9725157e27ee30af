package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// saboteur does one hostile thing to one write of a running gateway, counted
// from when it was armed.
type saboteur struct {
	mu    sync.Mutex // guards all below
	armed bool
	what  storetest.Hostility
	at    int
	seen  []string // the writes since then
	done  int      // how often the hostile thing was done
}

func (s *saboteur) arm(what storetest.Hostility, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.what, s.at, s.seen, s.done = true, what, at, nil, 0
}

// disarm returns the writes since arm, and how many of them were hit.
func (s *saboteur) disarm() (writes []string, hit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	return s.seen, s.done
}

// choose says what becomes of a write. The log tries a batch twice by itself, so
// a failure meets both attempts: else nobody would ever hear of it.
func (s *saboteur) choose(op string) storetest.Hostility {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed {
		return storetest.Obedient
	}
	n := len(s.seen)
	s.seen = append(s.seen, op)
	again := n == s.at+1 && op == storetest.InsertBatch && s.seen[s.at] == op && s.what == storetest.Failed
	if n != s.at && !again {
		return storetest.Obedient
	}
	s.done++
	return s.what
}

func (s *saboteur) options(o *gateway.Options) {
	o.Store = func(store gateway.Store) gateway.Store {
		return storetest.Intercept(store, func(w storetest.Write, do func() error) error {
			return s.choose(w.Op).Do(do)
		})
	}
}

// step is one thing that the story asks of the gateway.
type step struct {
	persona, path string
	body          any
}

// story is what a day brings: rows, a question about a person and one about an
// area, a link, an edition. suspend, where it is not empty, is an agreement that
// its provider stops at the end.
func story(round int, suspend, approver string) []step {
	rows := []map[string]any{tenancy(rowan(), fmt.Sprintf("T-%d", round))}
	steps := []step{
		{"housing-submitter", submissionsPath("housing.tenancy", housingISA), rows},
		{"supervisor", "/v1/case-links", map[string]any{"case_ref": opCase, "analyst": theAnalyst, "subject": nobody()}},
		{"analyst", subjectPath, ask("soc-investigation", rowan())},
		{"supervisor", "/v1/editions", nil},
		{"analyst", "/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-08", "2026-08", "none")},
	}
	if suspend != "" {
		steps = append(steps[:3], step{approver, "/v1/agreements/" + suspend + "/suspend", map[string]string{"reason": "under review"}})
	}
	return steps
}

// victimHouse is a gateway with data whose store a saboteur watches.
func victimHouse(t *testing.T) (*house, *saboteur) {
	t.Helper()
	s := &saboteur{}
	h := newHouse(t)
	for _, s := range theirRows()[:2] { // one provider's: an edition is a write for each of its series
		h.submit(s)
	}
	h.assign(rowan())
	h.freeze()
	h.stop()
	h.options = s.options
	h.start()
	return h, s
}

// logged reports whether the database holds an entry of the request.
func (h *house) logged(requestID string) bool {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	found, err := db.Log().Search(h.t.Context(), audit.Query{RequestID: requestID})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(found) > 0
}

// tell runs the story and returns the ids of the requests that were answered
// with success. What was not answered so holds no data.
func (h *house) tell(name string, steps []step) (acknowledged []string) {
	h.t.Helper()
	for _, s := range steps {
		r := h.call(s.persona, http.MethodPost, s.path, s.body)
		id := r.header.Get("X-Request-Id")
		if r.status < 300 {
			acknowledged = append(acknowledged, id)
			if !h.logged(id) {
				h.t.Errorf("%s: %s answered %d and is not in the log", name, s.path, r.status)
			}
			continue
		}
		for _, data := range []string{"Ashdown", "sections", "treatments"} {
			if strings.Contains(string(r.body), data) {
				h.t.Errorf("%s: %s answered %d with data", name, s.path, r.status)
			}
		}
		if r.status != http.StatusServiceUnavailable && r.status != http.StatusConflict {
			h.t.Errorf("%s: %s answered %d: %s", name, s.path, r.status, r.body)
		}
	}
	return acknowledged
}

// round runs a story with one hostile write, and then once more without. It
// returns whether there was such a write.
func (h *house) round(s *saboteur, what storetest.Hostility, at int, faulty, again []step) (hit bool) {
	h.t.Helper()
	name := fmt.Sprintf("%s at write %d", what, at)
	s.arm(what, at)
	acknowledged := h.tell(name, faulty)
	_ = h.gw.PublishCheckpoint(h.t.Context()) // may find the store unwilling
	writes, n := s.disarm()
	if r := h.verify(); !r.OK {
		h.t.Fatalf("%s: %+v", name, r.Problems)
	}
	if got := h.tell(name+", again", again); len(got) != len(again) {
		h.t.Errorf("%s: of %d steps %d succeed afterwards", name, len(again), len(got))
	}
	for _, id := range acknowledged {
		if !h.logged(id) {
			h.t.Errorf("%s: an acknowledged entry is lost", name)
		}
	}
	if n == 0 && at < len(writes) {
		h.t.Errorf("%s: nothing happened", name)
	}
	h.clock.Advance(2 * time.Hour) // out of every quota
	return n > 0
}

// TestFaultEveryWrite does every hostile thing to every write of every step of a
// day's story, of records, events and batches, and of the checkpoint behind it.
// After each: the log verifies, no success is without its entry, no acknowledged
// entry is lost, and the step passes when it is tried again.
func TestFaultEveryWrite(t *testing.T) {
	t.Parallel()
	for _, what := range []storetest.Hostility{storetest.Failed, storetest.Persisted, storetest.Retried} {
		t.Run(strings.ReplaceAll(string(what), " ", "-"), func(t *testing.T) {
			t.Parallel()
			h, s := victimHouse(t)
			hits, number := 0, 0
			for i := range story(0, "", "") {
				for at := 0; ; at++ {
					number += 2
					if !h.round(s, what, at, story(number, "", "")[i:i+1], story(number+1, "", "")[i:i+1]) {
						break
					}
					hits++
				}
			}
			h.tell("in the end", story(number+2, "", ""))
			if hits < 30 {
				t.Errorf("%d writes only", hits)
			}
			storetest.Tally(t, "hostile store: "+string(what), "sqlite", hits, "verified")
		})
	}
}

// TestFaultSuspension is the same for stopping an agreement. Whatever the store
// does to it: an agreement whose suspension was acknowledged is suspended, also
// after a restart.
func TestFaultSuspension(t *testing.T) {
	t.Parallel()
	agreements := [][2]string{
		{housingISA, "approver-housing"}, {"ISA-MH-WMP-002", "approver-health"}, {"ISA-MH-WMP-001", "approver-health"},
	}
	for _, what := range []storetest.Hostility{storetest.Failed, storetest.Persisted, storetest.Retried} {
		t.Run(strings.ReplaceAll(string(what), " ", "-"), func(t *testing.T) {
			t.Parallel()
			h, s := victimHouse(t)
			for at, a := range agreements {
				stop := story(0, a[0], a[1])[3:]
				s.arm(what, at)
				done := h.tell(string(what), stop)
				if _, n := s.disarm(); n == 0 {
					t.Errorf("%s at write %d: nothing happened", what, at)
				}
				if r := h.verify(); !r.OK {
					t.Fatalf("%+v", r.Problems)
				}
				// What failed is tried again: done, or done already.
				if len(done) == 0 {
					h.tell("again", stop)
				}
				h.restart()
				h.call(a[1], http.MethodPost, stop[0].path, stop[0].body).problem(http.StatusConflict, "agreement-suspended")
			}
			storetest.Tally(t, "hostile store: "+string(what), "sqlite", len(agreements), "verified")
		})
	}
}
