package agreement

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
)

// SkeletonOptions say what a new agreement is to be about.
type SkeletonOptions struct {
	ID string
	// Provider and Recipient are agencies. Their sectors are those of an
	// agreement's party; without one the recipient is the police.
	Provider, Recipient             string
	ProviderSector, RecipientSector string
	Dataset                         *dataset.Dataset
	// Purpose is the purpose for which the recipient asks, and Kinds the kinds of
	// request that it is for; without any it is for "subject".
	Purpose string
	Kinds   []string
	// Author is the subject of the policy author.
	Author string
	// From is the first day on which the agreement holds.
	From time.Time
}

// Skeleton returns the agreement.json of a new agreement, with comments that
// say in plain words what people have to decide and which law asks for it. It
// loads without findings, releases nothing and counts nothing: every field is
// withheld. As soon as one is opened, Load refuses what is still to be decided.
// The same options give the same bytes. Options that make no agreement are a
// fault like that of Load.
func Skeleton(o SkeletonOptions) ([]byte, error) {
	const op = "agreement.Skeleton"
	if o.Dataset == nil {
		return nil, fault.New(fault.Invalid, op, "A new agreement needs a dataset.")
	}
	o.RecipientSector = cmp.Or(o.RecipientSector, "police")
	if len(o.Kinds) == 0 {
		o.Kinds = []string{"subject"}
	}
	compact, err := o.document().MarshalJSON()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The agreement cannot be written.", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The agreement cannot be written.", err)
	}
	out.WriteByte('\n')
	schema, err := compileSchema()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The schema of agreements cannot be read.", err)
	}
	a, found := parse(out.Bytes(), o.ID, schema)
	if a != nil {
		found = check(a, o.ID, func(name string) (*dataset.Dataset, bool) { return o.Dataset, name == o.Dataset.Name })
	}
	if err := Findings(found).fault(op); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func comment(text string) member { return member{commentKey, text} }

func toDecide(text string) string { return undecided + ": " + text }

// document is the agreement, with its members in the order of the schema.
func (o SkeletonOptions) document() object {
	from := o.From.UTC()
	return object{
		comment("A new agreement. Whatever begins with " + undecided + " is for people to decide; while it stands, no field can be opened. " +
			"Members called " + commentKey + " explain, and mean nothing to Concord: take them out when you like. " +
			"Both parties sign the digest of this file, so that nobody can change it alone."),
		{"id", o.ID},
		{"version", 1},
		{"title", o.Provider + " to " + o.Recipient + ": " + o.Dataset.Title},
		{"author", o.Author},
		{"provider", o.party("provider", o.Provider, o.ProviderSector)},
		{"recipient", o.party("recipient", o.Recipient, o.RecipientSector)},
		{"basis", object{
			comment("The law on both sides: the provider discloses and the recipient receives, each under its own regime. A lawful basis says why " +
				"the law allows it (" + gdprBasis + ", or for law enforcement " + enforcementBasis + "); a legal power is the enactment or the common law " +
				"under which the body acts, such as the Crime and Disorder Act 1998 s.115. That Act's s.17A is for depersonalised data only, and the serious " +
				"violence duty carries no patient information (" + violenceDutyLaw + ")."),
			{"provider", o.lawful("provider", o.ProviderSector)},
			{"recipient", o.lawful("recipient", o.RecipientSector)},
		}},
		{"special_category", o.specialCategory()},
		{"datasets", []any{o.share()}},
		{"handling", object{
			comment("How the recipient handles what it gets. The strictest marking of all agreements that an answer rests on counts."),
			{"marking", "OFFICIAL-SENSITIVE"},
			{"instructions", []string{"RECIPIENTS ONLY"}},
		}},
		{"valid", object{
			comment("The first and the last day, in UTC."),
			{"from", from.Format(time.DateOnly)},
			{"to", from.AddDate(1, 0, -1).Format(time.DateOnly)},
		}},
		{"review", from.AddDate(0, 11, 0).Format(time.DateOnly)},
		{"termination", object{
			comment("The notice that either side gives, and what the recipient then does with the data: erase, return or retain_as_law_requires. " +
				"Either side can suspend the agreement at once besides (" + sharingCode + ")."),
			{"notice_days", 30},
			{"on_end", "erase"},
		}},
		{"embargo_days", defaultEmbargoDays},
		{"suspended", nil},
		{"rights", object{
			comment("Where a person turns to for their rights: access, correction, erasure, objection (UK GDPR Arts 12-22; DPA 2018 ss.44-48)."),
			{"provider", "rights.provider" + undecidedHost},
			{"recipient", "rights.recipient" + undecidedHost},
		}},
	}
}

func (o SkeletonOptions) party(side, agency, sector string) object {
	return object{
		comment("The " + side + ". The role is controller, joint_controller or processor (UK GDPR Arts 4, 26 and 28). Name a post, never a person."),
		{"agency", agency},
		{"sector", cmp.Or(sector, "other")},
		{"role", "controller"},
		{"post", toDecide("the post that answers for the " + side)},
		{"contact", side + undecidedHost},
	}
}

