package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
)

// whatIsRead is what a Memo's questions are, in words.
func whatIsRead(m *Memo) []string {
	out := []string{}
	for _, q := range m.asks {
		out = append(out, strings.TrimSpace(q.name()))
	}
	return out
}

// TestMemoReads pins what the shipped rules are found to read: who asks is not
// in it, and neither is the case but for how its reference begins.
func TestMemoReads(t *testing.T) {
	want := []string{
		"actor/agency value", "actor/clearance value", "actor/roles value", "groups value",
		"request/case_link value", "request/case_ref start CE-", "request/case_ref start OP-",
		"request/emergency null", "request/emergency/ground value", "request/emergency/incident length",
		"request/kind value", "request/purpose value", "request/time order",
		"usage/agency_subjects_last_day order", "usage/agency_subjects_last_hour order",
		"usage/subjects_last_day order", "usage/subjects_last_hour order",
	}
	if diff := cmp.Diff(want, whatIsRead(NewMemo(newEngine(t, sample(t))))); diff != "" {
		t.Errorf("the rules read (-want +got):\n%s", diff)
	}
}

// withConditions gives one agreement conditions.
func withConditions(tb testing.TB, cfg Config, id, body string) Config {
	tb.Helper()
	return underConditions(tb, cfg, func(a string) string {
		if a != id {
			return ""
		}
		return body
	})
}

// conditioned gives each agreement the conditions that it is said to have.
func underConditions(tb interface {
	Helper()
	Fatal(args ...any)
}, cfg Config, body func(id string) string,
) Config {
	tb.Helper()
	files := fstest.MapFS{}
	for _, a := range cfg.Agreements.All() {
		files[a.ID+"/agreement.json"] = &fstest.MapFile{Data: a.Source}
		if b := body(a.ID); b != "" {
			text := fmt.Sprintf("package concord.agreements[%q]\n\n%s\n", a.ID, b)
			files[a.ID+"/conditions.rego"] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	r, err := agreement.Load(files, cfg.Datasets)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Agreements = r
	return cfg
}

// TestMemoReadsConditions reads conditions of every kind.
func TestMemoReadsConditions(t *testing.T) {
	cases := map[string]struct {
		body string
		// reads must be among the questions, and not must not.
		reads, not []string
	}{
		"the time as text":     {"permit if input.request.time > \"2026\"", []string{"request/time value"}, []string{"request/time order"}},
		"the time as a number": {"permit if time.parse_rfc3339_ns(input.request.time) > 5", []string{"request/time value"}, nil},
		"the day of the week":  {"permit if time.weekday(time.parse_rfc3339_ns(input.request.time)) != \"Sunday\"", []string{"request/time value"}, nil},
		"usage":                {"permit if input.usage.subjects_last_day < 7", []string{"usage/subjects_last_day value"}, nil},
		"part of the input":    {"permit if input.request.emergency == input.actor.subject", []string{"request/emergency value", "actor/subject value"}, nil},
		"the whole request":    {"permit if input.request != {}", []string{"request value"}, []string{"request/time order"}},
		"the whole input":      {"permit if count(input) > 1", []string{"value"}, nil},
		"the input by a name":  {"permit if {\n\tx := input\n\tx.request.case_ref == \"a\"\n}", []string{"value"}, nil},
		"an import":            {"import input.request as r\n\npermit if r.case_ref == \"a\"", []string{"request value"}, nil},
		"a walk":               {"permit if {\n\twalk(input.request, [_, v])\n\tv == \"a\"\n}", []string{"request value"}, nil},
		"a computed name":      {"permit if {\n\tsome k in [\"case_ref\"]\n\tinput.request[k] == \"a\"\n}", []string{"request value"}, nil},
		"a clock of its own":   {"permit if time.parse_rfc3339_ns(input.request.time) > 5", []string{"request/time value"}, nil},
		"a text, for what it is": {
			"permit if input.request.case_ref == \"OP-1\"\n\ndeny contains \"no\" if endswith(input.request.case_ref, \"-X\")",
			[]string{"request/case_ref same OP-1", "request/case_ref end -X"}, []string{"request/case_ref value"},
		},
		"a text, twice over": {
			"permit if startswith(input.request.case_ref, \"OP\")\n\ndeny contains input.request.case_ref if input.request.kind == \"x\"",
			[]string{"request/case_ref value"}, []string{"request/case_ref start OP"},
		},
		"a pattern": {"permit if regex.match(`^OP`, input.request.case_ref)", []string{"request/case_ref value"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := NewMemo(newEngine(t, withConditions(t, sample(t), "ISA-TH-WMP-001", c.body)))
			got := whatIsRead(m)
			for _, want := range c.reads {
				if !slices.Contains(got, want) {
					t.Errorf("does not read %q: %q", want, got)
				}
			}
			for _, not := range c.not {
				if slices.Contains(got, not) {
					t.Errorf("reads %q", not)
				}
			}
		})
	}
}

// TestMemoReadsRules adds rules to the core after which times and usage count as
// they stand, since a rule could hold them against a number of its own making.
func TestMemoReadsRules(t *testing.T) {
	for name, rule := range map[string]string{
		"arithmetic":             "more if {\n\tsome x in [{\"a\": 2 + 3}]\n\t_now < x.a\n}",
		"a time of its own":      "more := time.parse_rfc3339_ns(\"2026-01-01T00:00:00Z\")",
		"a count that is kept":   "more := count(data.agreements)",
		"a number from a text":   "more := to_number(\"5\")",
		"the clock in a call":    "more := max([_now, 5])",
		"the clock by a name":    "more if {\n\tx := _now\n\tx > 5\n}",
		"the clock as a member":  "more := {\"a\": _now}",
		"the clock for a number": "more if _now < 1780000000000000000",
		"conditions as numbers":  "more := data.concord.agreements[\"ISA-ME-WMP-001\"].number",
		"the time once more":     "more := input.request.time",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sample(t)
			core := copied(t, cfg.Core)
			core["release/more.rego"] = &fstest.MapFile{Data: []byte("package concord.release\n\n" + rule + "\n")}
			cfg.Core = core
			cfg = withConditions(t, cfg, "ISA-ME-WMP-001", "permit := true\n\nnumber := 5")
			got := whatIsRead(NewMemo(newEngine(t, cfg)))
			if !slices.Contains(got, "request/time value") || slices.Contains(got, "request/time order") {
				t.Errorf("reads %q", got)
			}
		})
	}
}

