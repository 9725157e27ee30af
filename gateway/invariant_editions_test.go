package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/schemas"
)

// published is all that anybody can have read of one indicator in one edition.
type published map[string]cell

// readAll asks for every cell of the months given, as an analyst would who wants
// it all, and returns every cell of each indicator. A cell that
// two answers tell differently is an error.
func (h *house) readAll(t *testing.T, months []string, ids ...string) map[string]published {
	t.Helper()
	out := map[string]published{}
	for _, id := range ids {
		out[id] = published{}
	}
	for _, place := range gazetteer(t).All() {
		for _, by := range []string{"none", "month", "quarter", "area"} {
			for i, from := range months {
				for _, to := range months[i:] {
					all := i == 0 && to == months[len(months)-1]
					if !all && (by == "month" || by == "quarter" || to != from) {
						continue // the answer about the whole time holds these cells
					}
					a := h.area("analyst", askArea("soc-local-profile", place.Code, from, to, by))
					for _, id := range ids {
						for _, c := range a.cells(id) {
							out[id].add(t, c)
						}
					}
				}
			}
		}
	}
	return out
}

func (p published) add(t *testing.T, c cell) {
	t.Helper()
	key := c.Area + " " + c.Period
	if c.Mark == "r" {
		c.Mark = "*" // rolled up: suppressed, with a coarser cell beside it
	}
	if c.Count != nil && (*c.Count%5 != 0 || *c.Count > 0 && *c.Count < 8) {
		t.Errorf("%s is published as %d", key, *c.Count)
	}
	if was, ok := p[key]; ok && was.String() != c.String() {
		t.Errorf("%s is %s in one answer and %s in another", key, was, c)
	}
	p[key] = c
}

// span is what an attacker knows of a count.
type span struct{ low, high int }

// known turns a published cell into what it says of the true count, if that may
// have moved by up to slack since. A reader is granted more than is published:
// which of the suppressed cells are small ones.
func known(c cell, small bool, slack int) span {
	switch {
	case c.Count == nil && small:
		return span{1, 7}
	case c.Count != nil && *c.Count == 0:
		return span{0, slack}
	case c.Count != nil:
		return span{max(*c.Count-2-slack, 0), *c.Count + 2 + slack}
	default:
		return span{0, unbounded}
	}
}

// unbounded is more than any sum of counts here.
const unbounded = 1 << 40

// attack works out, from everything published, the range of each count: parts
// add up to their whole, over areas and over time, until nothing moves.
func attack(t *testing.T, p published, small map[string]bool, slack int) map[string]span {
	t.Helper()
	spans := map[string]span{}
	for key, c := range p {
		if c.Mark != "-" {
			spans[key] = known(c, small[key], slack)
		}
	}
	sums := sumsOf(t, spans)
	for changed := true; changed; {
		changed = false
		for _, s := range sums {
			changed = s.narrow(spans) || changed
		}
	}
	return spans
}

// sum is a whole and its parts.
type sum struct {
	whole string
	parts []string
}

// narrow tightens the whole by its parts and each part by the rest.
func (s sum) narrow(spans map[string]span) bool {
	changed := false
	set := func(key string, low, high int) {
		was := spans[key]
		now := span{max(was.low, low), min(was.high, high)}
		if now != was && now.low <= now.high { // what contradicts itself is reported, not followed
			spans[key], changed = now, true
		}
	}
	low, high := 0, 0
	for _, p := range s.parts {
		low, high = low+spans[p].low, high+spans[p].high
	}
	set(s.whole, low, high)
	whole := spans[s.whole]
	for _, p := range s.parts {
		own := spans[p]
		lower, upper := 0, unbounded
		if others := high - own.high; others < unbounded {
			lower = whole.low - others
		}
		if whole.high < unbounded {
			upper = whole.high - (low - own.low)
		}
		set(p, lower, upper)
	}
	return changed
}

// sumsOf finds every whole whose parts were all published, marked or not.
func sumsOf(t *testing.T, spans map[string]span) []sum {
	t.Helper()
	places := gazetteer(t)
	var out []sum
	for key := range spans {
		area, period, _ := strings.Cut(key, " ")
		var byArea, byTime []string
		for _, child := range places.Children(area) {
			byArea = append(byArea, child+" "+period)
		}
		if year, quarter, ok := strings.Cut(period, "-Q"); ok {
			first := int(quarter[0]-'1')*3 + 1
			for m := range 3 {
				byTime = append(byTime, fmt.Sprintf("%s %s-%02d", area, year, first+m))
			}
		}
		for _, parts := range [][]string{byArea, byTime} {
			whole := len(parts) > 0
			for _, p := range parts {
				_, ok := spans[p]
				whole = whole && ok
			}
			if whole {
				out = append(out, sum{key, parts})
			}
		}
	}
	return out
}

