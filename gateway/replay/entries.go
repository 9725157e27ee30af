package replay

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/policy"
)

// The codes of a quota that is used up, the actor's and the agency's, in policy
// and log.
const (
	quotaExceeded       = "quota_exceeded"
	agencyQuotaExceeded = "agency_quota_exceeded"
)

func isQuota(code string) bool { return code == quotaExceeded || code == agencyQuotaExceeded }

// outcome is what came of a request, as its own entry says.
type outcome byte

const (
	answeredSubject outcome = iota
	answeredArea
	denied
	// overQuota was refused whole, by the policy or by the log's sequencer, which
	// counts what the policy could not know of yet.
	overQuota
)

// entryKey names what was found to agree: a decision, the outcome, and the text
// of one provider's entry.
type entryKey struct {
	digest                             [sha256.Size]byte
	outcome                            outcome
	action                             audit.Action
	code, provider, released, withheld string
}

// agreedAtMost bounds how many of them are remembered, each with its entry.
const agreedAtMost = 1 << 13

// outcome returns what came of a request, and whether the decision can have led
// to it.
func (a *asked) outcome(d *policy.Decision) (outcome, bool) {
	subject := a.in.Request.Kind == kindSubject
	used := subject && usedUp(d)
	switch {
	case a.Action == audit.Deny:
		return overQuota, isQuota(a.Code) && !a.Answered && (used || subject && d.Obligations.Quota != nil)
	case !a.Answered:
		return denied, a.Action == audit.Consult && !used && !d.Allow
	case subject:
		return answeredSubject, a.Action == audit.Consult && !used && d.Allow
	default:
		return answeredArea, a.Action == audit.Consult && d.Allow
	}
}

// usedUp reports whether the policy found a quota used up.
func usedUp(d *policy.Decision) bool {
	return slices.ContainsFunc(d.Withheld, func(w policy.Withheld) bool { return isQuota(w.Code) })
}

// entries holds the open entries of a request against the decision.
func (r *run) entries(a *asked, s *policy.Settled) []string {
	o, ok := a.outcome(&s.Decision)
	if !ok {
		return []string{"answer"}
	}
	var what []string
	rest := concerned(&s.Decision)
	for i := range a.Providers {
		p := &a.Providers[i]
		at := slices.Index(rest, p.Provider)
		if at < 0 {
			what = append(what, p.Provider+": an entry too many")
			continue
		}
		rest = slices.Delete(rest, at, at+1)
		what = append(what, r.entry(a, o, s, p)...)
	}
	for _, p := range rest {
		what = append(what, p+": no entry")
	}
	return what
}

// concerned are the providers that get an entry, each once.
func concerned(d *policy.Decision) []string {
	out := make([]string, 0, len(d.Groups)+len(d.Withheld))
	for i := range d.Groups {
		out = append(out, d.Groups[i].Provider)
	}
	for i := range d.Withheld {
		out = append(out, d.Withheld[i].Provider)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// entry holds one provider's entry against the decision. What was found to agree
// once is known by its text.
func (r *run) entry(a *asked, o outcome, s *policy.Settled, p *audit.ProviderFact) []string {
	key := entryKey{s.Digest, o, p.Action, a.Code, p.Provider, withoutRecords(p.Released), p.Withheld}
	if r.agreed[key] {
		return nil
	}
	var what []string
	for _, part := range disagreements(a.Code, o, &s.Decision, p) {
		what = append(what, p.Provider+": "+part)
	}
	if what == nil {
		if len(r.agreed) >= agreedAtMost {
			clear(r.agreed)
		}
		r.agreed[key] = true
	}
	return what
}

// withoutRecords leaves out how many records were released, which is for no
// policy to say. The member's name with its quotes is nowhere else in canonical
// JSON: within a string a quote is escaped.
func withoutRecords(released string) string {
	const member = `"records":`
	var b strings.Builder
	for {
		before, after, found := strings.Cut(released, member)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		released = strings.TrimLeft(after, "0123456789")
	}
}

// disagreements says in what an entry is not what the decision says.
func disagreements(code string, o outcome, d *policy.Decision, p *audit.ProviderFact) []string {
	var (
		what     []string
		released []audit.Released
		withheld []audit.Withheld
	)
	if !read(p.Released, &released) || !read(p.Withheld, &withheld) {
		return []string{"unreadable"}
	}
	action := audit.Deny
	for i := range d.Groups {
		if g := &d.Groups[i]; g.Provider == p.Provider && g.Allow && (o == answeredSubject || o == answeredArea) {
			action = audit.Disclose
		}
	}
	if p.Action != action {
		what = append(what, "action")
	}
	if !sameReleased(o, d, p.Provider, released) {
		what = append(what, "released")
	}
	if !slices.EqualFunc(shouldWithhold(code, o, d, p.Provider), withheld, func(a, b audit.Withheld) bool {
		return a.Dataset == b.Dataset && a.Code == b.Code && slices.Equal(a.Fields, b.Fields)
	}) {
		what = append(what, "withheld")
	}
	return what
}

func read(text string, v any) bool { return text == "" || json.Unmarshal([]byte(text), v) == nil }

// shouldWithhold is what the entry of a provider must say was withheld.
func shouldWithhold(code string, o outcome, d *policy.Decision, provider string) []audit.Withheld {
	var out []audit.Withheld
	for _, w := range d.Withheld {
		if w.Provider == provider {
			out = append(out, audit.Withheld{Dataset: w.Dataset, Code: w.Code, Fields: w.Fields})
		}
	}
	for _, g := range d.Groups {
		if o == overQuota && g.Provider == provider && g.Allow {
			out = append(out, audit.Withheld{Dataset: g.Dataset, Code: code, Fields: slices.Sorted(maps.Keys(g.Fields))})
		}
	}
	return out
}

// sameReleased compares what an entry says was released with the decision. An
// answer about a person releases every field that is granted; one about an area
// only those that its indicators read.
func sameReleased(o outcome, d *policy.Decision, provider string, released []audit.Released) bool {
	granted := grants(o, d, provider)
	for _, r := range released {
		for field, treatment := range r.Fields {
			k := grantKey{r.Dataset, field}
			want := grant{
				Treatment: treatment, Agreement: r.Agreement, Version: r.Version, Basis: policy.Basis(r.Basis),
			}
			if got, ok := granted[k]; !ok || got != want {
				return false
			}
			delete(granted, k)
		}
	}
	return o == answeredArea || len(granted) == 0
}

type grantKey struct{ Dataset, Field string }

type grant struct {
	Treatment, Agreement string
	Version              int
	Basis                policy.Basis
}

// grants are the fields of a provider's that a request was given.
func grants(o outcome, d *policy.Decision, provider string) map[grantKey]grant {
	out := map[grantKey]grant{}
	if o != answeredSubject && o != answeredArea {
		return out
	}
	for _, g := range d.Groups {
		if g.Provider != provider || !g.Allow {
			continue
		}
		for field, x := range g.Fields {
			out[grantKey{g.Dataset, field}] = grant{
				Treatment: string(x.Treatment), Agreement: x.Agreement, Version: x.Version, Basis: g.Basis,
			}
		}
	}
	return out
}
