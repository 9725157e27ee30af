package agreement

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shippedTitles are the titles that the shipped files have.
func shippedTitles(tb testing.TB) Titles {
	tb.Helper()
	var purposes []struct{ ID, Title string }
	var agencies map[string]struct{ Title string }
	var places struct{ Places []struct{ Code, Name string } }
	for _, f := range []struct {
		read func(string) ([]byte, error)
		name string
		into any
	}{
		{policies.Files.ReadFile, "purposes.json", &purposes},
		{policies.Files.ReadFile, "concord/agencies.json", &agencies},
		{schemas.Files.ReadFile, "places.json", &places},
	} {
		raw, err := f.read(f.name)
		if err == nil {
			err = json.Unmarshal(raw, f.into)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	out := Titles{
		Datasets: registry(tb), Purposes: map[string]string{}, Agencies: map[string]string{}, Areas: map[string]string{},
		Digest: "sha256:" + strings.Repeat("ab", 32),
	}
	for _, p := range purposes {
		out.Purposes[p.ID] = p.Title
	}
	for id, a := range agencies {
		out.Agencies[id] = a.Title
	}
	for _, p := range places.Places {
		out.Areas[p.Code] = p.Name
	}
	return out
}

func TestRenderGolden(t *testing.T) {
	r, titles := load(t), shippedTitles(t)
	for _, id := range []string{"ISA-ME-WMP-001", "ISA-SH-WMP-001"} {
		a, _ := r.Get(id)
		for suffix, write := range map[string]func(*Agreement, Titles) ([]byte, error){".md": Markdown, ".html": HTML} {
			got, err := write(a, titles)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", id+suffix)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s%s: %s", id, suffix, diff)
			}
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// Whatever is enforced can be read in both forms: who, why, what, how long, and
// what stays.
func TestRenderSaysEverything(t *testing.T) {
	titles := shippedTitles(t)
	for _, a := range load(t).All() {
		for form, text := range rendered(t, a, titles) {
			for _, want := range everything(a, titles) {
				if !strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%s does not say %q in %s", a.ID, want, form)
				}
			}
		}
	}
}

// rendered returns the words of both forms, on one line each.
func rendered(t *testing.T, a *Agreement, titles Titles) map[string]string {
	t.Helper()
	md, err := Markdown(a, titles)
	if err != nil {
		t.Fatal(err)
	}
	page, err := HTML(a, titles)
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`\\([[:punct:]])`).ReplaceAllString(string(md), "$1")
	return map[string]string{
		"Markdown": strings.Join(strings.Fields(plain), " "),
		"HTML":     strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(string(page), " "))), " "),
	}
}

func everything(a *Agreement, titles Titles) []string {
	out := []string{
		a.ID, a.Title, a.Author, day(a.Valid.From), day(a.Valid.To), day(a.Review), a.Handling.Marking, a.Rights.Provider, a.Rights.Recipient,
		fmt.Sprintf("%d days", a.Termination.NoticeDays), fmt.Sprintf("%d days", a.EmbargoDays), titles.Digest,
	}
	for side, l := range a.sides() {
		p := a.party(side)
		out = append(out, p.Agency, titles.Agencies[p.Agency], p.Post, p.Contact)
		out = append(append(out, l.LawfulBasis...), l.LegalPower...)
	}
	out = append(out, a.Handling.Instructions...)
	if s := a.SpecialCategory; s != nil {
		out = append(out, s.Condition, s.PolicyDocument)
	}
	if s := a.Suspended; s != nil {
		out = append(out, day(s.On), s.By, s.Reason)
	}
	for _, s := range a.Datasets {
		d, _ := titles.Datasets.Get(s.Dataset)
		out = append(out, d.Title, d.Description, fmt.Sprintf("%d days after it is received", s.RetentionDays))
		out = append(out, s.Areas...)
		for _, f := range d.Fields {
			form, _ := d.Form(f.Pointer)
			out = append(out, f.Title, f.Pointer, form.Description)
		}
		for _, p := range s.Purposes {
			out = append(out, "Clause "+p.Clause+". "+titles.Purposes[p.Purpose])
		}
		for _, g := range s.Emergency {
			out = append(out, "Clause "+g.Clause+". Emergency")
		}
	}
	return out
}

