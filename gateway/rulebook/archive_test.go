package rulebook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

func archived(tb testing.TB, r *rulebook.Rules) []byte {
	tb.Helper()
	raw, err := r.Archive()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// chosen is an archive worth the name: two versions, one suspended agreement.
func chosen(tb testing.TB) *rulebook.Rules {
	tb.Helper()
	d := read(tb, succeeded(tb))
	c := d.Newest()
	c.Suspensions = []rulebook.Suspension{suspended(version("ISA-ME-WMP-001", 1), "2026-12-01")}
	return rules(tb, d, c)
}

func TestArchive(t *testing.T) {
	t.Parallel()
	r := chosen(t)
	raw := archived(t, r)
	if !bytes.Equal(raw, archived(t, r)) {
		t.Error("archiving twice gives two files")
	}
	again, err := rulebook.FromArchive(t.Context(), raw, r.Revision())
	if err != nil {
		t.Fatal(err)
	}
	if again.Revision() != r.Revision() || again.Policy.Evaluator() != r.Policy.Evaluator() || !again.Choice.Equal(r.Choice) {
		t.Errorf("other rules: %+v", again.Choice)
	}
	if diff := cmp.Diff(r.Files, again.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if !bytes.Equal(raw, archived(t, again)) {
		t.Error("archived again, the bytes differ")
	}
	want, err := json.Marshal(answers(t, r))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(answers(t, again))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Error("the decisions differ")
	}
}

// altered is the archive with its files changed.
func altered(tb testing.TB, raw []byte, change func(files map[string][]byte)) []byte {
	tb.Helper()
	files, err := bundle.Unpack(raw)
	if err != nil {
		tb.Fatal(err)
	}
	change(files)
	out, err := bundle.Pack(files)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestArchiveFlipped changes one byte of each file in turn. What is not refused
// must be what was in force: the byte meant nothing, as in an approval, which is
// judged by itself, or in a version that is not live.
func TestArchiveFlipped(t *testing.T) {
	t.Parallel()
	r := chosen(t)
	raw := archived(t, r)
	for _, name := range r.Files.Names() {
		for _, at := range []int{1, len(r.Files[name]) / 2, len(r.Files[name]) - 2} {
			bad := altered(t, raw, func(files map[string][]byte) { files[name][at] ^= 1 })
			got, err := rulebook.FromArchive(t.Context(), bad, r.Revision())
			if name == "agreements/"+tenancy+"/agreement.json" || name == "purposes.json" {
				continue // not live; and of the purposes the members count, not the bytes
			}
			damaged(t, name, got, err)
		}
	}
}

func damaged(t *testing.T, what string, got *rulebook.Rules, err error) {
	t.Helper()
	if got != nil || !fault.Is(err, fault.Internal) || code(err) != "archive-damaged" {
		t.Errorf("%s: %v", what, err)
	}
}

func TestArchiveAltered(t *testing.T) {
	t.Parallel()
	r := chosen(t)
	raw := archived(t, r)
	choice := func(change func(c *rulebook.Choice)) func(map[string][]byte) {
		return func(files map[string][]byte) {
			var all struct {
				rulebook.Choice

				Evaluator string `json:"evaluator"`
			}
			if err := json.Unmarshal(files["choice.json"], &all); err != nil {
				t.Fatal(err)
			}
			change(&all.Choice)
			out, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			files["choice.json"] = out
		}
	}
	replace := func(name, old, now string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			text := string(files[name])
			if !strings.Contains(text, old) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			files[name] = []byte(strings.Replace(text, old, now, 1))
		}
	}
	for name, change := range map[string]func(map[string][]byte){
		"another version live": choice(func(c *rulebook.Choice) {
			c.Live[slices.Index(c.Live, version(tenancy, 2))].Version = 1
		}),
		"one live less":                 choice(func(c *rulebook.Choice) { c.Live = c.Live[1:] }),
		"no suspension":                 choice(func(c *rulebook.Choice) { c.Suspensions = nil }),
		"a suspension on another day":   choice(func(c *rulebook.Choice) { c.Suspensions[0].On = "2027-12-01" }),
		"a suspension by somebody else": choice(func(c *rulebook.Choice) { c.Suspensions[0].By = "west-mercia-police" }),
		"a suspension of another": choice(func(c *rulebook.Choice) {
			c.Suspensions[0].Version = version(tenancy, 2)
		}),
		"a version that is not there": choice(func(c *rulebook.Choice) { c.Live[0].Version = 9 }),
		"another evaluator":           replace("choice.json", `"evaluator":"`, `"evaluator":"0`),
		"no choice":                   func(f map[string][]byte) { delete(f, "choice.json") },
		"a broken choice":             func(f map[string][]byte) { f["choice.json"] = []byte("{") },
		"a place moved":               replace("places.json", `"Redditch", "level": "local_authority", "parent": "lpa:north-`, `"Redditch", "level": "local_authority", "parent": "lpa:south-`),
		"a purpose that is no law enforcement any more": replace("purposes.json", `"law_enforcement": true`, `"law_enforcement": false`),
		"a rule more":  func(f map[string][]byte) { f["concord/release/more.rego"] = []byte("package concord.release\n") },
		"another file": func(f map[string][]byte) { f["more.txt"] = []byte("x") },
		"a dataset more": func(f map[string][]byte) {
			f["datasets/housing.other.schema.json"] = bytes.ReplaceAll(f["datasets/housing.tenancy.schema.json"], []byte("housing.tenancy"), []byte("housing.other"))
		},
		"nothing": func(f map[string][]byte) { clear(f) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := rulebook.FromArchive(t.Context(), altered(t, raw, change), r.Revision())
			damaged(t, name, got, err)
		})
	}
	for name, bad := range map[string][]byte{"no bytes": nil, "half": raw[:len(raw)/2], "more": append(bytes.Clone(raw), 0)} {
		got, err := rulebook.FromArchive(t.Context(), bad, r.Revision())
		damaged(t, name, got, err)
	}
	for _, revision := range []string{"", strings.Repeat("0", 64), strings.ToUpper(r.Revision())} {
		got, err := rulebook.FromArchive(t.Context(), raw, revision)
		damaged(t, "revision "+revision, got, err)
	}
}

