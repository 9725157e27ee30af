package dataset_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/schemas"
)

// mapped loads housing.concern with a mapping.
func mapped(tb testing.TB, mapping string) (*dataset.Dataset, error) {
	tb.Helper()
	schema, err := schemas.Files.ReadFile("datasets/housing.concern.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	r, err := dataset.Load(fstest.MapFS{
		"housing.concern.schema.json": {Data: schema}, "housing.concern.mapping.json": {Data: []byte(mapping)},
	})
	if err != nil {
		return nil, err
	}
	d, _ := r.Get("housing.concern")
	return d, nil
}

func TestHeaderName(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]string{
		"": "", "source_id": "source_id", "Tenant Name ": "tenant_name", " TENANT-NAME": "tenant_name", "D.O.B.": "d_o_b", "Fact or Opinion?": "fact_or_opinion",
		"Post\u00a0Code": "post_code", "(Main)  tenant's  UPRN*": "main_tenant_s_uprn", "__a__b__": "a_b", "$where": "$where", "É": "é", "home/rooms": "home_rooms", "\ta\n": "a",
	} {
		got := dataset.HeaderName(heading)
		if got != want || dataset.HeaderName(got) != got {
			t.Errorf("%q: %q, want %q", heading, got, want)
		}
	}
	for name, want := range map[string]bool{"tenant_name": true, "a1": true, "": false, "$where": false, "9434765919": false, "é": false, "a b": false, strings.Repeat("a", 65): false} {
		if got := dataset.Nameable(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestColumn looks names up in their order: the provider's, the dataset's, fields,
// titles.
func TestColumn(t *testing.T) {
	t.Parallel()
	d, err := mapped(t, `{"headers": {"Ref": "source_id", "Who reported it": "summary", "Code": "severity"}, "providers": {"severn-homes": {"headers": {"REF.": "summary"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ provider, heading, want string }{
		{"", "ref", "/source_id"}, {"telford-housing", "Ref ", "/source_id"}, {"severn-homes", "Ref", "/summary"}, {"severn-homes", "code", "/severity"},
		{"", "Source ID", "/source_id"}, {"", "provider's own reference", "/source_id"}, {"", "WHO REPORTED IT", "/summary"}, {"", "State of the case", "/status"},
		{"", "nothing", ""}, {"", "", ""}, {"", " . ", ""},
	} {
		if got, ok := d.Column(c.provider, c.heading); got != c.want || ok != (c.want != "") {
			t.Errorf("%q %q: %q, %v", c.provider, c.heading, got, ok)
		}
	}
}

func TestMappingValues(t *testing.T) {
	t.Parallel()
	d, err := mapped(t, `{"values": {"severity": {" H ": "high", "M": "medium"}, "children_present": {"Occasional": true}},
		"providers": {"severn-homes": {"values": {"severity": {"h": "low"}, "status": {"new": "open"}}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		provider, pointer, name string
		want                    any
	}{
		{"", "/severity", "h", "high"}, {"severn-homes", "/severity", "h", "low"}, {"severn-homes", "/severity", "m", "medium"},
		{"", "/children_present", "occasional", true}, {"severn-homes", "/status", "new", "open"}, {"", "/status", "new", nil},
	} {
		if got := d.Mapping.Values(c.provider, c.pointer)[c.name]; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestMappingRefused names the file and the place of each mistake.
func TestMappingRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ mapping, pointer string }{
		"no JSON":                     {`{"headers": `, "/headers"},
		"a list":                      {`[]`, ""},
		"a key twice":                 {`{"headers": {"a": "area", "a": "uprn"}}`, "/headers/a"},
		"unknown key":                 {`{"header": {}}`, "/header"},
		"unknown key of a provider":   {`{"providers": {"x": {"providers": {}}}}`, "/providers/x/providers"},
		"headers that are a list":     {`{"headers": []}`, "/headers"},
		"a provider that is text":     {`{"providers": {"x": "y"}}`, "/providers/x"},
		"values that are text":        {`{"values": {"severity": "high"}}`, "/values/severity"},
		"unknown field":               {`{"headers": {"Ref/No~": "sourceid"}}`, "/headers/Ref~1No~0"},
		"no field":                    {`{"headers": {"Ref": null}}`, "/headers/Ref"},
		"unknown field of values":     {`{"values": {"colour": {"r": "red"}}}`, "/values/colour"},
		"unknown field of a provider": {`{"providers": {"x": {"headers": {"a": "b"}}}}`, "/providers/x/headers/a"},
		"two meanings":                {`{"headers": {"Ref No": "source_id", "ref_no.": "summary"}}`, "/headers/ref_no."},
		"another field":               {`{"headers": {"Post Code": "postcode", "UPRN": "postcode"}}`, "/headers/UPRN"},
		"no heading":                  {`{"headers": {" - ": "postcode"}}`, "/headers/ - "},
		"a column of an error file":   {`{"headers": {"Concord Row": "postcode"}}`, "/headers/Concord Row"},
		"a value that is no code":     {`{"values": {"severity": {"H": "severe"}}}`, "/values/severity/H"},
		"a value of another type":     {`{"values": {"children_present": {"U": "yes"}}}`, "/values/children_present/U"},
		"a value that is null":        {`{"values": {"severity": {"H": null}}}`, "/values/severity/H"},
		"two meanings of a value":     {`{"values": {"severity": {"H": "high", "h": "low"}}}`, "/values/severity/h"},
		"another code":                {`{"values": {"severity": {"High": "low"}}}`, "/values/severity/High"},
		"an empty cell":               {`{"values": {"severity": {" ": "low"}}}`, "/values/severity/ "},
	} {
		_, err := mapped(t, c.mapping)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || f.Code != "dataset-schema" || f.Pointer != c.pointer || !strings.HasPrefix(f.Message, "housing.concern.mapping.json: ") {
			t.Errorf("%s: %+v", name, err)
		}
	}
	_, err := dataset.Load(fstest.MapFS{"housing.other.mapping.json": {Data: []byte("{}")}})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "housing.other.mapping.json") {
		t.Errorf("a mapping without a schema: %v", err)
	}
	if _, err := mapped(t, `{"headers": {"Source ID": "source_id", "UPRN": "uprn"}, "values": {"severity": {"HIGH": "high"}}}`); err != nil {
		t.Errorf("what is so already may be said: %v", err)
	}
}

// TestShippedMappings loads what is shipped, and sees the aliases in use.
func TestShippedMappings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dataset, provider, heading, pointer string }{
		{"housing.tenancy", "telford-housing", "Tenancy Ref", "/source_id"}, {"housing.tenancy", "severn-homes", "Agreement No.", "/source_id"},
		{"housing.concern", "telford-housing", "Case Ref", "/source_id"}, {"health.assault_attendance", "mercia-health", "Arrival Date/Time", "/arrival_time"},
		{"education.exclusion", "mercia-education", "Reason Codes", "/reasons"}, {"education.attendance", "mercia-education", "AM/PM", "/session"},
	} {
		if got, _ := get(t, c.dataset).Column(c.provider, c.heading); got != c.pointer {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
