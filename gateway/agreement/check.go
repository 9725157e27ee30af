package agreement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// violenceDuty matches a citation of section 16 of the Police, Crime,
// Sentencing and Courts Act 2022, whose subsection (4) does not authorise
// patient information, nor personal information that a health or social care
// authority holds.
var violenceDuty = regexp.MustCompile(`(?i)(sentencing and courts act( 2022)?|\bPCSC(A| act)?( 2022)?)[^a-z0-9]+(s|ss|sec|section)\.?\s*16\b`)

// checker gathers what is wrong with the sense of one agreement.
type checker struct {
	a     *Agreement
	found []Finding
}

func (c *checker) add(pointer, rule, message, remedy string) {
	c.found = append(c.found, c.a.found(pointer, rule, message, remedy))
}

// check finds what the schema cannot say.
func check(a *Agreement, folder string, ds *dataset.Registry) []Finding {
	c := &checker{a: a}
	if a.ID != folder {
		c.add("/id", "id-folder", fmt.Sprintf("the id %q is not the name of the folder, %q", a.ID, folder),
			"give folder and agreement one name")
	}
	if a.Valid.From > a.Valid.To {
		c.add("/valid/to", "validity", "the agreement ends before it begins", "let from be no later than to")
	}
	for i, l := range []Lawful{a.Basis.Provider, a.Basis.Recipient} {
		side, party := "provider", a.Provider
		if i == 1 {
			side, party = "recipient", a.Recipient
		}
		if l.Regime == "law_enforcement" && party.Sector != "police" {
			c.add("/basis/"+side+"/regime", "regime",
				"only a competent authority processes under DPA 2018 Part 3, and "+party.Agency+" is none",
				"give this side a basis under the UK GDPR")
		}
	}
	seen := map[string]bool{}
	for i, s := range a.Datasets {
		base := fmt.Sprintf("/datasets/%d", i)
		if seen[s.Dataset] {
			c.add(base+"/dataset", "dataset-twice", "the dataset "+s.Dataset+" stands twice", "merge the two")
			continue
		}
		seen[s.Dataset] = true
		d, ok := ds.Get(s.Dataset)
		if !ok {
			c.add(base+"/dataset", "dataset-unknown", "there is no dataset "+s.Dataset,
				"add its schema to schemas/datasets, or mend the name")
			continue
		}
		c.share(base, s, d)
	}
	return c.found
}

func (c *checker) share(base string, s Share, d *dataset.Dataset) {
	if len(s.Purposes) == 0 && len(s.Emergency) == 0 && len(s.Collects) == 0 {
		c.add(base, "empty", "nothing is agreed about this dataset", "name a purpose, an emergency ground or what is collected")
	}
	c.purposes(base, s.Purposes, d)
	for _, g := range sorted(s.Emergency) {
		c.fields(base+"/emergency/"+escape(g)+"/fields", s.Emergency[g].Fields, d)
	}
	for i, f := range s.Collects {
		c.field(fmt.Sprintf("%s/collects/%d", base, i), f, d)
	}
	c.submission(base, s, d)
	c.healthPower(base, d)
}

// purposes checks the entries of a share. A purpose may have one for each kind
// of request. A row condition cannot hold for an area, whose profile is made of
// editions that were counted and frozen before anybody asked.
func (c *checker) purposes(base string, entries []Purpose, d *dataset.Dataset) {
	seen := map[string]bool{}
	for i, p := range entries {
		at := fmt.Sprintf("%s/purposes/%d", base, i)
		if slices.ContainsFunc(p.Kinds, func(kind string) bool { return seen[p.Purpose+" "+kind] }) {
			c.add(at+"/purpose", "purpose-twice",
				"the purpose "+p.Purpose+" stands twice for this dataset and kind of request", "merge the two")
		}
		for _, kind := range p.Kinds {
			seen[p.Purpose+" "+kind] = true
		}
		if len(p.Conditions.Row) > 0 && slices.Contains(p.Kinds, "area") {
			c.add(at+"/conditions/row", "area-row-condition",
				"a row condition cannot be applied to the frozen counts of an area profile",
				"split the purpose entry: one of kind subject with the condition, one of kind area without")
		}
		c.fields(at+"/fields", p.Fields, d)
		c.rows(at+"/conditions/row", p.Conditions.Row, d)
	}
}

