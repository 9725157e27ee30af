package linkage_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/linkage"
)

// Valid identifiers, made by the published rules from a number below 100.

func nhsNumber(n int) string {
	for ; ; n += 100 { // one number in eleven has no check digit
		s := fmt.Sprintf("999%06d", n)
		sum := 0
		for i := range 9 {
			sum += int(s[i]-'0') * (10 - i)
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return s + fmt.Sprint(check)
		}
	}
}

func upn(n int) string {
	s := fmt.Sprintf("8012000%02d%03d", 5, n)
	sum := 0
	for i := range len(s) {
		sum += int(s[i]-'0') * (i + 2)
	}
	return string("ABCDEFGHJKLMNPQRTUVWXYZ"[sum%23]) + s
}

// checkLetters are those of PNC IDs and CRO numbers.
const checkLetters = "ZABCDEFGHJKLMNPQRTUVWXY"

func pncID(n int) string {
	return fmt.Sprintf("2002/%07d%c", n, checkLetters[(2*10_000_000+n)%23])
}

func croNumber(n int) string {
	return fmt.Sprintf("%06d/24%c", n, checkLetters[(24*1_000_000+n)%23])
}

// whole returns every identifier of person n. Nobody shares one.
func whole(n int) ids {
	return ids{
		"nhs_number": nhsNumber(n), "upn": upn(n), "pnc_id": pncID(n), "cro": croNumber(n),
		"given_name": "given" + string(rune('a'+n)), "family_name": "family", "date_of_birth": "1990-01-02", "postcode": "WR1 2EY",
	}
}

var strongTypes = []dataset.IdentifierType{"cro", "nhs_number", "pnc_id", "upn"}

// somePart draws at least one handle out of a person's identifiers.
func somePart(t *rapid.T, of ids) ids {
	out := ids{}
	for _, s := range strongTypes {
		if rapid.IntRange(0, 2).Draw(t, "has "+string(s)) == 0 {
			out[s] = of[s]
		}
	}
	if len(out) == 0 || rapid.Bool().Draw(t, "has compound") {
		for _, w := range []dataset.IdentifierType{"given_name", "family_name", "date_of_birth", "postcode"} {
			out[w] = of[w]
		}
	}
	return out
}

var allGroups = []linkage.Group{health, education, tenancy, severn, nominal, ocg}

// owned is an entry with the number of its person, or -1 for one of several.
type owned struct {
	entry

	owner int
}

// population draws records of a few people and of groups of them. Some people
// have moved: their records differ in the postcode.
func population(t *rapid.T) []owned {
	var out []owned
	people := rapid.IntRange(1, 4).Draw(t, "people")
	for n := range rapid.IntRange(0, 12).Draw(t, "records") {
		source := fmt.Sprintf("s%02d", n)
		if rapid.IntRange(0, 5).Draw(t, "gang") == 0 {
			var members []string
			for m := range people {
				if rapid.Bool().Draw(t, "member") {
					members = append(members, pncID(m))
				}
			}
			out = append(out, owned{gang(source, members...), -1})
			continue
		}
		owner := rapid.IntRange(0, people-1).Draw(t, "owner")
		of := whole(owner)
		if rapid.IntRange(0, 3).Draw(t, "moved") == 0 {
			of["postcode"] = "TF3 4JA"
		}
		e := person(rapid.SampledFrom(allGroups[:5]).Draw(t, "group"), source, somePart(t, of))
		e.barred = rapid.IntRange(0, 6).Draw(t, "barred") == 0
		out = append(out, owned{e, owner})
	}
	return out
}

func entriesOf(all []owned) []entry {
	out := make([]entry, len(all))
	for i, o := range all {
		out[i] = o.entry
	}
	return out
}

// oracle says what Link should find, by brute force over the plain text. It
// shares nothing with the implementation.
func oracle(entries []entry, groups []linkage.Group, in ids) (outcome linkage.Outcome, method string, found []string) {
	asked := keys(person(linkage.Group{}, "", in).ids)
	var permitted []entry
	for _, e := range entries {
		if slices.Contains(groups, e.group) && !e.barred {
			permitted = append(permitted, e)
		}
	}
	known := asked
	for _, e := range permitted {
		if !e.several && meet(keys(e.ids), asked) {
			known = append(slices.Clone(known), keys(e.ids)...)
		}
	}
	var hits []entry
	all := asked
	for _, e := range permitted {
		if meet(keys(e.ids), known) {
			hits = append(hits, e)
			if !e.several {
				all = append(slices.Clone(all), keys(e.ids)...)
			}
		}
	}
	if len(hits) == 0 {
		return linkage.None, "", nil
	}
	if contradict(all) || !connected(hits, all) {
		return linkage.Ambiguous, "", nil
	}
	for _, e := range hits {
		found = append(found, e.group.Provider+"/"+e.group.Dataset+"/"+e.source)
	}
	slices.Sort(found)
	return linkage.Matched, first(asked, hits), found
}

// keys spells identifiers out as "type=value", the compound last.
func keys(of []dataset.Identifier) []string {
	var out []string
	values := map[dataset.IdentifierType]string{}
	for _, i := range of {
		values[i.Type] = i.Value
		if slices.Contains(strongTypes, i.Type) {
			out = append(out, string(i.Type)+"="+i.Value)
		}
	}
	slices.Sort(out)
	if values["given_name"] != "" && values["family_name"] != "" && values["date_of_birth"] != "" && values["postcode"] != "" {
		out = append(out, "compound="+values["given_name"]+"|"+values["family_name"]+"|"+values["date_of_birth"]+"|"+values["postcode"])
	}
	return out
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
}

func contradict(all []string) bool {
	for _, a := range all {
		for _, b := range all {
			at, _, _ := strings.Cut(a, "=")
			bt, _, _ := strings.Cut(b, "=")
			if at == bt && at != "compound" && a != b {
				return true
			}
		}
	}
	return false
}

// connected walks from one key that was hit over the records about one person
// and reports whether it gets to every key that was hit.
func connected(hits []entry, all []string) bool {
	var targets []string
	for _, e := range hits {
		for _, k := range keys(e.ids) {
			if slices.Contains(all, k) {
				targets = append(targets, k)
			}
		}
	}
	reached := targets[:1:1]
	for range len(hits) + 1 {
		for _, e := range hits {
			if !e.several && meet(keys(e.ids), reached) {
				reached = append(reached, keys(e.ids)...)
			}
		}
	}
	return !slices.ContainsFunc(targets, func(k string) bool { return !slices.Contains(reached, k) })
}

func first(asked []string, hits []entry) string {
	for _, k := range asked {
		if slices.ContainsFunc(hits, func(e entry) bool { return slices.Contains(keys(e.ids), k) }) {
			if t, _, _ := strings.Cut(k, "="); t != "compound" {
				return "strong:" + t
			}
			return "compound"
		}
	}
	return ""
}