func gazetteer(t *testing.T) *dataset.Places {
	t.Helper()
	raw, err := schemas.Files.ReadFile("places.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := dataset.LoadPlaces(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestInvariant09SuppressionHolds reads everything that area profiles tell over
// two editions, with data added in between, and subtracts: no suppressed count
// comes out of it, nor is narrowed to fewer than three values.
func TestInvariant09SuppressionHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	months := []string{"2026-04", "2026-05", "2026-06"}
	rng := rand.New(rand.NewPCG(9, 9))
	counts := map[string]int{}
	for _, place := range gazetteer(t).All() {
		if place.Level != dataset.LevelLocalAuthority {
			continue
		}
		for _, m := range months {
			counts[place.Code+" "+m] = []int{0, rng.IntN(8), rng.IntN(8), 8 + rng.IntN(40)}[rng.IntN(4)]
		}
	}
	h.assaults("a", counts)
	h.freeze()
	first := h.readAll(t, months, "health.assaults", "health.assaults_blade")
	small := map[string]bool{}
	for key, n := range counts {
		small[key] = n >= 1 && n <= 7
	}
	checkSuppressed(t, "health.assaults", first["health.assaults"], small, 0)
	checkSuppressed(t, "health.assaults_blade", first["health.assaults_blade"], nil, 0)
	// A few more arrive: by the difference of the two editions they must not
	// be seen, so a count that moved by fewer than eight is as it was.
	h.clock.Advance(time.Hour)
	added := map[string]int{}
	for key := range counts {
		added[key] = rng.IntN(4)
	}
	h.assaults("b", added)
	h.freeze()
	places := gazetteer(t)
	second := h.readAll(t, months, "health.assaults", "health.assaults_blade")
	for id, p := range second {
		checkSuppressed(t, id+", second edition", p, nil, 7)
		for key, c := range p {
			before := first[id][key]
			area, period, _ := strings.Cut(key, " ")
			leaf := len(places.Children(area)) == 0 && !strings.Contains(period, "Q")
			if leaf && before.Count != nil && (c.Count == nil || *c.Count != *before.Count) {
				t.Errorf("%s: %s moved by fewer than eight, from %s to %s", id, key, before, c)
			}
		}
	}
	// The attack is sound: the truth lies where it says.
	for key, s := range attack(t, first["health.assaults"], small, 0) {
		if n, ok := counts[key]; ok && (n < s.low || n > s.high) {
			t.Errorf("%s is %d, and the attack says %d to %d", key, n, s.low, s.high)
		}
	}
}

// checkSuppressed fails when what was published tells a suppressed count.
func checkSuppressed(t *testing.T, id string, p published, small map[string]bool, slack int) {
	t.Helper()
	spans := attack(t, p, small, slack)
	suppressed := 0
	for key, c := range p {
		if c.Mark != "*" {
			continue
		}
		suppressed++
		if s := spans[key]; s.high-s.low < 2 {
			t.Errorf("%s: %s is suppressed, and lies between %d and %d", id, key, s.low, s.high)
		}
	}
	if suppressed < 5 || len(p)-suppressed < 5 {
		t.Errorf("%s: %d of %d cells are suppressed: the test sees too little", id, suppressed, len(p))
	}
}

// TestInvariant09StableForEverybody gives the same cells whoever asks, and
// however often.
func TestInvariant09StableForEverybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.crimes(map[string]int{"E06000020 2026-04": 3, "E06000020 2026-05": 61, "E06000020 2026-06": 17, "E06000051 2026-05": 22})
	h.freeze()
	question := askArea("soc-local-profile", "E06000020", "2026-04", "2026-06", "month")
	first := texts(h.area("analyst", question).cells("police.robbery"))
	if len(first) == 0 || strings.Contains(strings.Join(first, ""), "2026-04 3") {
		t.Fatalf("%v", first)
	}
	for _, persona := range []string{"supervisor", "housing-ig", "health-ig", "analyst", "analyst"} {
		if got := texts(h.area(persona, question).cells("police.robbery")); strings.Join(got, ";") != strings.Join(first, ";") {
			t.Errorf("%s reads %v, the first read %v", persona, got, first)
		}
	}
	if r := h.call("analyst", http.MethodPost, "/v1/profiles/area", with(question, "case_ref", "OTHER")); r.status != http.StatusOK {
		t.Errorf("status %d", r.status)
	}
}
