package intake_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
)

func named(names ...string) intake.Names {
	var out intake.Names
	for _, n := range names {
		out.Add(n)
	}
	return out
}

// TestMask: what is found, and what only looks like it. The numbers are from test
// ranges and reserved for fiction.
func TestMask(t *testing.T) {
	t.Parallel()
	names := named("Mara", "O'Testwell", "Dr Zoë van der Müller-Smith", "Jo")
	for in, want := range map[string]string{
		// NHS numbers.
		"NHS 9434765870.": "NHS [NHS number].", "no 943 476 5870, seen": "no [NHS number], seen", "943-476-5870": "[NHS number]",
		"NHS9434765870x": "NHS[NHS number]x", "９４３ ４７６ ５８７０": "[NHS number]", "943\u00a0476\u20095870": "[NHS number]", "943\u200b476\u00ad5870": "[NHS number]",
		"9 4 3 4 7 6 5 8 7 0": "[NHS number]", "٩٤٣٤٧٦٥٨٧٠": "[NHS number]", "12 943 476 5870": "12 [NHS number]", "943–476–5870": "[NHS number]",
		"9434765871": "9434765871", "100023336956": "100023336956", "94347658700": "94347658700", "0000000000": "0000000000", "£9434765870": "£9434765870",
		// Phone numbers.
		"ring 01632 960001": "ring [phone number]", "07700900123": "[phone number]", "07700 900 123": "[phone number]", "+44 7700 900123": "[phone number]",
		"+44 (0)20 7946 0000": "[phone number]", "(020) 7946 0000": "[phone number]", "0044 7700 900123": "[phone number]", "tel07700900123": "tel[phone number]",
		"01632-960-001": "[phone number]", "０７７００ ９００１２３": "[phone number]", "(+44) 1632 960001": "[phone number]",
		"on 01-02-2025 10:30": "on 01-02-2025 10:30", "2025-03-08 23:41": "2025-03-08 23:41", "01 02 2025 123": "01 02 2025 123", "at 0900": "at 0900",
		"077009001234": "077009001234", "12.50": "12.50", "£1,000,000": "£1,000,000", "08/03/2025": "08/03/2025", "2025-03-08T23:41:00Z": "2025-03-08T23:41:00Z",
		// Postcodes.
		"at TF3 4NT": "at [postcode]", "tf34nt": "[postcode]", "near WR1  2EY.": "near [postcode].", "EC1A 1BB": "[postcode]", "ＴＦ３ ４ＮＴ": "[postcode]", "TF3-4NT": "[postcode]",
		"the M5 2nd exit": "the M5 2nd exit", "TF3": "TF3", "room A1 2AB": "room A1 2AB", "QQ1 1AA": "QQ1 1AA", "TF3 4NTX": "TF3 4NTX", "WR1 2E": "WR1 2E", "XTF3 4NT": "XTF3 4NT",
		// E-mail.
		"write to mara.t@example.com.": "write to [e-mail address].", "a＠example．co．uk": "[e-mail address]", "<x+y@a-b.example>": "<[e-mail address]>",
		"@ home": "@ home", "a@b": "a@b", "met @10.30": "met @10.30", "x @y.com": "x @y.com",
		// Numbers with letters.
		"UPN B801200005001": "UPN [UPN]", "upnb801200005001": "upn[UPN]", "D88499992400A": "[UPN]", "B801200005002": "B801200005002",
		"PNC 02/73319Z": "PNC [PNC ID]", "2002/0073319z": "[PNC ID]", "2001/0171310S": "2001/0171310S", "flat 12/3A": "flat 12/3A", "123456/24X": "[CRO number]",
		"AB 12 34 56 C": "[National Insurance number]", "ab123456c": "[National Insurance number]", "QQ123456C": "QQ123456C", "AB123456E": "AB123456E", "BG123456C": "BG123456C",
		// Names.
		"mara hit him": "[name] hit him", "MARA's brother": "[name] brother", "otestwell, O’Testwell, Testwell": "[name], [name], [name]", "Zoe Muller": "[name] [name]",
		"Maras": "Maras", "van": "van", "Mara1": "[name]1", "m\u200bara": "[name]", "Máră": "[name]", "joke": "joke", "jo": "[name]", "the der": "the der",
		"": "", "plain": "plain",
	} {
		if got := intake.Mask(in, names); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// TestFindIsLinear: a hundred times the hostile text takes about a hundred times as
// long, and not ten thousand times.
func TestFindIsLinear(t *testing.T) {
	names := named("Mara", "Testwell")
	for _, part := range []string{"1 ", "a@", "@", "(", "9434765870", "943 476 587", "AB 12 ", "07 ", "M1 ", "a'", "\u0301", "\u200b1", ".", "a.b@c.", "1/", "ａ＠"} {
		cost := func(n int) time.Duration {
			text := strings.Repeat(part, n)
			best := time.Hour
			for range 3 {
				start := time.Now()
				intake.Find(text, names)
				best = min(best, time.Since(start))
			}
			return best
		}
		if small, large := cost(200), cost(20_000); large > 2000*small+20*time.Millisecond {
			t.Errorf("%q: %v for 200, %v for 20,000", part, small, large)
		}
	}
}

// FuzzMask: no text makes it fail; what was masked has no finding and stays as it
// is, and findings lie in the text, in order.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"9434765870 tf34nt", "a@b.cd@e.fg", "mara ab123456c 02/73319Z", "+44 (0)20 7946 0000", "９４３\u200b４７６５８７０", "[NHS number] name", "O'Mara's", "\xff9434765870"} {
		f.Add(s, "Mara O'Testwell")
	}
	f.Add("number name mail", "Number Name Mail Address")
	f.Fuzz(func(t *testing.T, text, name string) {
		names := named(name)
		at := 0
		for _, found := range intake.Find(text, names) {
			if found.Start < at || found.End <= found.Start || found.End > len(text) {
				t.Fatalf("%q: %+v", text, found)
			}
			at = found.End
		}
		once := intake.Mask(text, names)
		if found := intake.Find(once, names); len(found) > 0 {
			t.Fatalf("%q becomes %q, in which is %+v", text, once, found)
		}
		if twice := intake.Mask(once, names); twice != once {
			t.Fatalf("%q, then %q", once, twice)
		}
	})
}

