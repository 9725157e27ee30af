//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// plantedFile says what is in a file of tenancies.
type plantedFile struct {
	// good counts the rows to be stored, repeated those that are the same as one before.
	good, repeated int64
	// planted has the rule that each bad row breaks.
	planted map[int]string
}

// columns are those of the file.
const columns = "source_id,area,uprn,given_name,family_name,date_of_birth,postcode,tenancy_type,tenancy_status,tenancy_start," +
	"reason_left_last_home,household_size,fact_or_opinion,subject_category"

// The places of columns in a row.
const (
	atSource = iota
	atArea
	atUPRN
	atGiven
	atFamily
	atBirth
	atPostcode
	atType
	_
	atStart
	_
	atHousehold
)

// mistake is one that a person or a program makes.
type mistake struct {
	code string
	make func(row []string)
}

// mistakes are planted one after the other.
func mistakes(today time.Time) []mistake {
	set := func(at int, value string) func([]string) { return func(row []string) { row[at] = value } }
	return []mistake{
		{"postcode-format", set(atPostcode, "nowhere")},
		{"area-not-agreed", set(atArea, "E06000051")},
		{"date-in-future", set(atStart, today.AddDate(0, 0, 2).Format(time.DateOnly))},
		{"not-in-list", set(atType, "castle")},
		{"required", set(atFamily, "")},
		{"uprn-format", set(atUPRN, "12-Z")},
		{"date-none", set(atBirth, "1990-02-31")},
		{"too-large", set(atHousehold, "31")},
	}
}

// writePlanted writes a file of synthetic tenancies: of a thousand rows two have a
// mistake, one of them now and then the source id of an earlier row with other content,
// and one is the same as an earlier one.
func writePlanted(path string, rows int, today time.Time) (f *plantedFile, err error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 1<<20)
	_, _ = fmt.Fprintln(w, columns)
	f = &plantedFile{planted: map[int]string{}}
	r, kinds := rand.New(rand.NewPCG(7, 7)), mistakes(today)
	var before []string
	for n := 1; n <= rows; n++ {
		row := tenancyRow(r, n)
		switch {
		case n%4000 == 3250:
			row[atSource] = before[atSource]
			f.planted[n] = "duplicate-source-id"
		case n%500 == 250:
			m := kinds[len(f.planted)%len(kinds)]
			m.make(row)
			f.planted[n] = m.code
		case n%1000 == 700:
			row = before
			f.repeated++
		default:
			f.good++
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, ","))
		before = row
	}
	return f, w.Flush()
}

// tenancyRow is a row about nobody.
func tenancyRow(r *rand.Rand, n int) []string {
	pick := func(words string) string {
		all := strings.Fields(words)
		return all[r.IntN(len(all))]
	}
	day := func(from, days int) string {
		return time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(days)).Format(time.DateOnly)
	}
	return []string{
		fmt.Sprintf("TH-M-%08d", n), "E06000020", fmt.Sprintf("99902%07d", n%10_000_000),
		pick("Rowan Amara Piotr Ffion Idris Maren Tobias Yusra Caleb Nia"),
		pick("Ashdown Quill Fenwick Larkspur Thorne Merrow Vale Hollin") + "-" + pick("Aldercroft Wrenfold Ternhurst Kesmere Dunthwaite Oakgarth"),
		day(1950, 20_000), fmt.Sprintf("TF%d %dAB", 1+r.IntN(13), r.IntN(10)),
		pick("introductory secure supported licence"), "current", day(2020, 1500),
		pick("8 9 12 13 45 48 51 57"), fmt.Sprint(1 + r.IntN(6)), "fact", "not_known",
	}
}
