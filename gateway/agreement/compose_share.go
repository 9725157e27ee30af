package agreement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// groundWords are the coded grounds of emergency access in words.
var groundWords = map[string]string{
	"threat_to_life": "Threat to life", "imminent_serious_harm": "Imminent serious harm",
	"child_at_immediate_risk": "Child at immediate risk", "court_order": "Court order",
}

// share prints what the agreement says about one dataset.
func (c *composer) share(s Share, d *dataset.Dataset) {
	c.section(2, "Dataset: "+d.Title+" ("+d.Name+")")
	if d.Description != "" {
		c.say(d.Description)
	}
	areas := cell{"every area"}
	if len(s.Areas) > 0 {
		areas = nil
		for _, code := range s.Areas {
			areas = append(areas, c.area(code))
		}
	}
	unlisted := "the record is refused"
	if s.Unlisted == "drop" {
		unlisted = "the field is dropped and the rest of the record is kept"
	}
	rows := [][]cell{
		{{"Areas that the provider covers"}, areas},
		{{"Each record is erased"}, {days(s.RetentionDays) + " after it is received"}},
		{{"Where a field is sent that may not be"}, {unlisted}},
	}
	if free := freeText(s, d); free != "" {
		const where = "Where free text has something that identifies a person, such as an NHS number, a telephone number, a postcode or a name"
		rows = append(rows, []cell{{where}, {free}})
	}
	c.table(d.Title+": how the data is provided and kept", []string{"", "What is agreed"}, rows...)
	c.glossary(s, d)
	for _, p := range s.Purposes {
		c.entry(p, d)
	}
	for _, g := range sorted(s.Emergency) {
		c.ground(g, s.Emergency[g], d)
	}
}

// freeText says what happens to text that identifies somebody in a dataset that is
// anonymous; of any other it says nothing.
func freeText(s Share, d *dataset.Dataset) string {
	switch {
	case d.Kind != dataset.Anonymous || len(d.FreeText()) == 0:
		return ""
	case s.FreeText == MaskFreeText:
		return "it is hidden before the record is stored"
	}
	return "the record is refused"
}

// glossary says of every field what it is, and whether the provider may send it.
func (c *composer) glossary(s Share, d *dataset.Dataset) {
	listed := s.Fields()
	var rows [][]cell
	for _, f := range inOrder(d) {
		form, _ := d.Form(f.Pointer)
		about, sent := cell(nil), "no"
		if form.Description != "" {
			about = cell{form.Description}
		}
		if listed[f.Pointer] {
			sent = "yes"
		}
		rows = append(rows, []cell{{fieldTitle(f)}, {f.Pointer}, about, {sent}})
	}
	c.table(d.Title+": the fields of the dataset", []string{"Field", "Name in the file", "What it is", "May be sent"}, rows...)
}

// entry prints what goes out for one purpose.
func (c *composer) entry(p Purpose, d *dataset.Dataset) {
	c.section(3, fmt.Sprintf("Clause %s. %s: %s", p.Clause, c.purpose(p.Purpose), kindWords(p.Kinds)))
	subject, area := slices.Contains(p.Kinds, "subject"), slices.Contains(p.Kinds, "area")
	head := []string{"Field"}
	if subject {
		head = append(head, "What the recipient sees of a named person")
	}
	if area {
		head = append(head, "In area profiles")
	}
	var rows [][]cell
	for _, f := range inOrder(d) {
		t, named := p.Fields[f.Pointer]
		if !named || t == release.Withhold {
			continue
		}
		row := []cell{{fieldTitle(f)}}
		if subject {
			row = append(row, cell{forPerson(t)})
		}
		if area {
			row = append(row, cell{"may be counted, never shown"})
		}
		rows = append(rows, row)
	}
	c.released(fmt.Sprintf("%s, clause %s: what is released", d.Title, p.Clause), head, rows)
	c.withheld(p.Fields, d)
	c.list("Who may ask:", whoMayAsk(p, subject, area))
	var limits []string
	for _, r := range p.Conditions.Row {
		limits = append(limits, c.rowWords(r, d))
	}
	c.list("Of the records that are found, only these are released:", limits)
	c.list("How many people may be asked about:", quotaWords(p.Quota))
}

