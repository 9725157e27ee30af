package profile

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// trail gathers what the log will say about one request: one consult entry,
// and one disclose or deny entry for each provider concerned.
type trail struct {
	rules  *rulebook.Rules
	asking Asking
	at     time.Time
	// purpose is that of the question where it is a known one.
	purpose  string
	area     string
	decision policy.Decision
	facts    json.RawMessage
	// digest is that of the decision, in hex, for replay.
	digest string
	// refs are the keyed hashes of the identifiers asked for.
	refs []string
	// released counts the records released of each group, and holds their
	// references.
	released map[policy.Group]released
	// sections is the hash of each provider's sections.
	sections map[string]string
	// fields narrows a group to the fields that were really used: those that
	// the indicators of an area profile read. A group that is not in it used
	// all of its fields.
	fields map[policy.Group]map[string]bool
	// expected announced the request to the log, where something did.
	expected *audit.Expectation
}

type released struct {
	records int
	refs    []string
}

// request turns the trail into what the log appends. response is the canonical
// body, or nil where nothing is released.
func (t *trail) request(response []byte) audit.Request {
	r := audit.Request{ID: t.asking.RequestID, Actor: t.actor(), Time: t.at, Expected: t.expected}
	consult := t.draft(audit.Consult, "")
	t.decided(&consult)
	if response != nil {
		sum := sha256.Sum256(response)
		consult.ResponseSHA256 = hex.EncodeToString(sum[:])
	}
	r.Drafts = append(r.Drafts, consult)
	for _, p := range t.providers() {
		r.Drafts = append(r.Drafts, t.provider(p, response != nil))
	}
	if q := t.decision.Obligations.Quota; q != nil && t.area == "" {
		limit := limitOf(q)
		limit.Denied, limit.AgencyDenied = t.overLimit(quotaExceeded), t.overLimit(agencyQuotaExceeded)
		r.Limit = &limit
	}
	return r
}

// limitOf is what the log holds a request to.
func limitOf(q *policy.Quota) audit.Limit {
	return audit.Limit{
		PerHour: q.PerHour, PerDay: q.PerDay, AgencyPerHour: q.AgencyPerHour, AgencyPerDay: q.AgencyPerDay,
	}
}

// The codes under which the policy, the log and the answer name a quota that is
// used up: the actor's, and that of the actor's whole agency.
const (
	quotaExceeded       = "quota_exceeded"
	agencyQuotaExceeded = "agency_quota_exceeded"
)

// overQuota is the code of the quota that the policy found used up, the actor's
// own before the agency's, or empty.
func (t *trail) overQuota() string {
	for _, code := range []string{quotaExceeded, agencyQuotaExceeded} {
		if slices.ContainsFunc(t.decision.Withheld, func(w policy.Withheld) bool { return w.Code == code }) {
			return code
		}
	}
	return ""
}

// overLimit are the entries that are logged in place of the others when the
// quota with the code is used up: all that would have been released is withheld.
func (t *trail) overLimit(code string) []audit.Draft {
	consult := t.draft(audit.Deny, "")
	consult.Admin = map[string]string{"code": code}
	t.decided(&consult)
	out := []audit.Draft{consult}
	for _, p := range t.providers() {
		d := t.draft(audit.Deny, p)
		d.Admin = map[string]string{"code": code}
		d.Withheld = t.withheld(p)
		for _, g := range t.decision.Groups {
			if g.Provider == p && g.Allow {
				d.Withheld = append(d.Withheld, audit.Withheld{
					Code: code, Dataset: g.Dataset, Fields: slices.Sorted(maps.Keys(g.Fields)),
				})
			}
		}
		out = append(out, d)
	}
	return out
}

// decided adds what a replay needs, and who it was about, to the entry of the
// request itself.
func (t *trail) decided(d *audit.Draft) {
	d.Private.SubjectRefs, d.Private.Facts, d.Private.Decision = t.refs, t.facts, t.digest
}

// unknownText stands in the open part of an entry for text that a caller made
// up: the open part is for partners to read, and only what Concord knows by
// name may stand in it. The facts, which are sealed, hold the text itself.
const unknownText = "unknown"

