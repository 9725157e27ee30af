package linkage_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
)

// link runs the real thing over a world made of the entries.
func link(t *rapid.T, ring keyring.Keyring, entries []entry, groups []linkage.Group, in ids) linkage.Result {
	w, err := newWorld(ring, entries)
	if err != nil {
		t.Fatal(err)
	}
	s, err := linkage.NewSubject(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := linkage.Link(t.Context(), s, groups, w)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// agree compares a result with the oracle's.
func agree(t *rapid.T, got linkage.Result, entries []entry, groups []linkage.Group, in ids) {
	outcome, method, found := oracle(entries, groups, in)
	if got.Outcome != outcome || got.Method != method {
		t.Fatalf("got %s by %q, want %s by %q", got.Outcome, got.Method, outcome, method)
	}
	if diff := cmp.Diff(found, sources(got)); diff != "" {
		t.Fatal(diff)
	}
}

// TestLinkNeverMixesPeople: in a population in which nobody shares an
// identifier, a question about one person never returns a record of another,
// and one that gives one identifier is never ambiguous.
func TestLinkNeverMixesPeople(t *testing.T) {
	ring := openRing(t)
	outcomes := map[linkage.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		all := population(t)
		who := rapid.IntRange(0, 3).Draw(t, "who")
		in := somePart(t, whole(who))
		groups := rapid.SliceOfN(rapid.SampledFrom(allGroups), 1, 8).Draw(t, "groups")
		got := link(t, ring, entriesOf(all), groups, in)
		agree(t, got, entriesOf(all), groups, in)
		outcomes[got.Outcome]++
		for _, c := range got.Candidates {
			i := slices.IndexFunc(all, func(o owned) bool { return o.source == c.Row.SourceID })
			if o := all[i]; o.owner != who && (!o.several || !slices.ContainsFunc(o.ids, func(id dataset.Identifier) bool { return id.Value == pncID(who) })) {
				t.Fatalf("%s is about another person", o.source)
			}
		}
		if got.Outcome == linkage.Ambiguous && len(keys(person(linkage.Group{}, "", in).ids)) == 1 {
			t.Fatal("one identifier that nobody shares is ambiguous")
		}
	})
	if outcomes[linkage.Matched] == 0 || outcomes[linkage.None] == 0 {
		t.Errorf("the populations say little: %v", outcomes)
	}
}

// TestLinkAgainstOracle draws records whose identifiers are those of several
// people, mixed: typing errors, twins, fraud.
func TestLinkAgainstOracle(t *testing.T) {
	ring := openRing(t)
	outcomes := map[linkage.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		var entries []entry
		for _, o := range population(t) {
			if !o.several && rapid.IntRange(0, 3).Draw(t, "mixed") == 0 {
				o.ids = person(o.group, "", somePart(t, mixed(t))).ids
			}
			entries = append(entries, o.entry)
		}
		in := somePart(t, mixed(t))
		got := link(t, ring, entries, allGroups, in)
		agree(t, got, entries, allGroups, in)
		outcomes[got.Outcome]++
	})
	if outcomes[linkage.Matched] == 0 || outcomes[linkage.None] == 0 || outcomes[linkage.Ambiguous] == 0 {
		t.Errorf("the populations say little: %v", outcomes)
	}
}

// mixed draws each identifier from one of two people.
func mixed(t *rapid.T) ids {
	out := whole(0)
	for _, k := range strongTypes {
		out[k] = whole(rapid.IntRange(0, 1).Draw(t, "from"))[k]
	}
	out["given_name"] = whole(rapid.IntRange(0, 1).Draw(t, "from"))["given_name"]
	return out
}

// TestLinkDoesNotDependOnOrder: the order of records, of their identifiers and
// of groups changes nothing.
func TestLinkDoesNotDependOnOrder(t *testing.T) {
	ring := openRing(t)
	rapid.Check(t, func(t *rapid.T) {
		all := entriesOf(population(t))
		in := somePart(t, mixed(t))
		want := link(t, ring, all, allGroups, in)
		shuffled := rapid.Permutation(all).Draw(t, "records")
		for i := range shuffled {
			shuffled[i].ids = rapid.Permutation(shuffled[i].ids).Draw(t, "identifiers")
		}
		got := link(t, ring, shuffled, rapid.Permutation(allGroups).Draw(t, "groups"), in)
		if want.Outcome != got.Outcome || want.Method != got.Method {
			t.Fatalf("got %s by %q, want %s by %q", got.Outcome, got.Method, want.Outcome, want.Method)
		}
		if diff := cmp.Diff(sources(want), sources(got)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestLinkPlantedConflict: whoever was matched is ambiguous as soon as one
// record in a permitted group says that a strong identifier has another value.
func TestLinkPlantedConflict(t *testing.T) {
	ring := openRing(t)
	planted := 0
	rapid.Check(t, func(t *rapid.T) {
		entries := entriesOf(population(t))
		who := rapid.IntRange(0, 1).Draw(t, "who")
		in := somePart(t, whole(who))
		if link(t, ring, entries, allGroups, in).Outcome != linkage.Matched {
			return
		}
		given := keys(person(linkage.Group{}, "", in).ids)
		handle := rapid.SampledFrom(given).Draw(t, "handle")
		wrong := rapid.SampledFrom(strongTypes).Draw(t, "wrong")
		if _, isGiven := in[wrong]; !isGiven || len(handle) > len(wrong) && handle[:len(wrong)+1] == string(wrong)+"=" {
			return
		}
		// The record carries the handle, and another person's number beside it.
		bad := ids{wrong: whole(9)[wrong]}
		for k, v := range in {
			if handle == string(k)+"="+v || handle[:4] == "comp" && !k.Strong() {
				bad[k] = v
			}
		}
		planted++
		entries = append(entries, person(rapid.SampledFrom(allGroups[:5]).Draw(t, "group"), "bad", bad))
		if got := link(t, ring, entries, allGroups, in); got.Outcome != linkage.Ambiguous || got.Candidates != nil || got.Method != "" {
			t.Fatalf("got %s by %q with %d records, want ambiguous and nothing else", got.Outcome, got.Method, len(got.Candidates))
		}
	})
	if planted == 0 {
		t.Error("no conflict was planted")
	}
}