func (c *composer) ground(g string, ground Ground, d *dataset.Dataset) {
	name := groundWords[g]
	c.section(3, fmt.Sprintf("Clause %s. Emergency: %s", ground.Clause, strings.ToLower(name)))
	var rows [][]cell
	for _, f := range inOrder(d) {
		if t, named := ground.Fields[f.Pointer]; named && shown(t) {
			rows = append(rows, []cell{{fieldTitle(f)}, {inWords(t)}})
		}
	}
	c.released(fmt.Sprintf("%s, %s, clause %s: what is released", d.Title, strings.ToLower(name), ground.Clause),
		[]string{"Field", "What the recipient sees of a named person"}, rows)
	fields := maps.Clone(ground.Fields)
	for f, t := range fields {
		if !shown(t) { // an emergency is about a person, and has no counts
			fields[f] = release.Withhold
		}
	}
	c.withheld(fields, d)
}

func (c *composer) released(caption string, head []string, rows [][]cell) {
	if len(rows) == 0 {
		c.say("Nothing is released.")
		return
	}
	c.table(caption, head, rows...)
}

// withheld names every field that the dataset has and that stays.
func (c *composer) withheld(fields map[string]release.Treatment, d *dataset.Dataset) {
	expressly := titlesOf(d, func(f dataset.Field) bool { return fields[f.Pointer] == release.Withhold })
	unnamed := titlesOf(d, func(f dataset.Field) bool { _, named := fields[f.Pointer]; return !named })
	var items []string
	if len(expressly) > 0 {
		items = append(items, "expressly: "+strings.Join(expressly, "; "))
	}
	if len(unnamed) > 0 {
		items = append(items, "because they are not named: "+strings.Join(unnamed, "; "))
	}
	c.list("Withheld, although the dataset has it:", items)
}

// forPerson says what is seen of a person. A count is not about a person.
func forPerson(t release.Treatment) string {
	if t == release.CountOnly {
		return "nothing: it may be counted in area profiles, never shown"
	}
	return inWords(t)
}

func titlesOf(d *dataset.Dataset, want func(dataset.Field) bool) []string {
	var out []string
	for _, f := range inOrder(d) {
		if want(f) {
			out = append(out, fieldTitle(f))
		}
	}
	return out
}

func fieldTitle(f dataset.Field) string {
	if f.SpecialCategory {
		return f.Title + " (special category)"
	}
	return f.Title
}

var actorWords = map[string]string{
	"analyst": "analyst", "supervisor": "supervisor", "partner-ig": "partner information governance lead",
	"ig-lead": "information governance lead",
}

func whoMayAsk(p Purpose, subject, area bool) []string {
	var out []string
	if len(p.Conditions.Roles) > 0 {
		roles := make([]string, len(p.Conditions.Roles))
		for i, r := range p.Conditions.Roles {
			roles[i] = actorWords[r]
		}
		out = append(out, "someone who has, besides the role that this kind of request needs, one of these roles: "+strings.Join(roles, ", "))
	} else {
		out = append(out, "someone who has the role that this kind of request needs")
	}
	if p.Conditions.Clearance != "" {
		out = append(out, "vetted to "+strings.ToUpper(p.Conditions.Clearance)+" or above")
	}
	if !subject {
		return out
	}
	link := "linked to the case and the person by a supervisor"
	if p.Conditions.CaseLink == "self_claimed" {
		link = "linked to the case and the person by a supervisor or by a claim of their own"
	}
	if area {
		link += "; an area profile needs no such link"
	}
	return append(out, link)
}

func quotaWords(q *Quota) []string {
	if q == nil {
		return nil
	}
	var out []string
	for _, l := range []struct {
		n    int
		text string
	}{
		{q.PerHour, "in an hour by one person"}, {q.PerDay, "in a day by one person"},
		{q.AgencyPerHour, "in an hour by all people of the recipient together"},
		{q.AgencyPerDay, "in a day by all people of the recipient together"},
	} {
		if l.n > 0 {
			out = append(out, fmt.Sprintf("at most %d %s", l.n, l.text))
		}
	}
	return out
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
