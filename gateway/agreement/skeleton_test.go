package agreement

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
)

func skeletonOf(d *dataset.Dataset) SkeletonOptions {
	return SkeletonOptions{
		ID: "ISA-XX-WMP-001", Provider: "new-agency", Recipient: "west-mercia-police", ProviderSector: "local_authority",
		Dataset: d, Purpose: "child-exploitation-safeguarding", Kinds: []string{"subject", "area"},
		Author: "policy-author@west-mercia-police.example", From: time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC),
	}
}

// A skeleton can be loaded and tested as it is written, for every dataset, and
// lets nothing out.
func TestSkeletonLoads(t *testing.T) {
	ds := registry(t)
	for _, d := range ds.All() {
		t.Run(d.Name, func(t *testing.T) {
			raw, err := Skeleton(skeletonOf(d))
			if err != nil {
				t.Fatal(err)
			}
			again, err := Skeleton(skeletonOf(d))
			if err != nil || !bytes.Equal(raw, again) {
				t.Errorf("the same options give other bytes: %v", err)
			}
			all, err := ReadAll(folder(map[string]string{"ISA-XX-WMP-001": string(raw)}), ds)
			if err != nil {
				t.Fatal(err)
			}
			checkSkeleton(t, all[0], d)
		})
	}
}

func checkSkeleton(t *testing.T, a *Agreement, d *dataset.Dataset) {
	t.Helper()
	want := Period{From: "2027-01-01", To: "2027-12-31"}
	if a.Valid != want || a.Review != "2027-12-01" || len(a.Lapsed(at(t, "2027-01-01T00:00:00Z"))) > 0 {
		t.Errorf("valid %+v, review %s", a.Valid, a.Review)
	}
	share := a.Datasets[0]
	if share.Unlisted != "refuse" || len(share.Purposes) != 2 || len(share.Emergency) != 0 {
		t.Errorf("got %+v", share)
	}
	for _, p := range share.Purposes {
		fields := map[string]release.Treatment{}
		for _, f := range d.Fields {
			fields[f.Pointer] = release.Withhold
		}
		if diff := cmp.Diff(fields, p.Fields); diff != "" {
			t.Errorf("%v: %s", p.Kinds, diff)
		}
	}
	if a.opens() {
		t.Error("a skeleton lets something out")
	}
	// A row that has every field of the dataset can be submitted.
	listed := share.Fields()
	for _, f := range d.Fields {
		if !listed[f.Pointer] {
			t.Errorf("%s cannot be submitted", f.Pointer)
		}
	}
}

// Opening any field calls for every decision that is still open.
func TestSkeletonOpensNothingUndecided(t *testing.T) {
	ds := registry(t)
	d, _ := ds.Get("health.substance_referral")
	raw, err := Skeleton(skeletonOf(d))
	if err != nil {
		t.Fatal(err)
	}
	for _, treatment := range []string{"count_only", "full"} {
		opened := edited(t, string(raw), `"/area": "withhold"`, `"/area": "`+treatment+`"`)
		_, err := ReadAll(folder(map[string]string{"ISA-XX-WMP-001": opened}), ds)
		finding(t, err)
		for _, pointer := range []string{
			"/provider/post", "/recipient/contact", "/basis/provider/lawful_basis/0", "/basis/recipient/legal_power/0",
			"/special_category/policy_document", "/rights/recipient",
		} {
			if !strings.Contains(err.Error(), ": "+pointer+": ") || !strings.Contains(err.Error(), "[placeholder, ") {
				t.Errorf("%s does not call for %s: %v", treatment, pointer, err)
			}
		}
	}
}

func TestSkeletonForm(t *testing.T) {
	d, _ := registry(t).Get("housing.tenancy")
	o := skeletonOf(d)
	raw, err := Skeleton(o)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil || indented.String() != string(raw) {
		t.Errorf("not indented by two spaces: %v", err)
	}
	// Fields stand in the order of the dataset's schema.
	at := -1
	for _, f := range []string{"/source_id", "/area", "/uprn", "/given_name", "/tenancy_type", "/support_needs", "/subject_category"} {
		i := bytes.Index(raw, []byte(`"`+f+`": "withhold"`))
		if i <= at {
			t.Errorf("%s stands at %d", f, i)
		}
		at = i
	}
	for _, want := range []string{
		`"special_category": {`, "DPA 2018 ss.35(5) and 42", "UK GDPR Art 6", "year (the year only)", `"case_link": "assigned"`, `"agency_per_day": 100`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not in the skeleton", want)
		}
	}
	concern, _ := registry(t).Get("police.crime_count")
	o.Dataset, o.Kinds = concern, nil
	if raw, err = Skeleton(o); err != nil || !strings.Contains(string(raw), `"special_category": null`) || strings.Contains(string(raw), `"area"`) {
		t.Errorf("got %v\n%s", err, raw)
	}
}

func TestSkeletonRefuses(t *testing.T) {
	d, _ := registry(t).Get("housing.tenancy")
	for name, change := range map[string]func(*SkeletonOptions){
		"no dataset":   func(o *SkeletonOptions) { o.Dataset = nil },
		"bad id":       func(o *SkeletonOptions) { o.ID = "../x" },
		"no author":    func(o *SkeletonOptions) { o.Author = "" },
		"no provider":  func(o *SkeletonOptions) { o.Provider = "" },
		"bad sector":   func(o *SkeletonOptions) { o.ProviderSector = "space" },
		"bad kind":     func(o *SkeletonOptions) { o.Kinds = []string{"planet"} },
		"kind twice":   func(o *SkeletonOptions) { o.Kinds = []string{"area", "area"} },
		"bad purpose":  func(o *SkeletonOptions) { o.Purpose = "Any" },
		"year unknown": func(o *SkeletonOptions) { o.From = time.Date(12027, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		o := skeletonOf(d)
		change(&o)
		if raw, err := Skeleton(o); !fault.Is(err, fault.Invalid) || raw != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
