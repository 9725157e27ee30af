package agreement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// The provisions that findings name.
const (
	policyDocument   = "DPA 2018 ss.35(5) and 42"
	storage          = "UK GDPR Art 5(1)(e); DPA 2018 s.39"
	sharingCode      = "data sharing code (DPA 2018 s.121)"
	accountability   = "UK GDPR Art 5(2); DPA 2018 s.34(3)"
	depersonalDuty   = "Crime and Disorder Act 1998 s.17A; SI 2007/1831"
	violenceDutyLaw  = "PCSC Act 2022 s.16(4)"
	competent        = "DPA 2018 ss.29-30"
	purposeChange    = "DPA 2018 s.36(4)"
	gdprBasis        = "UK GDPR Art 6"
	enforcementBasis = "DPA 2018 s.35(1)-(2)"
)

// regimeLawEnforcement is Part 3 of the DPA 2018.
const regimeLawEnforcement = "law_enforcement"

// requirement is what the law says of a member that is missing or empty.
type requirement struct{ rule, provision, message, remedy string }

var (
	basisMember  = regexp.MustCompile(`^/basis(?:/(provider|recipient)(?:/(?:regime|(?:lawful_basis|legal_power)(?:/\d+)?))?)?$`)
	retainMember = regexp.MustCompile(`^/datasets/\d+/retention_days$`)
	policyMember = regexp.MustCompile(`^/special_category/(?:condition|policy_document)$`)
	endMember    = regexp.MustCompile(`^/termination(?:/(?:notice_days|on_end))?$`)
)

// lawOn returns what the law asks of the member at a pointer of the document.
func lawOn(pointer string, doc any) (requirement, bool) {
	switch {
	case basisMember.MatchString(pointer):
		return basisRequirement(pointer, doc), true
	case retainMember.MatchString(pointer):
		return requirement{
			"retention-missing", storage, "the agreement does not say how long the data of this dataset is kept",
			"give retention_days: the number of days after which it is erased",
		}, true
	case pointer == "/review":
		return requirement{
			"review-missing", sharingCode, "the agreement does not say when the parties look at it again",
			"give review a date before the agreement ends",
		}, true
	case policyMember.MatchString(pointer):
		return requirement{
			"policy-document", policyDocument, "sensitive processing needs both a condition and an appropriate policy document",
			"name both, or make special_category null and list no special category field",
		}, true
	case endMember.MatchString(pointer):
		return requirement{
			"termination-missing", sharingCode, "the agreement does not say how it ends and what then happens to the data",
			"give termination its notice_days and on_end",
		}, true
	}
	return requirement{}, false
}

func basisRequirement(pointer string, doc any) requirement {
	side := basisMember.FindStringSubmatch(pointer)[1]
	provision, who := gdprBasis+"; "+enforcementBasis, "a side"
	if side != "" {
		who = "the " + side
		switch regime, _ := lookup(doc, "basis", side, "regime").(string); regime {
		case "uk_gdpr":
			provision = gdprBasis
		case regimeLawEnforcement:
			provision = enforcementBasis
		}
	}
	return requirement{
		"basis-missing", provision, who + " has no lawful basis or no legal power, and without both it may not share",
		"give this side its regime, at least one lawful_basis and at least one legal_power, each with its provision",
	}
}

func lookup(doc any, keys ...string) any {
	for _, key := range keys {
		object, _ := doc.(map[string]any)
		doc = object[key]
	}
	return doc
}

// regimes refuses Part 3 for whoever is no competent authority.
func (c *checker) regimes() {
	for side, l := range c.a.sides() {
		party := c.a.party(side)
		if l.Regime == regimeLawEnforcement && party.Sector != "police" {
			c.law("/basis/"+side+"/regime", "regime", competent,
				"only a competent authority processes under DPA 2018 Part 3, and "+party.Agency+" is none",
				"give this side a basis under the UK GDPR")
		}
	}
}

