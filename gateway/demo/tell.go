package demo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/policy"
)

// areaAnswer is the part of an area profile that the story shows.
type areaAnswer struct {
	Edition, From, To string
	AuditIndex        int64 `json:"audit_index"`
	Sections          []struct {
		ID         string
		Indicators []struct {
			ID, Title, Provider string
			Cells               []areaCell
		}
	}
	Withheld []policy.Withheld
}

func (d *Demo) tellArea(ctx context.Context) error {
	a, err := d.client.post(ctx, "analyst", areaPath, areaQuestion(d.opt.Clock()))
	if err != nil {
		return err
	}
	var p areaAnswer
	if err := a.into(http.StatusOK, &p); err != nil {
		return err
	}
	d.printf("   Telford and Wrekin, %s to %s, from frozen edition %s; log entry %d\n", p.From, p.To, p.Edition, p.AuditIndex)
	d.printf("   * suppressed (1 to 7)   r suppressed, see the longer period   - no data   all else rounded to 5\n")
	quiet := 0
	for _, s := range p.Sections {
		heading := "\n   " + s.ID + "\n"
		for _, ind := range s.Indicators {
			line, loud := cellLine(ind.Cells)
			if !loud {
				quiet++
				continue
			}
			d.printf("%s     %-58s %-19s%s\n", heading, ind.Title, ind.Provider, line)
			heading = ""
		}
	}
	d.printf("\n   %d more indicators are zero, suppressed or without data throughout.\n", quiet)
	d.printWithheld(p.Withheld)
	return nil
}

// areaCell is one cell of an area profile.
type areaCell struct {
	Period, Mark string
	Count        *int
}

// cellLine writes the cells of an indicator in one line; loud is false where
// none of them says more than zero.
func cellLine(cells []areaCell) (line string, loud bool) {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("  " + c.Period + " " + fmt.Sprintf("%-5s", cellText(c.Count, c.Mark)))
		loud = loud || (c.Count != nil && *c.Count > 0)
	}
	return strings.TrimRight(b.String(), " "), loud
}

func cellText(count *int, mark string) string {
	if count == nil {
		return mark
	}
	return strconv.Itoa(*count)
}

func (d *Demo) tellSubject(ctx context.Context) error {
	return d.tellProfile(ctx, d.subjectQuestion("soc-investigation", nil))
}

// subjectAnswer is the part of a person's profile that the story shows.
type subjectAnswer struct {
	Match      struct{ Outcome, Method string }
	AuditIndex int64 `json:"audit_index"`
	Sections   []struct {
		Dataset, Provider string
		Records           []struct {
			Fields     map[string]any
			Treatments map[string]string
		}
	}
	Withheld []policy.Withheld
	Handling struct {
		Marking      string
		Instructions []string
	}
}

// clauseKey names a field for looking up its clause.
type clauseKey struct{ provider, dataset, field string }

// tellProfile asks about a person and shows each field with its treatment and
// the clause that it rests on, which the "may I?" question gives.
func (d *Demo) tellProfile(ctx context.Context, q map[string]any) error {
	a, err := d.client.post(ctx, "analyst", subjectPath, q)
	if err != nil {
		return err
	}
	var p subjectAnswer
	if err := a.into(http.StatusOK, &p); err != nil {
		return err
	}
	clauses, err := d.clauses(ctx, q)
	if err != nil {
		return err
	}
	d.printf("   Purpose %s: %s by %s; log entry %d\n   Handling: %s%s\n", q["purpose"], p.Match.Outcome, p.Match.Method, p.AuditIndex,
		p.Handling.Marking, handlingText(p.Handling.Instructions))
	for _, s := range p.Sections {
		d.printf("\n   %s from %s\n", s.Dataset, s.Provider)
		for _, r := range s.Records {
			for _, f := range slices.Sorted(maps.Keys(r.Fields)) {
				d.printf("     %-22s %-34s %-13s %s\n", f, printJSON(r.Fields[f]), r.Treatments[f], clauses[clauseKey{s.Provider, s.Dataset, f}])
			}
			d.printf("\n")
		}
	}
	d.printWithheld(p.Withheld)
	return nil
}

// handlingText joins instructions, which end in a full stop or not.
func handlingText(instructions []string) string {
	var b strings.Builder
	for _, i := range instructions {
		b.WriteString("\n             " + i)
	}
	return b.String()
}

// clauses asks which clause each field rests on.
func (d *Demo) clauses(ctx context.Context, q map[string]any) (map[clauseKey]string, error) {
	ask := map[string]any{"purpose": q["purpose"]}
	if e, ok := q["emergency"]; ok {
		ask["emergency"] = e
	}
	a, err := d.client.post(ctx, "analyst", explainPath, ask)
	if err != nil {
		return nil, err
	}
	var res struct {
		Items []struct{ Provider, Dataset, Field, Agreement, Clause string }
	}
	if err := a.into(http.StatusOK, &res); err != nil {
		return nil, err
	}
	out := make(map[clauseKey]string, len(res.Items))
	for _, i := range res.Items {
		out[clauseKey{i.Provider, i.Dataset, i.Field}] = i.Agreement + " cl. " + i.Clause
	}
	return out, nil
}

// printWithheld names what was withheld, and why.
func (d *Demo) printWithheld(all []policy.Withheld) {
	d.printf("   Withheld:\n")
	for _, w := range all {
		clause := w.Clause
		if clause != "" {
			clause = " (" + clause + ")"
		}
		d.printf("     %s from %s: %s\n        %s%s [%s]\n", w.Dataset, w.Provider, strings.Join(w.Fields, " "), w.Reason, clause, w.Code)
	}
}
