package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// swapper exchanges the rules of a house between a shut and an open version of
// one agreement, again and again.
type swapper struct {
	h       *house
	bundles [][]byte
	next    int
}

// newSwapper prepares so many exchanges. Each is a new version that all parties
// have signed, with an impact report.
func newSwapper(h *house, n int) *swapper {
	h.t.Helper()
	s := &swapper{h: h}
	files := h.propose().files
	for i := range n {
		p := &proposal{t: h.t, files: maps.Clone(files), against: h.gw.Revision()}
		name := "agreements/" + housingISA + "/agreement.json"
		p.edit(name, fmt.Sprintf(`"version": %d`, i+1), fmt.Sprintf(`"version": %d`, i+2))
		if i%2 == 0 {
			p.edit(name, withheldField, openField)
		} else {
			p.edit(name, openField, withheldField)
		}
		p.sign(housingISA, i+2, testDay(), "", landlord, force)
		s.bundles = append(s.bundles, p.bundle(int64(i+2)))
		files = p.files
	}
	return s
}

// swap brings the next bundle into force.
func (s *swapper) swap() error {
	raw := s.bundles[s.next]
	s.next++
	path := s.h.cfg.Policy.Bundle
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return s.h.gw.RefreshRules(s.h.t.Context())
}

// answerer asks the same question over and over, on one connection.
type answerer struct {
	client *http.Client
	url    string
	token  string
	body   []byte
}

func newAnswerer(h *house) *answerer {
	h.t.Helper()
	body, err := json.Marshal(ask("soc-investigation", rowan()))
	if err != nil {
		h.t.Fatal(err)
	}
	return &answerer{client: h.srv.Client(), url: h.srv.URL + subjectPath, token: h.token("analyst"), body: body}
}

func (a *answerer) ask(t testing.TB) (answer subjectAnswer, took time.Duration, err error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url, bytes.NewReader(a.body))
	if err != nil {
		return answer, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := a.client.Do(req)
	if err != nil {
		return answer, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return answer, 0, fmt.Errorf("status %d", res.StatusCode)
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	return answer, time.Since(began), err
}

// TestHotSwapOneRevisionPerRequest exchanges the rules while questions are under
// way: none fails, and what each answer releases is what the revision in its log
// entry says.
func TestHotSwapOneRevisionPerRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fillHouseholds()
	const swaps = 6
	s := newSwapper(h, swaps)
	opens := map[string]bool{} // whether a revision opens the field
	var mu sync.Mutex
	type seen struct {
		index int64
		open  bool
	}
	var all []seen
	var stop atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		a := newAnswerer(h)
		clients.Go(func() {
			for !stop.Load() {
				answer, _, err := a.ask(t)
				if err != nil {
					t.Error(err)
					return
				}
				open := false
				for _, sec := range answer.Sections {
					open = open || (sec.Dataset == "housing.tenancy" && len(sec.Records) > 0 && sec.Records[0].Treatments["/household_size"] == "full")
				}
				mu.Lock()
				all = append(all, seen{*answer.AuditIndex, open})
				mu.Unlock()
			}
		})
	}
	opens[h.gw.Revision()] = false
	for i := range swaps {
		if err := s.swap(); err != nil {
			t.Error(err)
		}
		opens[h.gw.Revision()] = i%2 == 0
	}
	stop.Store(true)
	clients.Wait()
	if len(opens) != swaps+1 || len(all) < swaps {
		t.Fatalf("%d revisions, %d answers", len(opens), len(all))
	}
	for _, one := range all {
		entry := h.durable(one.index)
		if open, known := opens[entry.PolicyRevision]; !known || open != one.open {
			t.Errorf("entry %d: revision %s, known %t, opens %t, answered %t", one.index, entry.PolicyRevision, known, open, one.open)
		}
	}
}

// BenchmarkSwap asks from several clients at once, in rounds with and without
// exchanges of the rules in turn, and compares the slowest hundredth: within 1.5
// times, and no request fails.
func BenchmarkSwap(b *testing.B) {
	h := newHouse(b)
	h.fillHouseholds()
	rounds, round := 6, 4*time.Second
	if testing.Short() {
		rounds, round = 1, 200*time.Millisecond
	}
	const perRound = 2
	s := newSwapper(h, rounds*perRound)
	for b.Loop() { // the rounds are the measure: one pass is enough
		if s.next > 0 {
			break
		}
		var quiet, swapping []time.Duration
		for range rounds {
			quiet = append(quiet, h.load(b, round, func() {})...)
			swapping = append(swapping, h.load(b, round, func() {
				for range perRound {
					if err := s.swap(); err != nil {
						b.Error(err)
					}
				}
			})...)
		}
		p99 := func(all []time.Duration) time.Duration {
			slices.Sort(all)
			return all[len(all)*99/100]
		}
		b.ReportMetric(float64(p99(quiet).Microseconds())/1000, "p99-ms-quiet")
		b.ReportMetric(float64(p99(swapping).Microseconds())/1000, "p99-ms-swapping")
		const most = 1.5
		ratio := float64(p99(swapping)) / float64(p99(quiet))
		b.ReportMetric(ratio, "ratio-p99")
		if ratio > most && !testing.Short() {
			b.Errorf("p99 is %.2f times as long during a swap; the bound is %.1f", ratio, most)
		}
		b.ReportMetric(float64(len(swapping))/float64(len(quiet)), "ratio-throughput")
	}
}

// load asks from eight clients for a time while something is done, and returns
// how long each answer took.
func (h *house) load(b *testing.B, during time.Duration, do func()) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var took []time.Duration
	end := time.Now().Add(during)
	var clients sync.WaitGroup
	for range 8 {
		a := newAnswerer(h)
		clients.Go(func() {
			var own []time.Duration
			for time.Now().Before(end) {
				_, d, err := a.ask(b)
				if err != nil {
					b.Error(err)
					return
				}
				own = append(own, d)
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	do()
	clients.Wait()
	return took
}
