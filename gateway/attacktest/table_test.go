package attacktest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row is a row of the table in SECURITY.md, without how many.
var row = regexp.MustCompile(`(?m)^\| (.+?) \| [1-9][0-9]* \| (.+?) \| (.+?) \|$`)

// TestTable holds the table that SECURITY.md quotes to the sorts: the same rows, in the
// same order, with what each covers. How many there are of each `make attacks` compares.
func TestTable(t *testing.T) {
	raw, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var quoted []Sort
	for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
		quoted = append(quoted, Sort{Name: m[1], ASVS: m[2], API: m[3]})
	}
	if diff := cmp.Diff(Table, quoted); diff != "" {
		t.Errorf("SECURITY.md (+) is not what the tests say (-):\n%s", diff)
	}
	requirement := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for _, s := range Table {
		for asvs := range strings.SplitSeq(s.ASVS, ", ") {
			if !requirement.MatchString(asvs) {
				t.Errorf("%s: %q is no requirement of the ASVS", s.Name, asvs)
			}
		}
		for api := range strings.SplitSeq(s.API, ", ") {
			var n int
			if _, err := fmt.Sscanf(api, "API%d", &n); err != nil || n < 1 || n > 10 {
				t.Errorf("%s: %q is none of the ten", s.Name, api)
			}
		}
	}
}
