package agreement

import (
	"fmt"
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// datasets finds a dataset by its name.
type datasets func(name string) (*dataset.Dataset, bool)

// checker gathers what is wrong with the sense of one agreement.
type checker struct {
	a     *Agreement
	found []Finding
}

func (c *checker) add(pointer, rule, message, remedy string) {
	c.found = append(c.found, c.a.found(pointer, rule, message, remedy))
}

// law adds a finding that rests on a provision.
func (c *checker) law(pointer, rule, provision, message, remedy string) {
	c.found = append(c.found, c.a.found(pointer, rule, message, remedy).by(provision))
}

// check finds what the schema cannot say. The agreement is to have the name as
// its id.
func check(a *Agreement, name string, ds datasets) []Finding {
	c := &checker{a: a}
	if a.ID != name {
		c.add("/id", "id-folder", fmt.Sprintf("the id %q is not the name of the folder, %q", a.ID, name),
			"give folder and agreement one name")
	}
	if a.Valid.From > a.Valid.To {
		c.add("/valid/to", "validity", "the agreement ends before it begins", "let from be no later than to")
	}
	c.regimes()
	seen := map[string]bool{}
	for i, s := range a.Datasets {
		base := fmt.Sprintf("/datasets/%d", i)
		if seen[s.Dataset] {
			c.add(base+"/dataset", "dataset-twice", "the dataset "+s.Dataset+" stands twice", "merge the two")
			continue
		}
		seen[s.Dataset] = true
		d, ok := ds(s.Dataset)
		if !ok {
			c.add(base+"/dataset", "dataset-unknown", "there is no dataset "+s.Dataset,
				"add its schema to schemas/datasets, or mend the name")
			continue
		}
		c.share(base, s, d)
	}
	c.placeholders()
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
	c.violenceDuty(base, d)
	c.depersonalised(base, s, d)
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
	if f.SpecialCategory && c.a.SpecialCategory == nil {
		c.law(at, "policy-document", policyDocument,
			"a special category field is listed without an appropriate policy document",
			"give special_category its condition and policy_document, or take the field out")
	}
}
