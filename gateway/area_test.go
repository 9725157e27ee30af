package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
)

type auditReleased = audit.Released

// areaAnswer is the answer to a question about an area.
type areaAnswer struct {
	Edition, Area, From, To string
	Sections                []struct {
		ID         string
		Indicators []indicator
	}
	Coverage []struct{ Provider, Dataset, Area, State string }
	Withheld []struct{ Provider, Dataset, Code string }
}

type indicator struct {
	ID, Dataset, Provider, Agreement string
	Cells                            []cell
	Trend                            struct{ From, To, Change string }
	Comparator                       *struct {
		Area  string
		Count *int
		Mark  string
	}
}

type cell struct {
	Area, Period, Mark string
	Count              *int
	Rate               *float64
}

func (c cell) String() string {
	if c.Count != nil {
		return fmt.Sprintf("%s %s %d", c.Area, c.Period, *c.Count)
	}
	return c.Area + " " + c.Period + " " + c.Mark
}

func (h *house) area(persona string, question map[string]any) areaAnswer {
	h.t.Helper()
	var a areaAnswer
	h.call(persona, http.MethodPost, "/v1/profiles/area", question).want(http.StatusOK, &a)
	return a
}

// indicator returns one provider's indicator.
func (a areaAnswer) indicator(id string) indicator {
	for _, s := range a.Sections {
		for _, i := range s.Indicators {
			if i.ID == id {
				return i
			}
		}
	}
	return indicator{}
}

func (a areaAnswer) cells(id string) []cell { return a.indicator(id).Cells }

// texts writes cells as "area period count-or-mark".
func texts(cells []cell) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = c.String()
	}
	return out
}

// assaults sends attendances: so many of each area and month.
func (h *house) assaults(prefix string, counts map[string]int) {
	h.t.Helper()
	var rows []map[string]any
	for key, n := range counts {
		var area, month string
		if _, err := fmt.Sscan(key, &area, &month); err != nil {
			h.t.Fatal(err)
		}
		for i := range n {
			rows = append(rows, map[string]any{
				"source_id": fmt.Sprintf("%s-%s-%s-%d", prefix, area, month, i), "area": area, "reporting_period": month, "site_code": "RXW01",
				"arrival_time": month + "-05T01:10:00Z", "method": []string{"body_part", "blade"}[i%2], "location_type": "street",
			})
		}
	}
	if got := h.submit(sent{"health-submitter", "health.assault_attendance", "ISA-MH-WMP-001", rows}); got.Rejected > 0 {
		h.t.Fatalf("%+v", got)
	}
}

// crimes sends recorded robberies: area and month to count.
func (h *house) crimes(counts map[string]int) {
	h.t.Helper()
	var rows []map[string]any
	for key, n := range counts {
		var area, month string
		if _, err := fmt.Sscan(key, &area, &month); err != nil {
			h.t.Fatal(err)
		}
		rows = append(rows, map[string]any{
			"source_id": "R-" + area + "-" + month, "area": area, "month": month, "category": "robbery", "count": n, "knife_enabled": n / 4, "data_status": "final",
		})
	}
	if got := h.submit(sent{"police-submitter", "police.crime_count", "ISA-WMP-WMP-001", rows}); got.Rejected > 0 {
		h.t.Fatalf("%+v", got)
	}
}

func (h *house) freeze() map[string]any {
	h.t.Helper()
	var m map[string]any
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, &m)
	return m
}

