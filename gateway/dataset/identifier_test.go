package dataset_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

func TestNormaliseGood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind      dataset.IdentifierType
		in, value string
	}{
		{dataset.NHSNumber, "9434765870", "9434765870"},
		{dataset.NHSNumber, "9990000018", "9990000018"},
		{dataset.NHSNumber, "9990000026", "9990000026"},
		{dataset.NHSNumber, " 943 476-5870 ", "9434765870"},
		{dataset.UPN, "B801200005001", "B801200005001"},
		{dataset.UPN, "T884999924001", "T884999924001"},
		{dataset.UPN, "d88499992400a", "D88499992400A"},
		{dataset.UPRN, "100023336956", "100023336956"},
		{dataset.UPRN, "1", "1"},
		{dataset.UPRN, "000000000042", "42"},
		{dataset.PNCID, "2002/0073319Z", "2002/0073319Z"},
		{dataset.PNCID, "1981/0000034U", "1981/0000034U"},
		{dataset.PNCID, "02/73319z", "2002/0073319Z"},
		{dataset.PNCID, "81/34U", "1981/0000034U"},
		{dataset.CRO, "123456/24X", "123456/24X"},
		{dataset.CRO, "123456/24x", "123456/24X"},
		{dataset.Postcode, "wr12ey", "WR1 2EY"},
		{dataset.Postcode, "WR1 2EY", "WR1 2EY"},
		{dataset.Postcode, "ec1a 1bb", "EC1A 1BB"},
		{dataset.Postcode, "ZZ99 3VZ", "ZZ99 3VZ"},
		{dataset.DateOfBirth, "2004-02-29", "2004-02-29"},
		{dataset.GivenName, "  Zoë  ", "zoë"},
		{dataset.GivenName, "Zoe\u0308", "zoë"},
		{dataset.FamilyName, "O’Testwell", "otestwell"},
		{dataset.FamilyName, "O'TESTWELL", "otestwell"},
		{dataset.FamilyName, "Smith-Jones", "smith jones"},
		{dataset.FamilyName, "SMITH   JONES", "smith jones"},
		{dataset.FamilyName, "Straße", "strasse"},
		{dataset.FamilyName, "ﬁnch", "finch"},
	} {
		got, err := dataset.Normalise(c.kind, c.in)
		if err != nil || got != c.value {
			t.Errorf("Normalise(%s, %q) = %q, %v; want %q", c.kind, c.in, got, err, c.value)
		}
	}
}

func TestNormaliseBad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     dataset.IdentifierType
		in, code string
	}{
		{dataset.NHSNumber, "9434765871", "nhs-number-check"},
		{dataset.NHSNumber, "943476587", "nhs-number-format"},
		{dataset.NHSNumber, "94347658700", "nhs-number-format"},
		{dataset.NHSNumber, "943476587O", "nhs-number-format"},
		{dataset.NHSNumber, "٩٤٣٤٧٦٥٨٧٠", "nhs-number-format"},
		{dataset.NHSNumber, "0000000000", "nhs-number-placeholder"},
		{dataset.NHSNumber, "", "nhs-number-format"},
		{dataset.UPN, "A801200005001", "upn-check"},
		{dataset.UPN, "I801200005001", "upn-format"},
		{dataset.UPN, "B80120000500O", "upn-format"},
		{dataset.UPN, "B80120000500S", "upn-format"},
		{dataset.UPN, "B8012000050é1", "upn-format"},
		{dataset.UPN, "UN1", "upn-unknown"},
		{dataset.UPN, "UN6", "upn-format"},
		{dataset.UPRN, "1000233369561", "uprn-format"},
		{dataset.UPRN, "0", "uprn-format"},
		{dataset.UPRN, "12a", "uprn-format"},
		{dataset.PNCID, "2001/0171310S", "pnc-id-check"},
		{dataset.PNCID, "2002/0073319A", "pnc-id-check"},
		{dataset.PNCID, "20020073319Z", "pnc-id-format"},
		{dataset.PNCID, "002/73319Z", "pnc-id-format"},
		{dataset.PNCID, "2002/Z", "pnc-id-format"},
		{dataset.PNCID, "2002/00073319Z", "pnc-id-format"},
		{dataset.CRO, "123456/24Y", "cro-check"},
		{dataset.CRO, "1234567/24X", "cro-format"},
		{dataset.CRO, "/24X", "cro-format"},
		{dataset.Postcode, "WR1 2E", "postcode-format"},
		{dataset.Postcode, "WR1 2EYY", "postcode-format"},
		{dataset.Postcode, "WR1 2CY", "postcode-letters"},
		{dataset.Postcode, "ＷＲ1 2EY", "postcode-format"},
		{dataset.DateOfBirth, "2023-02-29", "date-none"},
		{dataset.DateOfBirth, "29/02/2024", "date-none"},
		{dataset.DateOfBirth, "2023-2-9", "date-format"},
		{dataset.GivenName, " -' ", "name-empty"},
		{dataset.GivenName, strings.Repeat("a", 500), "name-format"},
		{dataset.GivenName, "a\xff", "name-format"},
		{"shoe_size", "44", "identifier-unknown"},
	} {
		got, err := dataset.Normalise(c.kind, c.in)
		if got != "" || codeOf(err) != c.code || !fault.Is(err, fault.Invalid) {
			t.Errorf("Normalise(%s, %q) = %q, %v; want code %s", c.kind, c.in, got, err, c.code)
		}
	}
}

