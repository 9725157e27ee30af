package httpapi_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

const (
	// allPairs is how many pairs must tell leastFound apart. The gate, which has
	// seconds and neighbours, compares fewer and must find more; CONCORD_TEST_PAIRS says
	// how many (`make timing`).
	allPairs, gatePairs  = 10_000, 100
	leastFound, gateFind = 50 * time.Microsecond, time.Millisecond
	// A block is from how many requests of a kind the fastest counts: what the machine
	// does besides makes a request slower, never faster.
	allBlock, gateBlock = 4, 2
	// alarm is how many standard deviations tell two times apart: by chance alone that
	// happens once in 15,000 comparisons.
	alarm = 4.0
	// tries is how often what looks like a leak is measured: it is one when each finds
	// it, on the same side. A planted difference has to be found in one of them.
	tries = 3
)

// The ways in which a request is made.
const (
	hidden = iota
	absent
	spun // absent, with a planted difference
	ways
)

// times are what the requests took, by way.
type times [ways][]time.Duration

// secret is one thing that a caller may not know of: the request about it, and the
// same about one that is not there. Each has several, so that no single id decides.
type secret struct {
	name   string
	token  string
	hidden func(n int) *http.Request
	absent func(n int) *http.Request
	want   int
}

// TestTimeOfForbiddenAndAbsent holds that what is forbidden to know takes as long to
// refuse as what is not there. Of each secret it measures rounds of three requests in
// random order: hidden, absent, and absent with a planted difference. The fastest of
// each block of rounds are paired, and their differences go into Wilcoxon's signed-rank
// test, which asks for no distribution: hidden and absent must not differ, and the
// planted difference must be found under the same conditions.
//
// It is not parallel, so that nothing else of this package runs meanwhile.
func TestTimeOfForbiddenAndAbsent(t *testing.T) {
	pairs := gatePairs
	if text := os.Getenv("CONCORD_TEST_PAIRS"); text != "" {
		pairs = value(strconv.Atoi(text))(t)
	}
	c := comparison{pairs: pairs, planted: gateFind, block: gateBlock}
	if pairs >= allPairs {
		c.planted, c.block = leastFound, allBlock
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // a disk is slow at random: without it, less is hidden
	}
	r := newRig(t, between{})
	r.fill(8, "linked")
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	all := r.secrets()
	for _, s := range all {
		c.of(t, r, s)
	}
	attacktest.Timing.Refused(t, "in pairs", pairs*len(all))
}

// comparison is how one secret is looked at.
type comparison struct {
	pairs, block int
	planted      time.Duration
}

// of measures one secret, again while it looks like a leak.
func (c comparison) of(t *testing.T, r *rig, s secret) {
	t.Helper()
	told, side, found := true, 0.0, false
	for try := 0; try < tries && (told || !found); try++ {
		m := r.measure(s, c.pairs, c.planted)
		z, shift := signedRank(m.fastest(hidden, c.block), m.fastest(absent, c.block))
		by, shifted := signedRank(m.fastest(spun, c.block), m.fastest(absent, c.block))
		t.Logf("%-27s %d pairs of %v: hidden %+.1f sigma, %v; with %v planted %+.1f sigma, %v", s.name, c.pairs, middle(m[absent]), z, shift, c.planted, by, shifted)
		told = told && math.Abs(z) > alarm && z*side >= 0
		side, found = z, found || by > alarm
	}
	if told {
		t.Errorf("%s: hidden and absent are told apart, %d times", s.name, tries)
	}
	if !found {
		t.Errorf("%s: a difference of %v is not found", s.name, c.planted)
	}
}