// TestEditions freezes by who may, lists in order, and answers no area before
// the first.
func TestEditions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	question := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	p := h.call("analyst", http.MethodPost, "/v1/profiles/area", question).problem(http.StatusConflict, "no-edition")
	if p.AuditIndex == nil {
		t.Error("the refusal is not logged")
	}
	h.assaults("a", map[string]int{"E06000020 2026-03": 20})
	first := h.freeze()
	h.clock.Advance(time.Hour)
	var second map[string]any
	h.call("ig-lead", http.MethodPost, "/v1/editions", map[string]any{}).want(http.StatusCreated, &second)
	if first["from"] != "2026-03" || first["to"] != "2026-10" || first["edition"] == second["edition"] {
		t.Errorf("%v, %v", first, second)
	}
	var page struct{ Items []map[string]any }
	h.call("supervisor", http.MethodGet, "/v1/editions", nil).want(http.StatusOK, &page)
	if diff := cmp.Diff([]map[string]any{first, second}, page.Items); diff != "" {
		t.Errorf("(-frozen +listed):\n%s", diff)
	}
	if e := h.durable(int64(second["audit_index"].(float64))); e.Admin["edition"] != second["edition"] || e.Actor.Subject != "ig-lead@west-mercia-police.example" {
		t.Errorf("%+v", e)
	}
	if a := h.area("analyst", question); a.Edition != second["edition"] {
		t.Errorf("the answer is of edition %s", a.Edition)
	}
	h.call("supervisor", http.MethodPost, "/v1/editions", map[string]any{"area": "x"}).problem(http.StatusBadRequest, "unknown-field")
}

// TestAreaBreakdowns reads one edition in each breakdown: suppressed cells are
// marked, rolled up where a coarser one is published, and no data is not zero.
func TestAreaBreakdowns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assaults("a", map[string]int{
		"E06000020 2026-01": 23, "E06000020 2026-02": 12, "E06000020 2026-03": 9, "E06000020 2026-04": 41, "E06000020 2026-05": 3, "E06000020 2026-06": 18,
		"E07000237 2026-01": 31, "E07000238 2026-01": 2, "E07000235 2026-01": 14,
	})
	h.freeze()
	ask := func(area, from, to, by string) []string {
		return texts(h.area("analyst", askArea("soc-local-profile", area, from, to, by)).cells("health.assaults"))
	}
	for _, c := range []struct {
		area, from, to, by string
		want               []string
	}{
		{"E06000020", "2026-01", "2026-03", "none", []string{"E06000020 2026-Q1 45"}},
		{"E06000020", "2026-01", "2026-03", "month", []string{"E06000020 2026-01 25", "E06000020 2026-02 10", "E06000020 2026-03 10"}},
		{"E06000020", "2026-01", "2026-02", "quarter", []string{"E06000020 2026-01 25", "E06000020 2026-02 10"}},
		{"E06000020", "2025-11", "2026-01", "month", []string{"E06000020 2025-11 -", "E06000020 2025-12 -", "E06000020 2026-01 25"}},
	} {
		if diff := cmp.Diff(c.want, ask(c.area, c.from, c.to, c.by)); diff != "" {
			t.Errorf("%s %s to %s by %s (-want +got):\n%s", c.area, c.from, c.to, c.by, diff)
		}
	}
	// May holds three: never a number; the quarter may stand in for it.
	for _, text := range ask("E06000020", "2026-04", "2026-06", "month") {
		if text == "E06000020 2026-05 5" || text == "E06000020 2026-05 0" || text == "E06000020 2026-05 3" {
			t.Errorf("a count of three was published: %s", text)
		}
	}
	if got := ask("lpa:south-worcestershire", "2026-01", "2026-01", "area"); !slices.Contains(got, "E07000237 2026-01 30") && !slices.Contains(got, "E07000237 2026-01 *") {
		t.Errorf("%v", got)
	}
	if a := h.area("analyst", askArea("soc-local-profile", "E06000020", "2026-01", "2026-03", "none")); a.indicator("health.assaults").Comparator.Area != "E23000016" {
		t.Errorf("%+v", a.indicator("health.assaults"))
	}
}

// TestAreaQuestions refuses what is no area, month or breakdown.
func TestAreaQuestions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.freeze()
	good := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	for _, c := range []struct{ field, value, code, pointer string }{
		{"area", "E06000099", "area-unknown", "/area"},
		{"area", "lpa:nowhere", "area-unknown", "/area"},
		{"from", "2026-13", "month-form", "/from"},
		{"to", "June", "month-form", "/to"},
		{"to", "2025-12", "month-order", "/to"},
		{"by", "week", "by-unknown", "/by"},
	} {
		if p := h.call("analyst", http.MethodPost, "/v1/profiles/area", with(good, c.field, c.value)).problem(http.StatusBadRequest, c.code); p.Pointer != c.pointer {
			t.Errorf("%s %s: pointer %q", c.field, c.value, p.Pointer)
		}
	}
	h.call("analyst", http.MethodPost, "/v1/profiles/area", with(good, "purpose", "unheard-of")).problem(http.StatusForbidden, "purpose-unknown")
	h.call("analyst", http.MethodPost, "/v1/profiles/area", with(good, "purpose", "soc-investigation")).problem(http.StatusForbidden, "nothing-permitted")
}

