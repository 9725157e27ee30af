package intake

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkRead is what it costs to take a body apart, CSV into JSON as well.
func BenchmarkRead(b *testing.B) {
	const rows = 20_000
	var csv, lines strings.Builder
	csv.WriteString("Tenancy Ref,LA Code,UPRN,Forename,Surname,DOB,Postcode,Tenancy Type,Tenancy Status,Start Date,Household Size,Support Needs,Fact or Opinion?,Subject Category\n")
	for i := range rows {
		fmt.Fprintf(&csv, "TH-%06d,E06000020,1000%08d,Ada,\"O'Sample\",%02d/%02d/1990,TF1 1AA,secure,current,01/02/2020,%d,mental_health;care_leaver,fact,not_known\n",
			i, i, i%28+1, i%12+1, i%7+1)
		fmt.Fprintf(&lines, `{"source_id":"TH-%06d","area":"E06000020","uprn":"1000%08d","given_name":"Ada","family_name":"O'Sample","date_of_birth":"1990-%02d-%02d",`+
			`"postcode":"TF1 1AA","tenancy_type":"secure","tenancy_status":"current","tenancy_start":"2020-02-01","household_size":%d,`+
			`"support_needs":["mental_health","care_leaver"],"fact_or_opinion":"fact","subject_category":"not_known"}`+"\n", i, i, i%12+1, i%28+1, i%7+1)
	}
	for _, c := range []struct {
		name   string
		format Format
		body   string
	}{
		{"csv", CSV, csv.String()},
		{"csv-unquoted", CSV, strings.ReplaceAll(csv.String(), `"`, "")},
		{"ndjson", NDJSON, lines.String()},
		{"array", JSONArray, "[" + strings.ReplaceAll(strings.TrimSpace(lines.String()), "\n", ",\n") + "]"},
	} {
		src := csvOf(b, "housing.tenancy")
		src.Format = c.format
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := NewReader(strings.NewReader(c.body), src)
				for err == nil {
					_, err = r.Next()
				}
				if err != io.EOF { //nolint:errorlint // the end itself
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
