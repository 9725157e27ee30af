package release_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/release"
)

// housing is three years of counts like those of a housing provider: about two
// in each authority and month.
func housing(seed uint64) ([]string, table) {
	r := rand.New(rand.NewPCG(seed, 9))
	months, truth := release.Months("2023-01", "2025-12"), table{}
	for _, leaf := range mercia["E23000016"] {
		for _, m := range months {
			n := 0
			for p := r.Float64(); p > math.Exp(-2); p *= r.Float64() {
				n++
			}
			truth[key{Area: leaf, Period: m}] = n
		}
	}
	return months, truth
}

// What is protected must still be worth reading.
func TestEditionsOfRealSizesStayUseful(t *testing.T) {
	shown, all := map[string]int{}, map[string]int{}
	for seed := range uint64(5) {
		months, truth := housing(seed)
		later := table{}
		for k, n := range truth {
			later[k] = n + len(k.Period+k.Area)%2
		}
		for _, s := range protect(t, mercia, months, truth, later) {
			for k, c := range s.Cells {
				level := k.Area[:3] + map[bool]string{true: " year", false: " part"}[len(k.Period) == 4]
				if len(k.Period) == 7 && k.Period[5] == 'Q' {
					level = k.Area[:3] + " quarter"
				}
				all[level]++
				if c.Mark == release.Shown {
					shown[level]++
				}
				if c.Basis == release.Withdrawn {
					t.Fatalf("seed %d: an edition was withdrawn", seed)
				}
			}
		}
	}
	for level, percent := range map[string]int{"E23 year": 60, "E23 quarter": 75, "E23 part": 75, "E10 year": 60, "E10 quarter": 75, "E07 year": 75, "E06 year": 75} {
		if got := 100 * shown[level] / all[level]; got < percent {
			t.Errorf("%s: %d%% shown, want %d%%", level, got, percent)
		}
	}
}

func TestASeriesSurvivesJSON(t *testing.T) {
	months, truth := housing(1)
	s := protect(t, mercia, months, truth)[0]
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back release.Series
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
	if err := new(key).UnmarshalText([]byte("E06000019")); err == nil {
		t.Error("a key without a period was read")
	}
}

// One series over three years: the first edition, and the third.
func BenchmarkProtect(b *testing.B) {
	g := release.NewGeography(mercia)
	months, truth := housing(1)
	for name, editions := range map[string]int{"edition=1": 0, "edition=3": 2} {
		var previous []release.Series
		for range editions {
			s, err := release.Protect(g, months, truth, previous)
			if err != nil {
				b.Fatal(err)
			}
			previous = append(previous, s)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := release.Protect(g, months, truth, previous); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