// TestAreaOfAPartner shows a partner the counts of the police under its own
// agreement, and nothing that it has no part in.
func TestAreaOfAPartner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assaults("a", map[string]int{"E06000020 2026-01": 23})
	h.crimes(map[string]int{"E06000020 2026-01": 33})
	h.freeze()
	question := askArea("soc-local-profile", "E06000020", "2026-01", "2026-01", "none")
	a := h.area("housing-ig", question)
	if got := a.indicator("police.robbery"); got.Agreement != "ISA-WMP-TH-001" || got.Provider != "west-mercia-police" || *got.Cells[0].Count != 35 {
		t.Errorf("%+v", got)
	}
	if len(a.cells("health.assaults")) > 0 {
		t.Error("a housing provider sees the hospital's counts")
	}
	for _, w := range a.Withheld {
		if w.Provider == "mercia-health" || w.Provider == "mercia-education" {
			t.Errorf("a housing provider is told of %+v", w)
		}
	}
	if got := h.area("analyst", question).indicator("police.robbery"); got.Agreement != "ISA-WMP-WMP-001" {
		t.Errorf("%+v", got)
	}
	if items, _ := h.register("housing-ig"); len(items) > 0 && items[0].Entry.Action == audit.Disclose {
		for _, r := range items[0].Entry.Released {
			if r.Dataset == "police.robbery" {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestAreaCoverage says what was submitted, what is missing and what no
// agreement covers, so that nothing is taken for a zero.
func TestAreaCoverage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assaults("a", map[string]int{"E06000020 2026-03": 23})
	h.freeze()
	states := func(area, from, to string) map[string]string {
		out := map[string]string{}
		for _, c := range h.area("analyst", askArea("soc-local-profile", area, from, to, "none")).Coverage {
			out[c.Provider+" "+c.Dataset] = c.State
		}
		return out
	}
	for _, c := range []struct{ area, from, to, group, want string }{
		{"E06000020", "2026-03", "2026-03", "mercia-health health.assault_attendance", "submitted"},
		{"E06000020", "2025-03", "2025-03", "mercia-health health.assault_attendance", "missing"},
		{"E06000020", "2026-03", "2026-03", "telford-housing housing.tenancy", "missing"},
		{"E06000019", "2026-03", "2026-03", "telford-housing housing.tenancy", "not-covered"},
	} {
		if got := states(c.area, c.from, c.to)[c.group]; got != c.want {
			t.Errorf("%s %s of %s: %q, want %q", c.area, c.from, c.group, got, c.want)
		}
	}
}

// TestEditionsAtOnce freezes from many at once: each is a whole edition or is
// told that another came first, and none is lost.
func TestEditionsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.crimes(map[string]int{"E06000020 2026-05": 61})
	const freezers = 5
	statuses := make(chan int, freezers)
	for range freezers {
		go func() { statuses <- h.call("supervisor", http.MethodPost, "/v1/editions", nil).status }()
	}
	frozen := 0
	for range freezers {
		switch status := <-statuses; status {
		case http.StatusCreated:
			frozen++
		case http.StatusConflict:
		default:
			t.Errorf("status %d", status)
		}
	}
	var page struct{ Items []map[string]any }
	h.call("supervisor", http.MethodGet, "/v1/editions", nil).want(http.StatusOK, &page)
	if frozen == 0 || len(page.Items) != frozen {
		t.Errorf("%d frozen, %d listed", frozen, len(page.Items))
	}
	h.restart()
	if c := h.area("analyst", askArea("soc-local-profile", "E06000020", "2026-05", "2026-05", "none")).cells("police.robbery"); len(c) != 1 || *c[0].Count != 60 {
		t.Errorf("%v", c)
	}
}