// What a named person's field looks like to the recipient stands beside its
// title, and each field of the dataset is either there or named as withheld.
func TestRenderTreatments(t *testing.T) {
	a, _ := load(t).Get("ISA-SH-WMP-001")
	md, err := Markdown(a, shippedTitles(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| **Date of birth** | the year only |",
		"| **Home postcode** | the first half of the postcode only |",
		"| **Family name** | the whole value |",
		"| **Main reason for leaving the last settled home** | may be counted, never shown |",
		"- expressly: End of the tenancy; Main reason for leaving the last settled home\n",
		"Support needs (special category)",
		"- those whose “Status of the tenancy” is one of “current”, “notice\\_served”\n",
		"- events of the last 1095 days, by “Date of the report”\n",
		"- vetted to NPPV3 or above\n",
		"- linked to the case and the person by a supervisor\n",
	} {
		if !strings.Contains(string(md), want) {
			t.Errorf("%q is not there", want)
		}
	}
}

// No field of a dataset is left out: under each clause it is released, counted
// or named as withheld.
func TestRenderLeavesNoFieldOut(t *testing.T) {
	model, _ := load(t).Get(housing)
	a := *model
	a.Datasets = []Share{a.Datasets[0]}
	a.Datasets[0].Emergency = map[string]Ground{"court_order": {Clause: "9", Fields: map[string]release.Treatment{
		"/given_name": release.Full, "/uprn": release.CountOnly, "/postcode": release.Withhold,
	}}}
	md, err := Markdown(&a, Titles{Datasets: registry(t)})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := registry(t).Get("housing.tenancy")
	clauses := strings.Split(string(md), "\n### ")[1:]
	if len(clauses) != len(a.Datasets[0].Purposes)+1 {
		t.Fatalf("%d clauses", len(clauses))
	}
	for _, clause := range clauses {
		clause, _, _ = strings.Cut(clause, "\n## ")
		heading, rest, _ := strings.Cut(clause, "\n")
		for _, f := range d.Fields {
			_, withheld, _ := strings.Cut(rest, "**Withheld, although")
			withheld, _, _ = strings.Cut(withheld, "**Who may")
			released := strings.Count(rest, "| **"+fieldTitle(f)+"** |")
			kept := regexp.MustCompile(`[:;] ` + regexp.QuoteMeta(fieldTitle(f)) + `(;|\n)`).MatchString(withheld)
			if released+map[bool]int{true: 1}[kept] != 1 {
				t.Errorf("%s: %s is released %d times, withheld: %t", heading, fieldTitle(f), released, kept)
			}
		}
	}
}

func TestRowWords(t *testing.T) {
	d, _ := registry(t).Get("housing.tenancy")
	c := &composer{t: Titles{Areas: map[string]string{"E06000020": "Telford and Wrekin"}}}
	for want, r := range map[string]release.Condition{
		"events of the last 365 days, by “Start of the tenancy”":                   {Attr: "event_date", Op: "within_days", Value: 365.0},
		"those whose “End of the tenancy” lies within the last 30 days":            {Attr: "/tenancy_end", Op: "within_days", Value: 30.0},
		"people aged 18 or over, by “Date of birth”":                               {Attr: "date_of_birth", Op: "age_gte", Value: 18.0},
		"people aged 17.5 or under, by “Date of birth”":                            {Attr: "/date_of_birth", Op: "age_lte", Value: 17.5},
		"those whose “End of the tenancy” lies at least 2 full years back":         {Attr: "/tenancy_end", Op: "age_gte", Value: 2.0},
		"those whose “End of the tenancy” is on or before “2026-01-01”":            {Attr: "/tenancy_end", Op: "lte", Value: "2026-01-01"},
		"those whose “Start of the tenancy” is on or after “2026-01-01”":           {Attr: "event_date", Op: "gte", Value: "2026-01-01"},
		"those whose “People in the household” is at least 1000000":                {Attr: "/household_size", Op: "gte", Value: 1000000.0},
		"those whose “People in the household” is at most 3":                       {Attr: "/household_size", Op: "lte", Value: 3.0},
		"those whose “People in the household” is 3":                               {Attr: "/household_size", Op: "eq", Value: 3.0},
		"those whose “Category of data subject” is one of “suspect”, “victim”":     {Attr: "subject_category", Op: "in", Value: []any{"suspect", "victim"}},
		"those whose “Local authority” lies in Telford and Wrekin (E06000020), E1": {Attr: "area", Op: "area_in", Value: []any{"E06000020", "E1"}},
	} {
		if got := c.rowWords(r, d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestQuotaWords(t *testing.T) {
	got := quotaWords(&Quota{PerHour: 1, AgencyPerHour: 30, AgencyPerDay: 100})
	want := []string{
		"at most 1 in an hour by one person", "at most 30 in an hour by all people of the recipient together",
		"at most 100 in a day by all people of the recipient together",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const hostile = "<script>alert(1)</script> | `x` [y](javascript:z) **b**\n\n# h\n- i &amp; ${q} \u202e www.evil.example https://evil.example"

// No title can mean anything to the form that it is written in.
func TestRenderEscapes(t *testing.T) {
	a, titles := hostileAgreement(t)
	md, err := Markdown(a, titles)
	if err != nil {
		t.Fatal(err)
	}
	page, err := HTML(a, titles)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(page); strings.Contains(text, "<script") || strings.Contains(text, "\u202e") ||
		!strings.Contains(text, "&lt;script&gt;alert(1)&lt;/script&gt; | `x`") || !strings.Contains(text, "[U&#43;202E]") {
		t.Error("HTML gives way to a title")
	}
	outside, code, found := strings.Cut(string(md), "\n`````rego\n")
	if !found || !strings.Contains(code, "````\nnot the end\n") || !strings.Contains(code, "\n`````\n") {
		t.Error("the conditions end before they end")
	}
	for number, line := range strings.Split(outside, "\n") {
		bare := regexp.MustCompile(`\\[[:punct:]]`).ReplaceAllString(line, "")
		if strings.ContainsAny(bare, "<>`[]&$~") || strings.Contains(bare, "\u202e") || strings.Contains(bare, "www.") || strings.Contains(bare, "://") {
			t.Errorf("line %d: %s", number+1, line)
		}
		if strings.HasPrefix(line, "# ") && number > 0 || strings.HasPrefix(line, "- i") {
			t.Errorf("line %d breaks out: %s", number+1, line)
		}
	}
	checkColumns(t, outside)
}

// checkColumns finds a row of a table that has more or fewer cells than its
// head.
func checkColumns(t *testing.T, md string) {
	t.Helper()
	columns := 0
	for line := range strings.SplitSeq(md, "\n") {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(regexp.MustCompile(`\\[[:punct:]]`).ReplaceAllString(line, ""), "|")
		if columns > 0 && n != columns {
			t.Errorf("%d bars for %d: %s", n, columns, line)
		}
		columns = n
	}
}

func hostileAgreement(t *testing.T) (*Agreement, Titles) {
	t.Helper()
	schema := fstest.MapFS{"bad.titles.schema.json": &fstest.MapFile{Data: fmt.Appendf(nil, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": %[1]q, "description": %[1]q,
		"x-concord": {"name": "bad.titles", "version": "1.0.0", "kind": "person", "source_id": "/source_id", "area": "", "event_date": "",
			"special_category": false, "indicators": []},
		"type": "object", "additionalProperties": false, "required": ["source_id"],
		"properties": {
			"source_id": {"title": %[1]q, "description": %[1]q, "type": "string", "minLength": 1},
			"family_name": {"title": %[1]q, "type": "string", "x-concord": {"identifier": "family_name"}}
		}}`, hostile)}}
	ds, err := dataset.Load(schema)
	if err != nil {
		t.Fatal(err)
	}
	model, _ := load(t).Get(housing)
	a := *model
	a.Title, a.Provider.Post, a.Handling.Instructions = hostile, hostile, []string{hostile}
	a.Basis.Provider.LegalPower = []string{hostile}
	a.Suspended = &Suspension{On: "2027-01-01", By: "x", Reason: hostile}
	a.Conditions = []byte("````\nnot the end\n<script> \u202e\n")
	a.Datasets = []Share{{Dataset: "bad.titles", Purposes: []Purpose{{
		Purpose: "p", Kinds: []string{"subject", "area"}, Clause: "1", Fields: map[string]release.Treatment{"/family_name": release.Full},
		Onward: &Onward{AuthorisedBy: hostile}, Conditions: Conditions{Row: []release.Condition{{Attr: "/family_name", Op: "eq", Value: hostile}}},
	}}}}
	return &a, Titles{Datasets: ds, Purposes: map[string]string{"p": hostile}, Agencies: map[string]string{"x": hostile}, Digest: hostile}
}

// The page has its headings in order, and each table a caption and headed rows
// and columns.
func TestPageIsAccessible(t *testing.T) {
	titles := shippedTitles(t)
	for _, a := range load(t).All() {
		raw, err := HTML(a, titles)
		if err != nil {
			t.Fatal(err)
		}
		text, level := string(raw), 0
		for _, h := range regexp.MustCompile(`<h([1-6])>`).FindAllStringSubmatch(text, -1) {
			now := int(h[1][0] - '0')
			if now > level+1 || (now == 1) != (level == 0) {
				t.Errorf("%s: a heading of level %d after %d", a.ID, now, level)
			}
			level = now
		}
		tables := strings.Count(text, "<table")
		if tables == 0 || strings.Count(text, "<caption>") != tables || strings.Count(text, "<th>") != 0 {
			t.Errorf("%s: %d tables", a.ID, tables)
		}
		if strings.Contains(text, "src=") || strings.Contains(text, "href=") || strings.Contains(text, "ZgotmplZ") {
			t.Errorf("%s: the page needs something beside it", a.ID)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	a, _ := load(t).Get(housing)
	empty, err := dataset.Load(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	for name, titles := range map[string]Titles{"no datasets": {}, "not its dataset": {Datasets: empty}} {
		if out, err := Markdown(a, titles); !fault.Is(err, fault.Invalid) || out != nil {
			t.Errorf("%s: %v", name, err)
		}
		if out, err := HTML(a, titles); !fault.Is(err, fault.Invalid) || out != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without titles, things go by their ids, and the digest is left blank.
	text, err := Markdown(a, Titles{Datasets: registry(t)})
	if err != nil || !strings.Contains(string(text), "soc-investigation") || !strings.Contains(string(text), "| **Digest** |  |") {
		t.Errorf("got %v\n%s", err, text)
	}
}

// TestRenderFreeText: the document says what happens to text that identifies
// somebody where the dataset is anonymous, and nothing of it elsewhere.
func TestRenderFreeText(t *testing.T) {
	t.Parallel()
	all := registry(t)
	get := func(name string) *dataset.Dataset {
		d, ok := all.Get(name)
		if !ok {
			t.Fatal(name)
		}
		return d
	}
	for _, c := range []struct{ dataset, says, want string }{
		{"health.assault_attendance", "", "the record is refused"},
		{"health.assault_attendance", RefuseFreeText, "the record is refused"},
		{"health.assault_attendance", MaskFreeText, "it is hidden before the record is stored"},
		{"housing.concern", MaskFreeText, ""},
		{"police.crime_count", "", ""},
	} {
		if got := freeText(Share{FreeText: c.says}, get(c.dataset)); got != c.want {
			t.Errorf("%s, %q: %q", c.dataset, c.says, got)
		}
	}
}