// assault is a row of an anonymous dataset.
func assault(tb testing.TB, changes map[string]any) *intake.Row {
	tb.Helper()
	return encoded(tb, map[string]any{
		"source_id": "A1", "area": "E07000237", "reporting_period": "2025-03", "site_code": "RWP50", "arrival_time": "2025-03-08T23:41:00Z",
		"assault_time": "2025-03-08T23:10:00Z", "method": "blade", "method_text": "Kitchen knife", "location_type": "licensed_premises", "location_text": "Outside a bar",
	}, changes)
}

func TestFreeTextRefused(t *testing.T) {
	t.Parallel()
	d := shipped(t, "health.assault_attendance")
	check := intake.NewChecker(d, agreed(d, "drop"), today())
	for _, c := range []struct {
		changes map[string]any
		want    []found
	}{
		{nil, nil},
		{map[string]any{"location_text": "home of 943 476 5870, tf3 4nt, ring 07700 900123"}, []found{
			{"/location_text", "text-nhs-number"}, {"/location_text", "text-postcode"}, {"/location_text", "text-phone"}}},
		{map[string]any{"patient_name": "Mara Testwell", "method_text": "hit by mara"}, []found{{"/method_text", "text-name"}}},
		{map[string]any{"Patient Name": []any{"Mara"}, "location_text": "Mara's flat"}, []found{{"/location_text", "text-name"}}},
		{map[string]any{"site_name": "The Outside Bar", "patient_name": "Will"}, nil},
		{map[string]any{"location_text": "a@example.com", "method_text": "AB123456C B801200005001 02/73319Z"}, []found{
			{"/location_text", "text-email"}, {"/method_text", "text-national-insurance"}, {"/method_text", "text-upn"}, {"/method_text", "text-pnc-id"}}},
	} {
		got, errs := check.Check(assault(t, c.changes))
		if diff := cmp.Diff(c.want, list(errs)); diff != "" || (got == nil) != (len(errs) > 0) {
			t.Errorf("%v: %s", c.changes, diff)
		}
		for _, e := range errs {
			if e.Message == "" || e.Remedy == "" || strings.ContainsAny(e.Message, "0123456789@") {
				t.Errorf("%+v", e)
			}
		}
	}
}

func TestFreeTextMasked(t *testing.T) {
	t.Parallel()
	d := shipped(t, "health.assault_attendance")
	terms := agreed(d, "drop")
	terms.FreeText = "mask"
	got, errs := intake.NewChecker(d, terms, today()).Check(assault(t, map[string]any{"patient_name": "Mara", "location_text": "Mara at tf3 4nt"}))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if v, _ := got.Row.At("/location_text"); v != "[name] at [postcode]" {
		t.Errorf("%v", v)
	}
	if diff := cmp.Diff([]string{"/location_text"}, got.Masked); diff != "" {
		t.Error(diff)
	}
	again, err := d.Decode(got.Row.Canonical)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(again, got.Row); diff != "" {
		t.Error(diff)
	}
}

// TestFreeTextCounted: in a dataset about people nothing is refused.
func TestFreeTextCounted(t *testing.T) {
	t.Parallel()
	d := shipped(t, "housing.concern")
	row := map[string]any{
		"source_id": "ROW-0001", "area": "E06000020", "given_name": "Mara", "family_name": "O'Testwell", "date_of_birth": "1991-02-28", "postcode": "tf34nt",
		"uprn": "100023336956", "concern_type": "cuckooing", "reported_on": "2026-11-22", "severity": "high", "reporter_role": "neighbour", "status": "open",
		"fact_or_opinion": "fact", "subject_category": "not_known", "summary": "Mara has 07700 900123 and 07700 900124.",
	}
	terms := agreed(d, "refuse")
	terms.FreeText = "mask"
	got, errs := intake.NewChecker(d, terms, today()).Check(encoded(t, row, nil))
	if len(errs) > 0 || !slices.Equal(got.Found, []intake.Sort{intake.SortName, intake.SortPhone}) || got.Masked != nil {
		t.Errorf("%+v %v", got, errs)
	}
	if v, _ := got.Row.At("/summary"); v != row["summary"] {
		t.Errorf("%v", v)
	}
	if d.Kind != dataset.Person {
		t.Error(d.Kind)
	}
}

func BenchmarkFind(b *testing.B) {
	names := named("Mara", "O'Testwell")
	text := "Many short visits at night, two men in a dark van on 8 March, neighbour of number 12 heard shouting."
	b.ReportAllocs()
	for b.Loop() {
		if len(intake.Find(text, names)) > 0 {
			b.Fatal("found")
		}
	}
}
