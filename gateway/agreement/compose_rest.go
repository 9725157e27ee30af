package agreement

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
)

// rowWords is a row condition in plain English.
func (c *composer) rowWords(r release.Condition, d *dataset.Dataset) string {
	pointer, _ := attribute(r.Attr, d)
	f, _ := d.Field(pointer)
	field, value := quoted(f.Title), listed(r.Value, quoted)
	_, isText := r.Value.(string)
	switch r.Op {
	case "within_days":
		if r.Attr == "event_date" {
			return "events of the last " + value + " days, by " + field
		}
		return "those whose " + field + " lies within the last " + value + " days"
	case "age_gte":
		return aged(r.Attr, field, value+" or over", "at least "+value)
	case "age_lte":
		return aged(r.Attr, field, value+" or under", "at most "+value)
	case "gte":
		if isText {
			return "those whose " + field + " is on or after " + value
		}
		return "those whose " + field + " is at least " + value
	case "lte":
		if isText {
			return "those whose " + field + " is on or before " + value
		}
		return "those whose " + field + " is at most " + value
	case "area_in":
		return "those whose " + field + " lies in " + listed(r.Value, c.area)
	case "in":
		return "those whose " + field + " is one of " + value
	}
	return "those whose " + field + " is " + value
}

// aged says how old a person is, or how long ago another date lies.
func aged(attr, field, person, other string) string {
	if attr == "date_of_birth" || attr == "/date_of_birth" {
		return "people aged " + person + ", by " + field
	}
	return "those whose " + field + " lies " + other + " full years back"
}

func quoted(text string) string { return "“" + text + "”" }

// listed writes one value or a list of them; text is asked how to write a text.
func listed(value any, text func(string) string) string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	out := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string:
			out[i] = text(v)
		case float64:
			out[i] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(out, ", ")
}

func (c *composer) handling() {
	h := c.a.Handling
	c.section(2, "How the recipient handles the data")
	rows := [][]cell{{{"Marking"}, {h.Marking}}}
	if len(h.Instructions) > 0 {
		rows = append(rows, []cell{{"Instructions"}, append(cell{}, h.Instructions...)})
	}
	c.table("Handling", []string{"", "What is agreed"}, rows...)
}

var endWords = map[string]string{
	"erase": "the recipient erases the data", "return": "the recipient returns the data to the provider",
	"retain_as_law_requires": "the recipient keeps the data only as long as law requires",
}

func (c *composer) period() {
	a := c.a
	c.section(2, "How long it lasts, and how it ends")
	c.table("Dates and periods", []string{"", "What is agreed"},
		[]cell{{"In force"}, {"from the start of " + day(a.Valid.From) + " to the end of " + day(a.Valid.To) + ", in UTC"}},
		[]cell{{"Reviewed"}, {"by " + day(a.Review)}},
		[]cell{{"The provider learns who a disclosure was about"}, {days(a.EmbargoDays) + " after it"}},
		[]cell{{"Notice to end it"}, {days(a.Termination.NoticeDays)}},
		[]cell{{"When it ends"}, {endWords[a.Termination.OnEnd]}})
}

// conditions prints conditions.rego as it is, since it is enforced as it is.
func (c *composer) conditions() {
	if len(c.a.Conditions) == 0 {
		return
	}
	c.section(2, "Annex: conditions")
	c.say("These conditions are enforced besides what is said above. They are shown as they are written, in Rego.")
	c.add(block{Code: string(c.a.Conditions)})
}

func (c *composer) signatures() {
	c.section(2, "Signatures")
	digest := cell(nil)
	if c.t.Digest != "" {
		digest = cell{c.t.Digest}
	}
	c.add(block{Table: &table{
		Caption: "What is signed", Head: []string{"", "Value"}, Blank: true, Rows: [][]cell{
			{{"Agreement and version"}, {fmt.Sprintf("%s, version %d", c.a.ID, c.a.Version)}},
			{{"Digest"}, digest},
		},
	}})
	rows := make([][]cell, 0, 2)
	for _, p := range []Party{c.a.Provider, c.a.Recipient} {
		rows = append(rows, []cell{{"For " + c.agency(p.Agency)}, {p.Post}, nil, nil, nil})
	}
	c.add(block{Table: &table{
		Caption: "Signatures of the parties", Head: []string{"Party", "Post", "Name", "Signature", "Date"}, Blank: true, Rows: rows,
	}})
}