// sides calls yield for the provider's and then the recipient's basis.
func (a *Agreement) sides() func(yield func(string, Lawful) bool) {
	return func(yield func(string, Lawful) bool) {
		_ = yield("provider", a.Basis.Provider) && yield("recipient", a.Basis.Recipient)
	}
}

func (a *Agreement) party(side string) Party {
	if side == "provider" {
		return a.Provider
	}
	return a.Recipient
}

// violenceDuty refuses the serious violence duty as the power for data about
// people that a health or social care authority holds.
func (c *checker) violenceDuty(base string, d *dataset.Dataset) {
	sector := c.a.Provider.Sector
	health := sector == "health" || sector == "social_care" || strings.HasPrefix(d.Name, "health.")
	if !health || d.Kind == dataset.Anonymous {
		return
	}
	for side, l := range c.a.sides() {
		for _, cited := range []struct {
			member string
			texts  []string
		}{{"legal_power", l.LegalPower}, {"lawful_basis", l.LawfulBasis}} {
			for i, text := range cited.texts {
				if citesViolenceDuty(text) {
					c.law(fmt.Sprintf("/basis/%s/%s/%d", side, cited.member, i), "violence-duty", violenceDutyLaw,
						"section 16(4) of the Act does not authorise person-level health data, and "+base+" shares "+d.Name,
						"rest the disclosure on another power, or share anonymous data only")
				}
			}
		}
	}
}

// depersonalised refuses fields about a person under a power that is for
// depersonalised information only.
func (c *checker) depersonalised(base string, s Share, d *dataset.Dataset) {
	if d.Kind == dataset.Anonymous {
		return
	}
	where, ok := s.personLevel(base)
	if !ok {
		return
	}
	for side, l := range c.a.sides() {
		if slices.ContainsFunc(l.LegalPower, func(text string) bool { return !onlyDepersonalised(text) }) {
			continue
		}
		c.law("/basis/"+side+"/legal_power", "depersonalised-basis", depersonalDuty,
			"every legal power of the "+side+" is for depersonalised information, and "+where+" releases a field about a person",
			"give the power that covers data about a person, or make the field count_only or withhold")
	}
}

// personLevel returns the pointer of the first field that goes out about a
// person who was asked for, in the order of the file.
func (s Share) personLevel(base string) (string, bool) {
	for i, p := range s.Purposes {
		if f, ok := p.personLevel(); ok {
			return fmt.Sprintf("%s/purposes/%d/fields/%s", base, i, escape(f)), true
		}
	}
	for _, g := range sorted(s.Emergency) {
		if f, ok := firstShown(s.Emergency[g].Fields); ok {
			return fmt.Sprintf("%s/emergency/%s/fields/%s", base, escape(g), escape(f)), true
		}
	}
	return "", false
}

func (p Purpose) personLevel() (string, bool) {
	if !slices.Contains(p.Kinds, "subject") {
		return "", false
	}
	return firstShown(p.Fields)
}

// firstShown returns the first field whose value is shown in any form.
func firstShown(fields map[string]release.Treatment) (string, bool) {
	for _, f := range sorted(fields) {
		if shown(fields[f]) {
			return f, true
		}
	}
	return "", false
}

func shown(t release.Treatment) bool { return t != release.CountOnly && t != release.Withhold }

// Lapsed returns what has run out on the day of the given time in UTC: the
// agreement itself, or the date of its review while it is still valid. Load has
// no clock; this is asked when an agreement is checked, signed or activated.
func (a *Agreement) Lapsed(at time.Time) []Finding {
	day := at.UTC().Format(time.DateOnly)
	if day > a.Valid.To {
		return []Finding{a.found("/valid/to", "validity-past", "the agreement ended on "+a.Valid.To,
			"agree a new version with a later end").by(sharingCode)}
	}
	if a.Review < day {
		return []Finding{a.found("/review", "review-past", "the review was due on "+a.Review+" and the agreement still runs",
			"review it and agree a version with the next date of review").by(sharingCode)}
	}
	return nil
}