// TestMemoNumbers finds the numbers that usage and time are held against, and no
// others, until the core writes such a name itself.
func TestMemoNumbers(t *testing.T) {
	cfg := sample(t)
	count := func(m *Memo) (usage int, instants []int64) {
		for _, q := range m.asks {
			switch q.path {
			case "usage/subjects_last_day":
				usage = len(q.numbers)
			case timePath:
				instants = q.numbers
			}
		}
		return usage, instants
	}
	usage, instants := count(NewMemo(newEngine(t, cfg)))
	// A day of review is a number only where a term waits for it.
	quotas, days, perhaps := map[int]bool{below(0): true}, map[int64]bool{math.MaxInt64: true}, map[int64]bool{}
	for _, a := range cfg.Agreements.All() {
		days[dayStart(a.Valid.From, 0, 0)], days[until(a)], days[stops(a)], perhaps[reviewed(a)] = true, true, true, true
		for _, s := range a.Datasets {
			for _, p := range s.Purposes {
				if p.Quota != nil {
					quotas[p.Quota.PerDay] = true
				}
			}
		}
	}
	for _, n := range instants {
		if !days[n] && !perhaps[n] {
			t.Errorf("no day begins at %d", n)
		}
		delete(days, n)
	}
	if usage != len(quotas) || len(days) > 0 {
		t.Errorf("%d quotas, want %v, and %v is missing", usage, quotas, days)
	}
	core := copied(t, cfg.Core)
	core["release/more.rego"] = &fstest.MapFile{Data: []byte("package concord.release\n\nmore if {\n\tsome own in [{\"per_day\": 7}]\n\tinput.usage.subjects_last_day < own.per_day\n}\n")}
	cfg.Core = core
	if more, same := count(NewMemo(newEngine(t, cfg))); more <= usage || len(same) != len(instants) {
		t.Errorf("with a limit of the core's own: %d quotas and %v", more, same)
	}
}

// bodies are conditions that the property test draws from.
func bodies() []string {
	return []string{
		"", "", "", "permit := true",
		"permit if startswith(input.request.case_ref, \"OP-\")",
		"permit if input.request.case_ref != \"OP-1\"",
		"permit if input.request.time < \"2026-06-30T12\"",
		"permit := true\n\ndeny contains \"Not today.\" if time.weekday(time.parse_rfc3339_ns(input.request.time)) == \"Tuesday\"",
		"permit := true\n\ndeny contains input.request.case_ref if input.usage.subjects_last_day > 2",
		"permit if time.parse_rfc3339_ns(input.request.time) > 1782777600000000000",
		"permit if {\n\tsome v in input.request\n\tv == \"OP-2\"\n}",
		"permit if count(json.marshal(input)) % 2 == 0",
		"permit if input.request.emergency.incident == \"I-1\"\n\npermit if input.request.emergency == null",
		"permit if count(input.actor.roles) < 2",
	}
}

