package agreement

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Titles are what a printed agreement calls things. What has no title is called
// by its id.
type Titles struct {
	// Datasets give the fields their titles; each dataset of the agreement must
	// be among them.
	Datasets *dataset.Registry
	// Purposes, Agencies and Areas are titles by id, by agency and by ONS code.
	Purposes, Agencies, Areas map[string]string
	// Digest is what the parties sign, or empty: then the place for it is left
	// blank.
	Digest string
}

// composer turns an agreement into a document. Every sentence follows from the
// data that is enforced.
type composer struct {
	document

	a *Agreement
	t Titles
}

func compose(a *Agreement, t Titles) (*document, error) {
	const op = "agreement.Markdown"
	if t.Datasets == nil {
		return nil, fault.New(fault.Invalid, op, "An agreement is printed with the titles of its datasets.")
	}
	c := &composer{a: a, t: t}
	c.Title = a.Title
	c.summary()
	c.parties()
	c.purposes()
	c.law()
	for i, s := range a.Datasets {
		d, ok := t.Datasets.Get(s.Dataset)
		if !ok {
			return nil, fault.New(fault.Invalid, op, "There is no dataset "+s.Dataset+".").
				At(fmt.Sprintf("/datasets/%d/dataset", i))
		}
		c.share(s, d)
	}
	c.handling()
	c.period()
	c.conditions()
	c.signatures()
	c.tidy()
	return &c.document, nil
}

// titled returns a title with the id that it stands for.
func titled(titles map[string]string, id string) string {
	if title := titles[id]; title != "" {
		return title + " (" + id + ")"
	}
	return id
}

func (c *composer) agency(id string) string   { return titled(c.t.Agencies, id) }
func (c *composer) purpose(id string) string  { return titled(c.t.Purposes, id) }
func (c *composer) area(code string) string   { return titled(c.t.Areas, code) }
func (c *composer) name(agency string) string { return cmp.Or(c.t.Agencies[agency], agency) }

func (c *composer) summary() {
	c.section(0, "")
	a := c.a
	rows := [][]cell{
		{{"Agreement"}, {a.ID}},
		{{"Version"}, {strconv.Itoa(a.Version)}},
		{{"Between"}, {c.agency(a.Provider.Agency) + ", which provides", c.agency(a.Recipient.Agency) + ", which receives"}},
		{{"In force"}, {"from " + day(a.Valid.From) + " to " + day(a.Valid.To)}},
		{{"Drafted by"}, {a.Author}},
	}
	if s := a.Suspended; s != nil {
		rows = append(rows, []cell{{"Suspended"}, {"from " + day(s.On) + " by " + c.agency(s.By) + ": " + s.Reason}})
	}
	if len(a.Conditions) > 0 {
		rows = append(rows, []cell{{"Conditions besides"}, {"those of the annex"}})
	}
	c.table("This agreement", []string{"", "What it says"}, rows...)
	c.say("A field that is not named below as released is withheld.")
}

var (
	sectorWords = map[string]string{
		"housing": "housing", "health": "health", "social_care": "social care", "education": "education",
		"local_authority": "local authority", "police": "police", "other": "other",
	}
	roleWords   = map[string]string{"controller": "controller", "joint_controller": "joint controller", "processor": "processor"}
	regimeWords = map[string]string{"uk_gdpr": "UK GDPR", regimeLawEnforcement: "law enforcement processing (DPA 2018 Part 3)"}
)

func (c *composer) parties() {
	c.section(2, "The parties")
	p, r := c.a.Provider, c.a.Recipient
	row := func(name, provider, recipient string) []cell { return []cell{{name}, {provider}, {recipient}} }
	c.table("The parties and the posts that answer for the agreement", []string{"", "Provider", "Recipient"},
		row("Agency", c.agency(p.Agency), c.agency(r.Agency)),
		row("Sector", cmp.Or(sectorWords[p.Sector], p.Sector), cmp.Or(sectorWords[r.Sector], r.Sector)),
		row("Role", cmp.Or(roleWords[p.Role], p.Role), cmp.Or(roleWords[r.Role], r.Role)),
		row("Post", p.Post, r.Post),
		row("Contact", p.Contact, r.Contact),
		row("Requests by data subjects", c.a.Rights.Provider, c.a.Rights.Recipient))
}

func (c *composer) purposes() {
	c.section(2, "What it is for")
	var rows [][]cell
	seen := map[string]int{}
	for _, s := range c.a.Datasets {
		d, ok := c.t.Datasets.Get(s.Dataset)
		if !ok {
			continue // compose reports it
		}
		for _, p := range s.Purposes {
			i, known := seen[p.Purpose]
			if !known {
				i = len(rows)
				seen[p.Purpose] = i
				rows = append(rows, []cell{{c.purpose(p.Purpose)}, nil})
			}
			rows[i][1] = append(rows[i][1], d.Title+": "+kindWords(p.Kinds)+", clause "+p.Clause)
		}
	}
	if len(rows) == 0 {
		c.say("No purpose is agreed. What is agreed for emergencies stands with each dataset.")
		return
	}
	c.table("The purposes and the datasets that serve them", []string{"Purpose", "Datasets"}, rows...)
}

// kindWords say whom a request may be about.
func kindWords(kinds []string) string {
	subject, area := slices.Contains(kinds, "subject"), slices.Contains(kinds, "area")
	switch {
	case subject && area:
		return "a named person, and area profiles"
	case subject:
		return "a named person"
	}
	return "area profiles"
}

func (c *composer) law() {
	c.section(2, "The law that it rests on")
	p, r := c.a.Basis.Provider, c.a.Basis.Recipient
	head := []string{"", "Provider: " + c.name(c.a.Provider.Agency), "Recipient: " + c.name(c.a.Recipient.Agency)}
	c.table("Lawful basis and legal power of both sides", head,
		[]cell{{"Regime"}, {cmp.Or(regimeWords[p.Regime], p.Regime)}, {cmp.Or(regimeWords[r.Regime], r.Regime)}},
		[]cell{{"Lawful basis"}, slices.Clone(p.LawfulBasis), slices.Clone(r.LawfulBasis)},
		[]cell{{"Legal power"}, slices.Clone(p.LegalPower), slices.Clone(r.LegalPower)})
	if s := c.a.SpecialCategory; s != nil {
		c.table("Special category data", []string{"", "What it rests on"},
			[]cell{{"Condition"}, {s.Condition}}, []cell{{"Appropriate policy document"}, {s.PolicyDocument}})
	} else {
		c.say("The agreement lists no special category field.")
	}
	var onward []string
	for _, s := range c.a.Datasets {
		for _, p := range s.Purposes {
			if p.Onward != nil {
				onward = append(onward, c.purpose(p.Purpose)+", "+s.Dataset+", clause "+p.Clause+": "+p.Onward.AuthorisedBy)
			}
		}
	}
	c.list("What authorises a purpose other than law enforcement:", onward)
}