// TestRevisionOfChoice holds two choices against each other: they have one
// revision exactly where the same versions are live and suspended in the same
// way, whatever else they say and in whatever order.
func TestRevisionOfChoice(t *testing.T) {
	t.Parallel()
	d := read(t, succeeded(t))
	ids := []string{tenancy, "ISA-ME-WMP-001", "ISA-SH-WMP-001"}
	known := map[string]string{} // choice to revision
	draw := rapid.Custom(func(t *rapid.T) rulebook.Choice {
		var c rulebook.Choice
		for _, id := range rapid.Permutation(ids).Draw(t, "order") {
			if n := rapid.IntRange(0, 2).Draw(t, id); n == 1 || (n == 2 && id == tenancy) {
				c.Live = append(c.Live, version(id, n))
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "suspensions") {
			v := version(rapid.SampledFrom(ids).Draw(t, "of"), rapid.IntRange(1, 2).Draw(t, "to"))
			c.Suspensions = append(c.Suspensions, suspended(v, rapid.SampledFrom([]string{"2026-12-01", "2026-12-02"}).Draw(t, "on")))
		}
		return c
	})
	byRevision := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		c := draw.Draw(t, "choice")
		effect, text := effectOf(c), fmt.Sprint(c)
		if _, seen := known[text]; seen && rapid.IntRange(0, 3).Draw(t, "skip") > 0 {
			return
		}
		r, err := d.Rules(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := known[text]; ok && before != r.Revision() {
			t.Fatalf("%s has two revisions", text)
		}
		if before, ok := byRevision[r.Revision()]; ok && before != effect {
			t.Fatalf("%s and %s have one revision", before, effect)
		}
		known[text], byRevision[r.Revision()] = r.Revision(), effect
	})
}

// effectOf says what a choice comes to, by itself.
func effectOf(c rulebook.Choice) string {
	lines := map[string]bool{}
	for _, v := range c.Live {
		on := "never"
		for _, s := range c.Suspensions {
			if s.Agreement == v.Agreement && s.Version.Version >= v.Version && (on == "never" || s.On < on) {
				on = s.On
			}
		}
		lines[v.Agreement+" "+strings.Repeat("I", v.Version)+" "+on] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "; ")
}
