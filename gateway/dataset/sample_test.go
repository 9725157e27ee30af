package dataset_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// sample returns a full, valid row of each shipped dataset. The people exist
// nowhere.
func sample(name string) map[string]any {
	person := map[string]any{
		"source_id": "ROW-0001", "area": "E06000020", "given_name": "Mara", "family_name": "O'Testwell",
		"date_of_birth": "1991-02-28", "postcode": "tf34nt", "fact_or_opinion": "fact", "subject_category": "not_known",
	}
	rows := map[string]map[string]any{
		"housing.tenancy": {"uprn": "100023336956", "tenancy_type": "secure", "tenancy_status": "current", "tenancy_start": "2024-05-01",
			"reason_left_last_home": "57", "household_size": 3, "support_needs": []any{"mental_health"}},
		"housing.concern": {"uprn": "100023336956", "concern_type": "cuckooing", "reported_on": "2025-03-09", "severity": "high",
			"reporter_role": "neighbour", "status": "open", "children_present": true, "summary": "Many short visits at night."},
		"health.substance_referral": {"nhs_number": "943 476 5870", "referral_date": "2025-01-31", "substance": "opiates", "referral_route": "gp",
			"treatment_status": "waiting", "risk_to_others": "low", "exploitation_concern": true, "key_worker_phone": "01632 960001"},
		"education.exclusion": {"upn": "B801200005001", "school_urn": "123456", "academic_year": "2025/26", "exclusion_type": "SUSP",
			"reasons": []any{"PP", "BW"}, "start_date": "2025-10-01", "sessions": 4, "sen_provision": "none"},
		"education.attendance": {"upn": "T884999924001", "school_urn": "123456", "academic_year": "2025/26", "year_group": 9,
			"session_date": "2025-10-01", "session": "AM", "code": "E"},
		"police.nominal": {"pnc_id": "02/73319z", "cro": "123456/24x", "recorded_on": "2025-02-01", "soc_role": "principal",
			"crime_type": "drugs", "ocg_reference": "OCG-1", "grading": "1AC", "handling_conditions": "Ask the owner first."},
	}
	if row, ok := rows[name]; ok {
		maps.Copy(row, person)
		return row
	}
	return map[string]map[string]any{
		"health.assault_attendance": {"source_id": "A1", "area": "E07000237", "reporting_period": "2025-03", "site_code": "RWP50",
			"arrival_time": "2025-03-08T23:41:00Z", "assault_time": "2025-03-08T23:10:00Z", "method": "blade", "method_text": "Kitchen knife",
			"location_type": "licensed_premises", "location_text": "Outside a bar"},
		"police.ocg": {"source_id": "OCG-1", "area": "E06000020", "name": "Lantern", "status": "active", "crime_type": "drugs",
			"members": []any{"02/73319z", "1981/0000034U"}, "member_count": 7, "assessed_on": "2025-02-01", "harm": 7, "likelihood": 5,
			"position": 4, "confidence": "medium", "grading": "2BP", "fact_or_opinion": "opinion"},
		"police.crime_count": {"source_id": "C1", "area": "E06000051", "month": "2025-03", "category": "robbery", "count": 31,
			"knife_enabled": 0, "positive_outcomes": 4, "data_status": "final"},
		"police.disruption": {"source_id": "D1", "area": "E06000019", "disrupted_on": "2025-04-02", "pillar": "prevent", "level": "major",
			"crime_type": "drugs", "lead_agency": "west-mercia-police", "partner_agencies": []any{"telford-housing"}, "arrests": 3,
			"people_safeguarded": 2, "seizure_value": 1250.5},
	}[name]
}

func encode(tb testing.TB, row map[string]any) []byte {
	tb.Helper()
	raw, err := json.Marshal(row)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// valid validates a row that must be valid.
func valid(tb testing.TB, d *dataset.Dataset, row map[string]any) *dataset.Row {
	tb.Helper()
	r, problems := d.Validate(encode(tb, row))
	if len(problems) > 0 {
		tb.Fatalf("%s: %+v", d.Name, problems)
	}
	return r
}

// with returns the sample of a dataset with fields replaced; nil removes one.
func with(name string, changes map[string]any) map[string]any {
	row := sample(name)
	for key, value := range changes {
		if value == nil {
			delete(row, key)
			continue
		}
		row[key] = value
	}
	return row
}
