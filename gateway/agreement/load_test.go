package agreement

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

func registry(tb testing.TB) *dataset.Registry {
	tb.Helper()
	fsys, err := fs.Sub(schemas.Files, "datasets")
	if err != nil {
		tb.Fatal(err)
	}
	ds, err := dataset.Load(fsys)
	if err != nil {
		tb.Fatal(err)
	}
	return ds
}

func shipped(tb testing.TB) fs.FS {
	tb.Helper()
	fsys, err := fs.Sub(policies.Files, "agreements")
	if err != nil {
		tb.Fatal(err)
	}
	return fsys
}

func load(tb testing.TB) *Register {
	tb.Helper()
	r, err := Load(shipped(tb), registry(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// source returns a shipped agreement as text.
func source(tb testing.TB, id string) string {
	tb.Helper()
	raw, err := fs.ReadFile(shipped(tb), id+"/"+agreementFile)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// edited replaces the first occurrence of old, which must be there.
func edited(tb testing.TB, text, old, now string) string {
	tb.Helper()
	if !strings.Contains(text, old) {
		tb.Fatalf("%q is not in the agreement", old)
	}
	return strings.Replace(text, old, now, 1)
}

func folder(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for id, text := range files {
		out[id+"/"+agreementFile] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestShippedAgreementsDifferInKind(t *testing.T) {
	r := load(t)
	if n := len(r.All()); n < 11 {
		t.Errorf("only %d agreements", n)
	}
	for _, a := range r.All() {
		for _, l := range []Lawful{a.Basis.Provider, a.Basis.Recipient} {
			if len(l.LawfulBasis) == 0 || len(l.LegalPower) == 0 {
				t.Errorf("%s lacks a basis", a.ID)
			}
		}
		if a.EmbargoDays != 28 {
			t.Errorf("%s: embargo of %d days", a.ID, a.EmbargoDays)
		}
	}
	if a, _ := r.Get("ISA-ME-WMP-001"); len(a.Conditions) == 0 {
		t.Error("the conditions of ISA-ME-WMP-001 are not read")
	}
}

// Each load error names file, line and pointer, the rule that is broken and
// what to do about it.
func TestLoadRefuses(t *testing.T) {
	th, mh, anon := "ISA-TH-WMP-001", "ISA-MH-WMP-002", "ISA-MH-WMP-001"
	cases := map[string]struct {
		id, old, now  string
		rule, pointer string
	}{
		"not JSON":          {th, `"version": 1,`, `"version": 1`, "malformed", ""},
		"text after it":     {th, "\n}\n", "\n}\n{}", "malformed", ""},
		"duplicate key":     {th, `"version": 1,`, `"version": 1, "version": 2,`, "duplicate-key", "/version"},
		"unknown key":       {th, `"version": 1,`, `"version": 1, "vresion": 2,`, "schema", "/vresion"},
		"another folder":    {th, `"id": "` + th + `"`, `"id": "ISA-TH-WMP-009"`, "id-folder", "/id"},
		"ends before":       {th, `"to": "2028-12-31"`, `"to": "2025-12-31"`, "validity", "/valid/to"},
		"no such day":       {th, `"to": "2028-12-31"`, `"to": "2028-02-30"`, "schema", "/valid/to"},
		"no provider basis": {th, `"lawful_basis": ["UK GDPR Art 6(1)(e): public task", "DPA 2018 Sch 2 para 2: crime and taxation"]`, `"lawful_basis": []`, "basis-missing", "/basis/provider/lawful_basis"},
		"unknown dataset":   {th, `"dataset": "housing.tenancy"`, `"dataset": "housing.tenancies"`, "dataset-unknown", "/datasets/0/dataset"},
		"dataset twice":     {th, `"dataset": "housing.concern"`, `"dataset": "housing.tenancy"`, "dataset-twice", "/datasets/1/dataset"},
		"unknown field":     {th, `"/tenancy_type": "full"`, `"/tenancy_kind": "full"`, "field-unknown", "/datasets/0/purposes/2/fields/~1tenancy_kind"},
		"unknown treatment": {th, `"/tenancy_type": "full"`, `"/tenancy_type": "blur"`, "schema", "/datasets/0/purposes/2/fields/~1tenancy_type"},
		"unknown ground":    {th, `"threat_to_life": {`, `"threat": {`, "schema", "/datasets/0/emergency/threat"},
		"purpose twice":     {th, `"purpose": "serious-violence-prevention"`, `"purpose": "soc-local-profile"`, "purpose-twice", "/datasets/0/purposes/1/purpose"},
		"unknown condition": {"ISA-SH-WMP-001", `"attr": "event_date"`, `"attr": "weather"`, "attribute-unknown", "/datasets/1/purposes/1/conditions/row/0/attr"},
		"unknown condition field": {
			"ISA-SH-WMP-001", `"attr": "/tenancy_status"`, `"attr": "/tenancy_state"`, "field-unknown",
			"/datasets/0/purposes/1/conditions/row/0/attr",
		},
		"unknown operation": {"ISA-SH-WMP-001", `"op": "within_days"`, `"op": "around"`, "schema", "/datasets/1/purposes/1/conditions/row/0/op"},
		"no policy document": {
			mh, `"policy_document": "APD-MH-07 Substance misuse data, version 3"`, `"policy_document": ""`, "policy-document", "/special_category/policy_document",
		},
		"sensitive field without condition": {
			th, `"/household_size": "withhold"`, `"/support_needs": "withhold"`, "policy-document",
			"/datasets/0/purposes/2/fields/~1support_needs",
		},
		"violence duty for patients": {
			mh, `"Common law: disclosure of confidential information in the overriding public interest"`,
			`"Police, Crime, Sentencing and Courts Act 2022 s.16"`, "violence-duty", "/basis/provider/legal_power/0",
		},
		"nothing to submit under": {
			"ISA-WMP-SH-001", `"collects": ["/source_id"],`, `"collects": ["/knife_enabled"],`, "submission-field", "/datasets/0/collects",
		},
		"row condition on an area": {
			"ISA-SH-WMP-001", `"kinds": ["area"],
          "clause": "3.1",`, `"kinds": ["area"],
          "conditions": {"row": [{"attr": "event_date", "op": "within_days", "value": 9}]},
          "clause": "3.1",`, "area-row-condition", "/datasets/0/purposes/0/conditions/row",
		},
		"law enforcement by a landlord": {th, `"regime": "uk_gdpr"`, `"regime": "law_enforcement"`, "regime", "/basis/provider/regime"},
		"clause of no form":             {th, `"clause": "4.2(a)"`, `"clause": "see above"`, "schema", "/datasets/0/purposes/2/clause"},
		"anonymous data of no dataset":  {anon, `"/arrival_time": "count_only"`, `"/arrival": "count_only"`, "field-unknown", "/datasets/0/purposes/0/fields/~1arrival"},
	}
	ds := registry(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := edited(t, source(t, c.id), c.old, c.now)
			_, err := Load(folder(map[string]string{c.id: text}), ds)
			f := finding(t, err)
			if f.Rule != c.rule || (c.pointer != "" && f.Pointer != c.pointer) {
				t.Errorf("got %s", f)
			}
			before, _, _ := strings.Cut(text, c.now)
			want := strings.Count(before, "\n")
			if f.File != c.id+"/agreement.json" || (!strings.HasSuffix(c.rule, "-twice") && (f.Line < want || f.Line > want+3)) {
				t.Errorf("at %s:%d, want near line %d", f.File, f.Line, want+1)
			}
			if f.Remedy == "" || f.Message == "" {
				t.Errorf("no message or remedy: %s", f)
			}
		})
	}
}

func finding(t *testing.T, err error) Finding {
	t.Helper()
	var found Findings
	if !fault.Is(err, fault.Invalid) || !errors.As(err, &found) || len(found) == 0 {
		t.Fatalf("want findings, got %v", err)
	}
	if !strings.Contains(err.Error(), found[0].String()) {
		t.Errorf("the error does not show the finding: %v", err)
	}
	return found[0]
}

func TestLoadRefusesConflict(t *testing.T) {
	ds, one := registry(t), "ISA-TH-WMP-001"
	other := edited(t, source(t, one), `"id": "ISA-TH-WMP-001"`, `"id": "ISA-TH-WMP-002"`)
	both := func(second string) error {
		_, err := Load(folder(map[string]string{one: source(t, one), "ISA-TH-WMP-002": second}), ds)
		return err
	}
	if err := both(other); err != nil {
		t.Errorf("identical treatments are refused: %v", err)
	}
	clash := edited(t, other, `"/tenancy_type": "full"`, `"/tenancy_type": "mask"`)
	f := finding(t, both(clash))
	if f.Rule != "conflict" || f.File != "ISA-TH-WMP-002/agreement.json" || f.Pointer != "/datasets/0/purposes/2/fields/~1tenancy_type" ||
		!strings.Contains(f.Message, one) {
		t.Errorf("got %s", f)
	}
	later := edited(t, clash, `"from": "2026-01-01"`, `"from": "2029-01-01"`)
	if err := both(edited(t, later, `"to": "2028-12-31"`, `"to": "2029-12-31"`)); err != nil {
		t.Errorf("agreements that follow each other are refused: %v", err)
	}
	ground := edited(t, other, `"/tenancy_status": "full"
          }`, `"/tenancy_status": "mask"
          }`)
	if f := finding(t, both(ground)); f.Rule != "conflict" || !strings.Contains(f.Pointer, "/emergency/") {
		t.Errorf("got %s", f)
	}
}

// Each kind of request has its own entry, and so its own treatments.
func TestLoadTakesAPurposeOnceForEachKind(t *testing.T) {
	a, _ := load(t).Get("ISA-ME-WMP-002")
	kinds := map[string]int{}
	for _, p := range a.Datasets[0].Purposes {
		if p.Purpose == "child-exploitation-safeguarding" {
			kinds[p.Kinds[0]] = len(p.Conditions.Row)
		}
	}
	if !maps.Equal(kinds, map[string]int{"subject": 1, "area": 0}) {
		t.Errorf("row conditions by kind: %v", kinds)
	}
	id := "ISA-ME-WMP-002"
	text := edited(t, source(t, id), `"kinds": ["subject"]`, `"kinds": ["subject", "area"]`)
	_, err := Load(folder(map[string]string{id: text}), registry(t))
	var found Findings
	if !errors.As(err, &found) || !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == "purpose-twice" }) {
		t.Errorf("got %v", err)
	}
}

func TestLoadReportsEverything(t *testing.T) {
	one, two := "ISA-TH-WMP-001", "ISA-SH-WMP-001"
	_, err := Load(folder(map[string]string{
		one: edited(t, source(t, one), `"/tenancy_type": "full"`, `"/tenancy_kind": "full"`),
		two: edited(t, source(t, two), `"to": "2028-12-31"`, `"to": "2024-12-31"`),
	}), registry(t))
	var found Findings
	if !errors.As(err, &found) || len(found) != 2 {
		t.Fatalf("got %v", err)
	}
	empty := fstest.MapFS{"ISA-NONE/readme.txt": &fstest.MapFile{Data: []byte("x")}}
	if _, err := Load(empty, registry(t)); finding(t, err).Rule != "unreadable" {
		t.Errorf("got %v", err)
	}
}

// What is loaded can be written and loaded again.
func TestAgreementRoundTrip(t *testing.T) {
	ds := registry(t)
	for _, a := range load(t).All() {
		raw, err := json.MarshalIndent(a, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		r, err := Load(folder(map[string]string{a.ID: string(raw)}), ds)
		if err != nil {
			t.Fatalf("%s: %v", a.ID, err)
		}
		b, _ := r.Get(a.ID)
		again, err := json.MarshalIndent(b, "", "  ")
		if err != nil || string(again) != string(raw) {
			t.Errorf("%s changes on the way: %v", a.ID, err)
		}
	}
}

// Reading one file gives an agreement or findings, never both and never neither.
// What passes can be written, printed and read again.
func FuzzParse(f *testing.F) {
	for _, id := range []string{"ISA-WMP-SH-001", "ISA-MH-WMP-002", "ISA-ME-WMP-003"} {
		f.Add([]byte(source(f, id)))
	}
	for _, text := range []string{"", "null", "[", "{}", `{"basis":{"provider":null}}`, `{"id":1,"id":2}`, `{"$comment":[]}`, "{}{}"} {
		f.Add([]byte(text))
	}
	schema, err := compileSchema()
	if err != nil {
		f.Fatal(err)
	}
	ds := registry(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, found := parse(raw, "ISA-X", schema)
		if (a == nil) == (len(found) == 0) {
			t.Fatalf("agreement %v with findings %v", a, found)
		}
		if a != nil {
			found = check(a, a.ID, ds.Get)
		}
		for _, f := range found {
			if f.File == "" || f.Rule == "" || f.Message == "" || f.Remedy == "" {
				t.Fatalf("something is missing: %+v", f)
			}
		}
		if a == nil || len(found) > 0 {
			return
		}
		if _, err := Markdown(a, Titles{Datasets: ds}); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if b, found := parse(again, "ISA-X", schema); b == nil {
			t.Fatalf("what was read cannot be read again: %v", found)
		}
	})
}

func FuzzLoad(f *testing.F) {
	for _, id := range []string{"ISA-TH-WMP-001", "ISA-WMP-TH-001"} {
		f.Add([]byte(source(f, id)))
	}
	f.Add([]byte(`{"id":"ISA-TH-WMP-001","id":1}`))
	f.Add([]byte(`[`))
	ds := registry(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		files := folder(map[string]string{"ISA-TH-WMP-001": string(raw), "ISA-TH-WMP-001/next": string(raw)})
		if all, err := ReadAll(files, ds); err == nil || all != nil {
			t.Fatalf("a version that follows itself: %v with error %v", all, err)
		}
		delete(files, "ISA-TH-WMP-001/next/"+agreementFile)
		r, err := Load(files, ds)
		if (r == nil) == (err == nil) {
			t.Fatalf("register %v with error %v", r, err)
		}
		if err != nil {
			f := finding(t, err)
			if f.File == "" || f.Rule == "" {
				t.Fatal(fmt.Sprint(f))
			}
			return
		}
		if _, ok := r.Get("ISA-TH-WMP-001"); !ok || len(slices.Collect(slices.Values(r.All()))) != 1 {
			t.Fatal("what was loaded is not there")
		}
	})
}
