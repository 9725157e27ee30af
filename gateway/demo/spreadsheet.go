package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// headings are what the housing system of the story calls some of the fields; the
// mapping file of the dataset knows them.
func headings() map[string]string {
	return map[string]string{
		"source_id": "Case Ref", "given_name": "First Name", "family_name": "Surname", "date_of_birth": "DOB",
		"postcode": "Post Code", "concern_type": "Case Type", "reported_on": "Date Reported", "severity": "Priority",
	}
}

// spreadsheet writes rows as somebody would export them: a CSV with the headings of
// their own system, and dates as people write them.
func spreadsheet(rows []map[string]any) ([]byte, error) {
	fields := map[string]bool{}
	for _, row := range rows {
		for field := range row {
			fields[field] = true
		}
	}
	columns := slices.Sorted(maps.Keys(fields))
	called := headings()
	lines := [][]string{{}}
	for _, field := range columns {
		heading, ok := called[field]
		if !ok {
			heading = field
		}
		lines[0] = append(lines[0], heading)
	}
	for _, row := range rows {
		var line []string
		for _, field := range columns {
			line = append(line, cell(row[field]))
		}
		lines = append(lines, line)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(lines); err != nil {
		return nil, fmt.Errorf("the spreadsheet: %w", err)
	}
	return b.Bytes(), nil
}

func cell(value any) string {
	if value == nil {
		return ""
	}
	text := fmt.Sprint(value)
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Format("02/01/2006")
	}
	return text
}

// errorLines are the error file's lines without the columns of the file itself: what
// Concord adds to each row that it did not take.
func errorLines(file []byte) ([]string, error) {
	lines, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")))).ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, fmt.Errorf("the error file cannot be read: %w", err)
	}
	var out []string
	for _, line := range lines {
		var added []string
		for i, heading := range lines[0] {
			if strings.HasPrefix(heading, "concord_") && heading != "concord_raw" && heading != "concord_remedies" {
				added = append(added, line[i])
			}
		}
		out = append(out, "..., "+strings.Join(added, ", "))
	}
	return out, nil
}