// TestUPNEveryWrongLetter: one letter of the alphabet is right, all others are
// not.
func TestUPNEveryWrongLetter(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"801200005001", "884999924001", "88499992400A"} {
		right := 0
		for letter := 'A'; letter <= 'Z'; letter++ {
			if _, err := dataset.Normalise(dataset.UPN, string(letter)+rest); err == nil {
				right++
			}
		}
		if right != 1 {
			t.Errorf("%d letters are right for %s, want 1", right, rest)
		}
	}
}

func TestStrong(t *testing.T) {
	t.Parallel()
	for kind, want := range map[dataset.IdentifierType]bool{
		dataset.NHSNumber: true, dataset.UPN: true, dataset.PNCID: true, dataset.CRO: true,
		dataset.UPRN: false, dataset.GivenName: false, dataset.FamilyName: false, dataset.DateOfBirth: false, dataset.Postcode: false,
		"shoe_size": false,
	} {
		if kind.Strong() != want {
			t.Errorf("%s.Strong() = %v", kind, !want)
		}
	}
}

// TestNHSNumberSingleDigit: modulus 11 finds every change of one digit.
func TestNHSNumberSingleDigit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := drawNHSNumber(t)
		i := rapid.IntRange(0, 9).Draw(t, "position")
		digit := byte(rapid.IntRange('0', '9').Draw(t, "digit"))
		changed := number[:i] + string(digit) + number[i+1:]
		_, err := dataset.Normalise(dataset.NHSNumber, changed)
		if (err == nil) != (changed == number) {
			t.Fatalf("%s changed to %s: %v", number, changed, err)
		}
	})
}

// drawNHSNumber draws a valid number by trying the ten check digits.
func drawNHSNumber(t *rapid.T) string {
	return rapid.Custom(func(t *rapid.T) string {
		nine := rapid.StringMatching(`[0-9]{9}`).Draw(t, "nine")
		for check := range 10 {
			number := nine + strconv.Itoa(check)
			if _, err := dataset.Normalise(dataset.NHSNumber, number); err == nil {
				return number
			}
		}
		return "9434765870"
	}).Draw(t, "number")
}

// TestPoliceNumberSingleDigit: modulus 23 finds every change of one digit of
// the serial number.
func TestPoliceNumberSingleDigit(t *testing.T) {
	t.Parallel()
	for _, good := range []struct {
		kind  dataset.IdentifierType
		value string
	}{{dataset.PNCID, "2002/0073319Z"}, {dataset.CRO, "123456/24X"}} {
		slash := strings.IndexByte(good.value, '/')
		for i := range len(good.value) - 1 {
			if good.kind == dataset.PNCID && i < slash || i == slash {
				continue
			}
			for digit := byte('0'); digit <= '9'; digit++ {
				changed := good.value[:i] + string(digit) + good.value[i+1:]
				if _, err := dataset.Normalise(good.kind, changed); (err == nil) != (changed == good.value) {
					t.Errorf("%s changed to %s: %v", good.value, changed, err)
				}
			}
		}
	}
}

func FuzzNormalise(f *testing.F) {
	kinds := []dataset.IdentifierType{
		dataset.NHSNumber, dataset.UPN, dataset.PNCID, dataset.CRO, dataset.UPRN,
		dataset.GivenName, dataset.FamilyName, dataset.DateOfBirth, dataset.Postcode,
	}
	for i, value := range []string{
		"943 476 5870", "D88499992400A", "02/73319Z", "123456/24X", "100023336956", "Zoë", "O’Testwell-Müller", "2004-02-29", "wr12ey",
		"\u0345\u1e9e", "a'\u0301", "\xff", "ᾳ\u0345",
	} {
		f.Add(i%len(kinds), value)
	}
	f.Fuzz(func(t *testing.T, n int, value string) {
		kind := kinds[uint(n)%uint(len(kinds))]
		got, err := dataset.Normalise(kind, value)
		if err != nil {
			if got != "" || codeOf(err) == "" {
				t.Fatalf("%s: value %q with error %v", kind, got, err)
			}
			return
		}
		if again, err := dataset.Normalise(kind, got); err != nil || again != got {
			t.Fatalf("%s: not idempotent: %q then %q, %v", kind, got, again, err)
		}
	})
}

// TestDatesExist holds the check of dates against package time.
func TestDatesExist(t *testing.T) {
	t.Parallel()
	for year := range 2101 {
		for month := range 14 {
			for day := 27; day < 33; day++ {
				date := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				_, want := time.Parse(time.DateOnly, date)
				if _, err := dataset.Normalise(dataset.DateOfBirth, date); (err == nil) != (want == nil) {
					t.Fatalf("%s: %v, package time says %v", date, err, want)
				}
			}
		}
	}
	for _, date := range []string{"2025-1-011", "2025/01/01", "+025-01-01", "2025-00-10", "2025-10-00", "２025-01", "2025-01-0a"} {
		if _, err := dataset.Normalise(dataset.DateOfBirth, date); err == nil {
			t.Errorf("%s is taken", date)
		}
	}
}