func (o SkeletonOptions) lawful(side, sector string) object {
	regime, provision := "uk_gdpr", gdprBasis
	if sector == "police" {
		regime, provision = regimeLawEnforcement, enforcementBasis
	}
	return object{
		{"regime", regime},
		{"lawful_basis", []string{toDecide("the lawful basis of the " + side + ", by " + provision)}},
		{"legal_power", []string{toDecide("the legal power of the " + side + ", with its provision")}},
	}
}

// specialCategory is null for a dataset without any such field.
func (o SkeletonOptions) specialCategory() any {
	var sensitive []string
	for _, f := range inOrder(o.Dataset) {
		if f.SpecialCategory {
			sensitive = append(sensitive, f.Pointer)
		}
	}
	if len(sensitive) == 0 {
		return nil
	}
	return object{
		comment("Special category data in this dataset: " + strings.Join(sensitive, ", ") + ". It needs a condition (UK GDPR Art 9 with DPA 2018 Sch 1; " +
			"for law enforcement Sch 8) and an appropriate policy document (" + policyDocument + ")."),
		{"condition", toDecide("the condition of each side")},
		{"policy_document", toDecide("the name and version of the policy document")},
	}
}

func (o SkeletonOptions) share() object {
	d := o.Dataset
	var collects []string
	for _, f := range []string{d.SourceID, d.Area, d.EventDate} {
		if f != "" {
			collects = append(collects, f)
		}
	}
	entries := make([]any, len(o.Kinds))
	for i, kind := range o.Kinds {
		entries[i] = o.purpose(kind, fmt.Sprintf("1.%d", i+1))
	}
	freeText := ""
	if d.Kind == dataset.Anonymous && len(d.FreeText()) > 0 {
		freeText = "free_text says whether a row whose free text has something that identifies a person is refused, as without it, or the text masked (mask). "
	}
	return object{
		comment("What is shared of " + d.Title + ". retention_days is how long each record is kept after it came in (" + storage + "): " +
			"no longer than the purpose needs. unlisted says that a row with a field that is not listed here is refused; " +
			"drop would take the row without the field. " + freeText +
			"areas lists the ONS codes of the local authorities that the provider covers; without it, all. " +
			"emergency may hold, for each of the grounds " + strings.Join(Grounds(), ", ") + ", a clause and its own short list of fields."),
		{"dataset", d.Name},
		{"unlisted", "refuse"},
		{"retention_days", 365},
		{"purposes", entries},
		{"collects", collects},
	}
}

func (o SkeletonOptions) purpose(kind, clause string) object {
	var fields object
	for _, f := range inOrder(o.Dataset) {
		fields = append(fields, member{f.Pointer, release.Withhold})
	}
	out := object{
		comment(o.advice(kind)),
		{"purpose", o.Purpose},
		{"kinds", []string{kind}},
		{"clause", clause},
		{"fields", fields},
	}
	if kind != "subject" {
		return out
	}
	return append(out,
		member{"conditions", object{
			comment("Who may ask: assigned asks that a supervisor linked the analyst to the case and person. " +
				"clearance asks for a level of vetting, roles for one of several roles, " +
				"and row narrows the records, for example to events of the last year: attr event_date, op within_days, value 365."),
			{"case_link", "assigned"},
		}},
		member{"quota", object{
			comment("How many people may be asked about: by one person, and by all of the recipient's people together. Zero is no limit."),
			{"per_hour", 10},
			{"per_day", 30},
			{"agency_per_hour", 30},
			{"agency_per_day", 100},
		}},
	)
}

// advice tells how to open a field for a kind of request.
func (o SkeletonOptions) advice(kind string) string {
	opening := "Every field is withheld. Open only what the purpose needs (UK GDPR Art 5(1)(c); DPA 2018 s.37), by giving it another treatment. "
	if kind == "area" {
		var counts []string
		for _, in := range o.Dataset.Indicators {
			counts = append(counts, "“"+in.Title+"” reads "+strings.Join(in.Reads, ", "))
		}
		text := opening + "An area profile counts, and shows no field of a person: count_only lets a field be counted."
		if len(counts) > 0 {
			text += " A count is published where everything that it reads may be counted: " + strings.Join(counts, "; ") + "."
		}
		return text
	}
	words := make([]string, 0, len(treatmentWords))
	for _, w := range treatmentWords {
		words = append(words, string(w.treatment)+" ("+w.words+")")
	}
	var personal []string
	for _, f := range inOrder(o.Dataset) {
		if f.Personal {
			personal = append(personal, f.Pointer)
		}
	}
	text := opening + "The treatments: " + strings.Join(words, ", ") + "."
	if len(personal) > 0 {
		text += " These fields can name or find a person: " + strings.Join(slices.Compact(personal), ", ") + "."
	}
	return text
}