// submission refuses a share under which nothing could be submitted, because a
// field that every stored row needs would be dropped or refused.
func (c *checker) submission(base string, s Share, d *dataset.Dataset) {
	listed, at := s.Fields(), base
	if len(s.Collects) > 0 {
		at += "/collects"
	}
	for _, f := range []string{d.SourceID, d.Area, d.EventDate} {
		if f != "" && !listed[f] {
			c.add(at, "submission-field",
				fmt.Sprintf("%q is not listed, and no row of %s can be submitted without it", f, d.Name),
				"name it in collects, or in a purpose")
		}
	}
}

func (c *checker) fields(at string, fields map[string]release.Treatment, d *dataset.Dataset) {
	for _, f := range sorted(fields) {
		c.field(at+"/"+escape(f), f, d)
	}
}

// field checks one listed field: that it exists, and that sensitive processing
// has its condition and its policy document (DPA 2018 s.35(5), s.42).
func (c *checker) field(at, pointer string, d *dataset.Dataset) {
	f, ok := d.Field(pointer)
	if !ok {
		c.add(at, "field-unknown", fmt.Sprintf("the dataset %s has no field %q", d.Name, pointer),
			"name a field of the dataset's schema by its JSON pointer")
		return
	}
	if (f.SpecialCategory || d.SpecialCategory) && c.a.SpecialCategory == nil {
		c.add(at, "policy-document", "a special category field is listed without an appropriate policy document",
			"give special_category its condition and policy_document, or take the field out")
	}
}

// conditionNames are the attributes of a row condition that are not pointers.
var conditionNames = []string{"event_date", "area", "date_of_birth", "subject_category"}

func (c *checker) rows(at string, rows []release.Condition, d *dataset.Dataset) {
	for i, r := range rows {
		if !strings.HasPrefix(r.Attr, "/") {
			if !slices.Contains(conditionNames, r.Attr) {
				c.add(fmt.Sprintf("%s/%d/attr", at, i), "attribute-unknown",
					fmt.Sprintf("there is no attribute %q, so that no row would ever be released", r.Attr),
					"name a field of the dataset, or one of "+strings.Join(conditionNames, ", "))
			}
			continue
		}
		if _, ok := d.Field(r.Attr); !ok {
			c.add(fmt.Sprintf("%s/%d/attr", at, i), "field-unknown",
				fmt.Sprintf("the dataset %s has no field %q", d.Name, r.Attr), "name a field of the dataset's schema")
		}
	}
}

// healthPower refuses the serious violence duty as the power for person-level
// health data.
func (c *checker) healthPower(base string, d *dataset.Dataset) {
	sector := c.a.Provider.Sector
	health := sector == "health" || sector == "social_care" || strings.HasPrefix(d.Name, "health.")
	if !health || d.Kind == dataset.Anonymous {
		return
	}
	for side, l := range map[string]Lawful{"provider": c.a.Basis.Provider, "recipient": c.a.Basis.Recipient} {
		for i, power := range append(slices.Clone(l.LegalPower), l.LawfulBasis...) {
			if !violenceDuty.MatchString(power) {
				continue
			}
			at := fmt.Sprintf("/basis/%s/legal_power/%d", side, i)
			if i >= len(l.LegalPower) {
				at = fmt.Sprintf("/basis/%s/lawful_basis/%d", side, i-len(l.LegalPower))
			}
			c.add(at, "violence-duty",
				"section 16(4) of the Act does not authorise person-level health data, and "+base+" shares "+d.Name,
				"rest the disclosure on another power, or share anonymous data only")
		}
	}
}