func (t *trail) draft(action audit.Action, provider string) audit.Draft {
	d := audit.Draft{
		Action: action, Provider: provider, Purpose: t.purpose, Area: t.area,
		PolicyRevision: t.decision.Revision,
		Private: audit.Private{
			CaseRef: t.asking.CaseRef, Client: t.asking.Client, Justification: t.asking.Justification,
		},
	}
	if e := t.asking.Emergency; e != nil {
		d.Emergency = &audit.Emergency{Ground: unknownText}
		if slices.Contains(agreement.Grounds(), e.Ground) {
			d.Emergency.Ground = e.Ground
		}
		d.Private.Incident = e.Incident
	}
	return d
}

// provider is the entry that one provider is given: what of its data was
// released and withheld, and nothing about any other provider.
func (t *trail) provider(p string, answered bool) audit.Draft {
	d := t.draft(audit.Deny, p)
	d.Withheld = t.withheld(p)
	for _, g := range t.decision.Groups {
		if g.Provider != p || !g.Allow || !answered {
			continue
		}
		d.Action = audit.Disclose
		key := policy.Group{Provider: g.Provider, Dataset: g.Dataset}
		rel := t.released[key]
		d.Released = append(d.Released, t.releasedOf(g, rel.records)...)
		d.Private.SubjectRefs = append(d.Private.SubjectRefs, rel.refs...)
	}
	if d.Action == audit.Disclose {
		d.Recipients = []string{t.asking.Principal.Agency}
		d.SectionsSHA256 = t.sections[p]
	}
	return d
}

// releasedOf says what of one dataset was released, once for each agreement
// that it rests on.
func (t *trail) releasedOf(g policy.GroupDecision, records int) []audit.Released {
	only, limited := t.fields[policy.Group{Provider: g.Provider, Dataset: g.Dataset}]
	by := map[string]*audit.Released{}
	for p, grant := range g.Fields {
		if limited && !only[p] {
			continue
		}
		r := by[grant.Agreement]
		if r == nil {
			r = &audit.Released{
				Agreement: grant.Agreement, Version: grant.Version, Dataset: g.Dataset,
				Records: records, Fields: map[string]string{},
				Basis: audit.Basis{Provider: g.Basis.Provider, Recipient: g.Basis.Recipient},
			}
			by[grant.Agreement] = r
		}
		r.Fields[p] = string(grant.Treatment)
	}
	out := make([]audit.Released, 0, len(by))
	for _, r := range by {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b audit.Released) int { return cmp.Compare(a.Agreement, b.Agreement) })
	return out
}

func (t *trail) withheld(provider string) []audit.Withheld {
	var out []audit.Withheld
	for _, w := range t.decision.Withheld {
		if w.Provider == provider {
			out = append(out, audit.Withheld{Dataset: w.Dataset, Fields: w.Fields, Code: w.Code})
		}
	}
	return out
}

// providers are those whose data the question concerned, sorted.
func (t *trail) providers() []string {
	var out []string
	for _, g := range t.decision.Groups {
		out = append(out, g.Provider)
	}
	for _, w := range t.decision.Withheld {
		out = append(out, w.Provider)
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out)
}

// commit hashes one provider's part of the answer with a salt that only the
// requester is given: a partner can be shown that its register speaks of this
// very answer, and cannot guess it.
func (t *trail) commit(provider string, canonical []byte) (salt string, err error) {
	raw := make([]byte, sha256.Size)
	if _, err := rand.Read(raw); err != nil {
		return "", fault.Wrap(fault.Internal, "profile", "No randomness could be had.", err)
	}
	h := sha256.New()
	h.Write(raw)
	h.Write(canonical)
	t.sections[provider] = hex.EncodeToString(h.Sum(nil))
	return base64.StdEncoding.EncodeToString(raw), nil
}

func (t *trail) actor() audit.Actor {
	roles := make([]string, len(t.asking.Principal.Roles))
	for i, r := range t.asking.Principal.Roles {
		roles[i] = string(r)
	}
	return audit.Actor{
		Agency: t.asking.Principal.Agency, Roles: roles, Subject: t.asking.Principal.Subject,
	}
}