// TestMemoDecidesAsTheEngine draws agreements with conditions that look at all
// sorts of things, and many inputs that differ in little, so that most answers
// are given again: each is the engine's.
func TestMemoDecidesAsTheEngine(t *testing.T) {
	base := sample(t)
	asked := requests(base)
	hits, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		cfg, draw := base, drawInput
		if rapid.Bool().Draw(t, "shipped") { // the agreements under which most is released
			draw = func(t *rapid.T) Input { return rapid.SampledFrom(asked).Draw(t, "input") }
		} else {
			cfg.Agreements = drawAgreements(t, base)
		}
		cfg = underConditions(t, cfg, func(string) string { return rapid.SampledFrom(bodies()).Draw(t, "conditions") })
		e, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		m := NewMemo(e)
		ask := func(in Input) {
			want, err := e.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			before := len(m.known)
			got, err := m.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if all++; before == len(m.known) {
				hits++
			}
			if diff := cmp.Diff(want, got.Decision); diff != "" || got.Digest != want.Digest() {
				t.Fatalf("%+v\nengine and memo (-want +got):\n%s", in, diff)
			}
		}
		for range 4 {
			in := draw(t)
			ask(in)
			for range 8 {
				ask(nudged(t, in))
			}
		}
	})
	if hits*4 < all {
		t.Errorf("of %d answers only %d were given again", all, hits)
	}
}

// nudged changes one or two things of an input.
func nudged(t *rapid.T, in Input) Input {
	for range rapid.IntRange(1, 2).Draw(t, "nudges") {
		switch rapid.IntRange(0, 6).Draw(t, "nudge") {
		case 0:
			in.Actor.Subject = rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "subject")
		case 1:
			in.Request.CaseRef = rapid.SampledFrom([]string{"OP-1", "OP-2", "X"}).Draw(t, "case")
		case 2:
			in.Request.Time = rapid.SampledFrom(append(oracleTimes, "2026-06-30T12:00:01Z", "2026-05-05T05:05:05Z")).Draw(t, "time")
		case 3:
			in.Usage.SubjectsLastHour = rapid.IntRange(0, 9).Draw(t, "hour")
		case 4:
			in.Usage.SubjectsLastDay = rapid.IntRange(0, 30).Draw(t, "day")
		case 5:
			if in.Request.Emergency != nil {
				e := *in.Request.Emergency
				e.Incident = rapid.SampledFrom([]string{"", "I-1", "I-2", "J"}).Draw(t, "incident")
				in.Request.Emergency = &e
			}
		case 6:
			in.Actor.Roles = rapid.SampledFrom([][]string{{"analyst"}, {"analyst", "emergency"}, {"supervisor"}}).Draw(t, "roles")
		}
	}
	return in
}

// TestMemoFindsThatItIsUnsound takes away what the rules read: the answer that
// would be given wrongly is found when it is decided anew.
func TestMemoFindsThatItIsUnsound(t *testing.T) {
	cfg := sample(t)
	m := NewMemo(newEngine(t, cfg))
	m.asks = nil
	in := person(allGroups(cfg))
	if _, err := m.Decide(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	in.Request.Purpose = "none-such"
	for i := 1; i < memoCheck; i++ {
		if _, err := m.Decide(t.Context(), in); err != nil {
			t.Fatalf("use %d: %v", i, err)
		}
	}
	if _, err := m.Decide(t.Context(), in); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v", err)
	}
}

// TestMemoIsBounded forgets when it is full, and keeps no faults.
func TestMemoIsBounded(t *testing.T) {
	cfg := sample(t)
	m := NewMemo(newEngine(t, cfg))
	m.most = 3
	in := person(allGroups(cfg))
	for i := range 10 {
		in.Usage.SubjectsLastDay = i
		if _, err := m.Decide(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if len(m.known) > m.most {
			t.Fatalf("%d answers are held", len(m.known))
		}
	}
	for _, bad := range []string{"yesterday", "1500-01-01T00:00:00Z"} {
		before := len(m.known)
		in.Request.Time = bad
		if _, err := m.Decide(t.Context(), in); err == nil && bad == "yesterday" || len(m.known) != before {
			t.Errorf("%s: %v, %d held", bad, err, len(m.known))
		}
	}
}

// BenchmarkMemo answers one question over and over.
func BenchmarkMemo(b *testing.B) {
	cfg := sample(b)
	m := NewMemo(newEngine(b, cfg))
	in := person(allGroups(cfg))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Decide(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
