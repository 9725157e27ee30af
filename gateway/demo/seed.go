package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/concord-gateway/concord/gateway/synthetic"
)

// Case is the operation for which the demonstration's analyst has case links.
const Case = "OP-LANTERN"

// Submitted is what became of one seeded submission.
type Submitted struct {
	Persona, Dataset, Agreement string
	Received, Accepted          int
	Rejected                    int
}

// seed submits every dataset through the API as its partner, assigns the case
// links of OP-LANTERN and freezes the first edition.
func (d *Demo) seed(ctx context.Context) ([]Submitted, error) {
	var out []Submitted
	for _, s := range d.world.Submissions() {
		got, err := d.submit(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, *got)
	}
	for _, p := range d.world.CaseSubjects() {
		body := map[string]any{"case_ref": Case, "analyst": analystSubject, "subject": p.Identifiers()}
		a, err := d.client.post(ctx, "supervisor", "/v1/case-links", body)
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusCreated {
			return nil, fmt.Errorf("a case link was refused: %s", a.body)
		}
	}
	a, err := d.client.post(ctx, "supervisor", "/v1/editions", struct{}{})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusCreated {
		return nil, fmt.Errorf("the edition was refused: %s", a.body)
	}
	return out, nil
}

// analystSubject is the subject of the persona "analyst".
const analystSubject = "analyst@west-mercia-police.example"

// submit sends one dataset as NDJSON, as its partner's nightly job would.
func (d *Demo) submit(ctx context.Context, s synthetic.Submission) (*Submitted, error) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	for _, row := range s.Rows {
		if err := enc.Encode(row); err != nil {
			return nil, fmt.Errorf("a row of %s: %w", s.Dataset, err)
		}
	}
	path := "/v1/datasets/" + s.Dataset + "/submissions?agreement=" + url.QueryEscape(s.Agreement)
	a, err := d.client.do(ctx, s.Persona, http.MethodPost, path, "application/x-ndjson", body.Bytes())
	if err != nil {
		return nil, err
	}
	out := &Submitted{Persona: s.Persona, Dataset: s.Dataset, Agreement: s.Agreement}
	if err := a.into(http.StatusCreated, out); err != nil {
		return nil, fmt.Errorf("the submission of %s: %w", s.Dataset, err)
	}
	return out, nil
}

// lastYear are the last four complete quarters.
func lastYear(now time.Time) (from, to string) {
	const quarter = 3
	first := time.Date(now.Year(), now.Month()-(now.Month()-1)%quarter, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(-1, 0, 0).Format("2006-01"), first.AddDate(0, -1, 0).Format("2006-01")
}