// secrets are what somebody might want to know.
func (r *rig) secrets() []secret {
	var submissions []string
	housing := r.token("telford-housing", "s", identity.Submitter)
	for i := range 8 {
		w := r.call(housing, http.MethodPost, "/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001", value(json.Marshal([]any{
			rowOf(person(i), map[string]any{
				"source_id": fmt.Sprintf("T-%d", i), "uprn": "100023336956", "tenancy_type": "secure", "tenancy_status": "current",
				"tenancy_start": "2024-03-04", "fact_or_opinion": "fact", "subject_category": "not_known",
			}),
		}))(r.tb))
		submissions = append(submissions, w.Header().Get("Location")[len("/v1/submissions/"):])
	}
	get := func(format string, id func(n int) string) func(int) *http.Request {
		return func(n int) *http.Request { return httptest.NewRequest(http.MethodGet, fmt.Sprintf(format, id(n)), nil) }
	}
	post := func(path string, body func(n int) []byte) func(int) *http.Request {
		return func(n int) *http.Request { return jsonRequest(path, body(n)) }
	}
	drop := func(n int, id func(int) string) *http.Request {
		return httptest.NewRequest(http.MethodDelete, "/v1/submissions/"+id(n), nil)
	}
	theirs := func(n int) string { return submissions[n%len(submissions)] }
	none := func(n int) string { // of the same time as the others
		id := []byte(submissions[n%len(submissions)])
		copy(id[24:], "0123456789ab")
		return string(id)
	}
	entry := func(base int) func(int) string { return func(n int) string { return strconv.Itoa(base + n%8) } }
	severn := r.token("severn-homes", "x", identity.Submitter)
	analyst := r.token(devissuer.Police, "unlinked", identity.Analyst)
	rows := func(int) []byte { return []byte("[]") }
	return []secret{
		{
			"a person, without a link", analyst, post("/v1/profiles/subject", func(n int) []byte { return question(n % 8) }),
			post("/v1/profiles/subject", func(n int) []byte { return question(5000 + n%8) }), http.StatusForbidden,
		},
		{"a submission", severn, get("/v1/submissions/%s", theirs), get("/v1/submissions/%s", none), http.StatusNotFound},
		{"the errors of a submission", severn, get("/v1/submissions/%s/errors", theirs), get("/v1/submissions/%s/errors", none), http.StatusNotFound},
		{"the quality of a submission", severn, get("/v1/submissions/%s/quality", theirs), get("/v1/submissions/%s/quality", none), http.StatusNotFound},
		{
			"a submission to cancel", severn, func(n int) *http.Request { return drop(n, theirs) },
			func(n int) *http.Request { return drop(n, none) }, http.StatusNotFound,
		},
		{
			"an agreement", severn, post("/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001", rows),
			post("/v1/datasets/housing.tenancy/submissions?agreement=ISA-XX-WMP-001", rows), http.StatusNotFound,
		},
		{
			"an entry of the log", r.token(devissuer.Police, "x", identity.Supervisor), get("/v1/audit/entries/%s?log_purpose=self-monitoring", entry(10)),
			get("/v1/audit/entries/%s?log_purpose=self-monitoring", entry(90_000_010)), http.StatusForbidden,
		},
	}
}

func jsonRequest(path string, body []byte) *http.Request {
	req := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	return req
}

// measure takes rounds of the three requests, each round in an order of its own.
func (r *rig) measure(s secret, rounds int, planted time.Duration) (m times) {
	const warm = 8
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for n := range rounds + warm {
		if n%100 == 0 {
			runtime.GC() // between rounds, since it is off within
		}
		for _, way := range rng.Perm(ways) {
			req, spin := s.absent(n), time.Duration(0)
			switch way {
			case hidden:
				req = s.hidden(n)
			case spun:
				spin = planted
			}
			if took := r.timed(req, s, spin); n >= warm {
				m[way] = append(m[way], took)
			}
		}
	}
	return m
}

// timed serves one request and returns how long that took, with the time that the
// test adds.
func (r *rig) timed(req *http.Request, s secret, spin time.Duration) time.Duration {
	req.Header.Set("Authorization", "Bearer "+s.token)
	w := httptest.NewRecorder()
	begun := time.Now()
	for time.Since(begun) < spin { //nolint:revive // it spins, as a leak would work
	}
	r.handler.ServeHTTP(w, req)
	took := time.Since(begun)
	if w.Code != s.want {
		r.tb.Fatalf("%s: status %d: %s", s.name, w.Code, w.Body)
	}
	return took
}

// fastest are those of each block of requests that were made in one way.
func (m *times) fastest(way, block int) (out []time.Duration) {
	for b := range slices.Chunk(m[way], block) {
		out = append(out, slices.Min(b))
	}
	return out
}

// signedRank is Wilcoxon's signed-rank test of paired measurements: by how many
// standard deviations a is longer than b, and the median of the differences.
func signedRank(a, b []time.Duration) (sigmas float64, shift time.Duration) {
	diffs := make([]time.Duration, len(a))
	for i := range a {
		diffs[i] = a[i] - b[i]
	}
	shift = middle(diffs)
	slices.SortFunc(diffs, func(x, y time.Duration) int { return cmp.Compare(x.Abs(), y.Abs()) })
	sum, squares := 0.0, 0.0
	for i := 0; i < len(diffs); {
		j := i
		for j < len(diffs) && diffs[j].Abs() == diffs[i].Abs() {
			j++
		}
		rank := float64(i+j+1) / 2 // ties share the mean of their ranks
		for ; i < j; i++ {
			switch {
			case diffs[i] > 0:
				sum += rank
			case diffs[i] < 0:
				sum -= rank
			}
			squares += rank * rank
		}
	}
	return sum / math.Sqrt(squares), shift
}

// middle is the median.
func middle(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
