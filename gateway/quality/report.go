package quality

import (
	"maps"
	"math"
	"slices"
)

// Report is a tally as people read it. Shares are per cent with one decimal.
type Report struct {
	Received    int `json:"received"`
	Valid       int `json:"valid"`
	Rejected    int `json:"rejected"`
	Unchanged   int `json:"unchanged"`
	Duplicates  int `json:"duplicates"`
	OutsideArea int `json:"outside_area"`
	// RejectedShare is Rejected of Received.
	RejectedShare float64 `json:"rejected_share"`
	// InvalidCodes are rows refused because a value is not in its list of codes.
	// A row with two of them counts twice.
	InvalidCodes int `json:"invalid_codes"`
	// Completeness is over all listed fields of all valid rows; nil without any.
	Completeness *float64     `json:"completeness"`
	Fields       []FieldShare `json:"fields"`
	Rules        []Rule       `json:"rules"`
	Dropped      []Count      `json:"dropped"`
	Masked       []Count      `json:"masked"`
	// Identifiers are kinds of identifier that were found in free text.
	Identifiers []Count     `json:"identifiers"`
	Timeliness  *Timeliness `json:"timeliness"`
}

// FieldShare says how complete a field is; Share is nil without valid rows.
type FieldShare struct {
	Pointer string   `json:"pointer"`
	Filled  int      `json:"filled"`
	Share   *float64 `json:"share"`
}

// Count is a number under a name.
type Count struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

// Timeliness is how many days pass from event to receipt. Median and P90 are the
// upper ends of classes; nil is more than two years.
type Timeliness struct {
	Rows   int     `json:"rows"`
	Median *int    `json:"median_days"`
	P90    *int    `json:"p90_days"`
	Days   []Class `json:"days"`
}

// Class is one class of the histogram; AtMost is nil for the last.
type Class struct {
	AtMost *int `json:"at_most"`
	Rows   int  `json:"rows"`
}

// notInList is the code of dataset for a value that is not in its list.
const notInList = "not-in-list"

// Report computes what people read.
func (t *Tally) Report() Report {
	r := Report{
		Received: t.Received, Valid: t.Valid, Rejected: t.Rejected, Unchanged: t.Unchanged, Duplicates: t.Duplicates, OutsideArea: t.OutsideArea,
		Fields: make([]FieldShare, len(t.Fields)), Rules: append([]Rule{}, t.Rules...),
		Dropped: counts(t.Dropped), Masked: counts(t.Masked), Identifiers: counts(t.Found), Timeliness: t.timeliness(),
	}
	if s := share(t.Rejected, t.Received); s != nil {
		r.RejectedShare = *s
	}
	for _, rule := range t.Rules {
		if rule.Code == notInList {
			r.InvalidCodes += rule.Rows
		}
	}
	filled := 0
	for i, f := range t.Fields {
		filled += f.Filled
		r.Fields[i] = FieldShare{Pointer: f.Pointer, Filled: f.Filled, Share: share(f.Filled, t.Valid)}
	}
	r.Completeness = share(filled, t.Valid*len(t.Fields))
	return r
}

// share is n of total in per cent with one decimal; of nothing there is none.
func share(n, total int) *float64 {
	if total == 0 {
		return nil
	}
	s := math.Round(float64(n)*1000/float64(total)) / 10
	return &s
}

func counts(by map[string]int) []Count {
	out := []Count{}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, Count{Name: name, Rows: by[name]})
	}
	return out
}

func (t *Tally) timeliness() *Timeliness {
	if len(t.Days) != buckets {
		return nil
	}
	const half, most = 50, 90
	out := &Timeliness{Median: quantile(t.Days, half), P90: quantile(t.Days, most)}
	limits := bounds()
	for i, n := range t.Days {
		out.Rows += n
		c := Class{Rows: n}
		if i < len(limits) {
			c.AtMost = &limits[i]
		}
		out.Days = append(out.Days, c)
	}
	return out
}
