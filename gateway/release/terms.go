package release

// Treatment is what is done to a field before it leaves.
type Treatment string

// The treatments, from the most to the least revealing.
const (
	Full        Treatment = "full"
	Mask        Treatment = "mask"
	Year        Treatment = "year"
	Month       Treatment = "month"
	AgeBand     Treatment = "age_band"
	OutwardCode Treatment = "outward_code"
	AreaCode    Treatment = "area"
	Pseudonym   Treatment = "pseudonym"
	CountOnly   Treatment = "count_only"
	Withhold    Treatment = "withhold"
)

// Condition is a row condition: a record that does not meet it is not
// released. Attr is a JSON pointer into the record or one of the names
// "event_date", "area", "date_of_birth" and "subject_category". An unknown
// attribute or operation denies the row.
type Condition struct {
	Attr string `json:"attr"`
	// Op is eq, in, gte, lte, age_gte, age_lte, within_days or area_in.
	Op    string `json:"op"`
	Value any    `json:"value"`
}
