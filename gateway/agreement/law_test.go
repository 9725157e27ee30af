package agreement

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const (
	housing, patients, education, host = "ISA-TH-WMP-001", "ISA-MH-WMP-002", "ISA-ME-WMP-001", "ISA-WMP-WMP-001"

	educationPowers = `"legal_power": ["Crime and Disorder Act 1998 s.17A with SI 2007/1831", "Crime and Disorder Act 1998 s.115"]`
	patientPower    = `"Common law: disclosure of confidential information in the overriding public interest"`
)

// knownPurposes are those of the shipped agreements and one that is not law
// enforcement.
func knownPurposes(tb testing.TB) map[string]KnownPurpose {
	tb.Helper()
	out := map[string]KnownPurpose{"tenancy-enforcement": {Kinds: []string{"subject"}}}
	for _, a := range load(tb).All() {
		for _, s := range a.Datasets {
			for _, p := range s.Purposes {
				out[p.Purpose] = KnownPurpose{Kinds: []string{"subject", "area"}, LawEnforcement: true}
			}
		}
	}
	return out
}

// lawful loads one agreement and holds its purposes against the list.
func lawful(tb testing.TB, files fstest.MapFS) error {
	tb.Helper()
	r, err := Load(files, registry(tb))
	if err != nil {
		return err
	}
	return r.CheckPurposes(knownPurposes(tb))
}

// Each check of the law gives file, line, pointer, code, provision and remedy.
func TestLawChecks(t *testing.T) {
	cases := map[string]struct {
		id, old, now             string
		rule, provision, pointer string
	}{
		"sensitive field without document": {
			housing, `"/household_size": "withhold"`, `"/support_needs": "withhold"`,
			"policy-document", "DPA 2018 ss.35(5) and 42", "/datasets/0/purposes/2/fields/~1support_needs",
		},
		"document without name": {
			patients, `"policy_document": "APD-MH-07 Substance misuse data, version 3"`, `"policy_document": ""`,
			"policy-document", "DPA 2018 ss.35(5) and 42", "/special_category/policy_document",
		},
		"no document": {
			patients, `,
    "policy_document": "APD-MH-07 Substance misuse data, version 3"`, ``,
			"policy-document", "DPA 2018 ss.35(5) and 42", "/special_category/policy_document",
		},
		"violence duty for patients": {
			patients, patientPower, `"section 16 of the Police, Crime, Sentencing and Courts Act 2022"`,
			"violence-duty", "PCSC Act 2022 s.16(4)", "/basis/provider/legal_power/0",
		},
		"violence duty as the basis": {
			patients, `"DPA 2018 s.35(2)(b): necessary for a law enforcement task"`, `"PCSC Act 2022 ss.8 and 16"`,
			"violence-duty", "PCSC Act 2022 s.16(4)", "/basis/recipient/lawful_basis/0",
		},
		"person under a power for depersonalised data": {
			education, educationPowers, `"legal_power": ["Crime and Disorder Act 1998 s.17A", "SI 2007/1831"]`,
			"depersonalised-basis", "Crime and Disorder Act 1998 s.17A; SI 2007/1831", "/basis/provider/legal_power",
		},
		"person in an emergency under a power for depersonalised data": {
			patients, `"Common law duty of the police to protect life"`, `"section 17A of the Crime and Disorder Act 1998"`,
			"depersonalised-basis", "Crime and Disorder Act 1998 s.17A; SI 2007/1831", "/basis/recipient/legal_power",
		},
		"onward to a landlord": {
			host, `"purpose": "soc-investigation"`, `"purpose": "tenancy-enforcement"`,
			"onward-purpose", "DPA 2018 s.36(4)", "/datasets/0/purposes/2/purpose",
		},
		"landlord under Part 3": {
			housing, `"regime": "uk_gdpr"`, `"regime": "law_enforcement"`,
			"regime", "DPA 2018 ss.29-30", "/basis/provider/regime",
		},
		"no basis of the provider": {
			housing, `"lawful_basis": ["UK GDPR Art 6(1)(e): public task", "DPA 2018 Sch 2 para 2: crime and taxation"]`, `"lawful_basis": []`,
			"basis-missing", "UK GDPR Art 6", "/basis/provider/lawful_basis",
		},
		"no basis of the recipient": {
			housing, `"lawful_basis": ["DPA 2018 s.35(2)(b): necessary for a law enforcement task"],`, ``,
			"basis-missing", "DPA 2018 s.35(1)-(2)", "/basis/recipient/lawful_basis",
		},
		"no power of the provider": {
			housing, `"legal_power": ["Crime and Disorder Act 1998 s.115"]`, `"legal_power": null`,
			"basis-missing", "UK GDPR Art 6", "/basis/provider/legal_power",
		},
		"power without words": {
			housing, `"legal_power": ["Crime and Disorder Act 1998 s.115"]`, `"legal_power": [""]`,
			"basis-missing", "UK GDPR Art 6", "/basis/provider/legal_power/0",
		},
		"no regime": {
			housing, `"regime": "law_enforcement",`, ``,
			"basis-missing", "UK GDPR Art 6; DPA 2018 s.35(1)-(2)", "/basis/recipient/regime",
		},
		"no retention": {
			housing, `"retention_days": 730,`, ``,
			"retention-missing", "UK GDPR Art 5(1)(e); DPA 2018 s.39", "/datasets/0/retention_days",
		},
		"retention of nothing": {
			housing, `"retention_days": 730,`, `"retention_days": 0,`,
			"retention-missing", "UK GDPR Art 5(1)(e); DPA 2018 s.39", "/datasets/0/retention_days",
		},
		"no review": {
			housing, `"review": "2027-03-31",`, ``,
			"review-missing", "data sharing code (DPA 2018 s.121)", "/review",
		},
		"empty review": {
			housing, `"review": "2027-03-31",`, `"review": "",`,
			"review-missing", "data sharing code (DPA 2018 s.121)", "/review",
		},
		"no end": {
			housing, `"on_end": "erase"`, `"on_end": null`,
			"termination-missing", "data sharing code (DPA 2018 s.121)", "/termination/on_end",
		},
		"still to be decided": {
			housing, `"post": "Head of Housing Services"`, `"post": "TO DECIDE: the post that answers for this"`,
			"placeholder", "UK GDPR Art 5(2); DPA 2018 s.34(3)", "/provider/post",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := edited(t, source(t, c.id), c.old, c.now)
			f := finding(t, lawful(t, folder(map[string]string{c.id: text})))
			if f.Rule != c.rule || f.Provision != c.provision || f.Pointer != c.pointer {
				t.Errorf("got %s", f)
			}
			if f.File != c.id+"/agreement.json" || f.Line == 0 || f.Message == "" || f.Remedy == "" {
				t.Errorf("something is missing: %+v", f)
			}
			if line := f.String(); !strings.Contains(line, "["+c.rule+", "+c.provision+"]") || !strings.HasSuffix(line, "; "+f.Remedy) {
				t.Errorf("got %s", line)
			}
		})
	}
}

// What comes near to a breach of the law and is none.
func TestLawNearMisses(t *testing.T) {
	powers := func(list string) [3]string {
		return [3]string{education, educationPowers, `"legal_power": [` + list + `]`}
	}
	cases := map[string][3]string{
		"both powers":                             powers(`"Crime and Disorder Act 1998 s.17A with SI 2007/1831", "Crime and Disorder Act 1998 s.115"`),
		"both powers in one text":                 powers(`"Crime and Disorder Act 1998 ss.17A and 115"`),
		"another section of the 2022 Act":         {patients, patientPower, `"Police, Crime, Sentencing and Courts Act 2022 s.160"`},
		"section 16 of another Act":               {patients, patientPower, `"Children Act 2004 s.16"`},
		"violence duty for a landlord":            {housing, `"Crime and Disorder Act 1998 s.115"`, `"PCSC Act 2022 s.16"`},
		"counts only, by s.17A":                   {"ISA-WMP-SH-001", `, "Crime and Disorder Act 1998 s.115"`, ``},
		"not for law enforcement at a landlord's": {housing, `"purpose": "soc-investigation"`, `"purpose": "tenancy-enforcement"`},
		"onward by authority of law": {host, `"purpose": "soc-investigation",`,
			`"purpose": "tenancy-enforcement", "onward": {"authorised_by": "Anti-social Behaviour, Crime and Policing Act 2014 s.94"},`},
		"comments everywhere": {housing, `"per_hour": 40,`, `"$comment": "TO DECIDE: nothing", "per_hour": 40,`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := edited(t, source(t, c[0]), c[1], c[2])
			if err := lawful(t, folder(map[string]string{c[0]: text})); err != nil {
				t.Error(err)
			}
		})
	}
}

// A change of purpose that shows nobody needs no authority.
func TestOnwardCountsNeedNoAuthority(t *testing.T) {
	text := edited(t, source(t, host), `"purpose": "soc-local-profile"`, `"purpose": "tenancy-enforcement"`)
	r, err := Load(folder(map[string]string{host: text}), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	known := knownPurposes(t)
	known["tenancy-enforcement"] = KnownPurpose{Kinds: []string{"area"}}
	if err := r.CheckPurposes(known); err != nil {
		t.Error(err)
	}
}

func TestCheckPurposes(t *testing.T) {
	r, known := load(t), knownPurposes(t)
	if err := r.CheckPurposes(known); err != nil {
		t.Fatal(err)
	}
	delete(known, "modern-slavery-safeguarding")
	if f := finding(t, r.CheckPurposes(known)); f.Rule != "purpose-unknown" || f.Line == 0 {
		t.Errorf("got %s", f)
	}
	known = knownPurposes(t)
	known["soc-local-profile"] = KnownPurpose{Kinds: []string{"subject"}, LawEnforcement: true}
	if f := finding(t, r.CheckPurposes(known)); f.Rule != "purpose-kind" || f.Line == 0 {
		t.Errorf("got %s", f)
	}
}

// A whole side that is not there is one finding of that side, and the maps of
// fields and grounds take no comment.
func TestLoadReportsMissingSides(t *testing.T) {
	text := source(t, housing)
	begin, end := strings.Index(text, `    "recipient": {
      "regime"`), strings.Index(text, `  "special_category"`)
	text = strings.TrimRight(text[:begin], " \n,") + "\n  },\n" + text[end:]
	f := finding(t, lawful(t, folder(map[string]string{housing: text})))
	if f.Rule != "basis-missing" || f.Pointer != "/basis/recipient" || f.Line == 0 || !strings.Contains(f.Message, "the recipient") {
		t.Errorf("got %s", f)
	}
	for _, old := range []string{`"fields": {`, `"emergency": {`} {
		text := edited(t, source(t, housing), old, old+` "$comment": "full",`)
		if f := finding(t, lawful(t, folder(map[string]string{housing: text}))); f.Rule != "schema" || !strings.HasSuffix(f.Pointer, "/$comment") {
			t.Errorf("got %s", f)
		}
	}
}

func TestLapsed(t *testing.T) {
	a, _ := load(t).Get(housing) // reviewed by 2027-03-31, valid to 2028-12-31
	for when, want := range map[string][]string{
		"2026-11-25T12:00:00Z":      nil,
		"2027-03-31T23:59:59Z":      nil,
		"2027-04-01T00:30:00+01:00": nil,
		"2027-04-01T00:00:00Z":      {"review-past /review"},
		"2028-12-31T23:59:59Z":      {"review-past /review"},
		"2029-01-01T00:00:00Z":      {"validity-past /valid/to"},
	} {
		var got []string
		for _, f := range a.Lapsed(at(t, when)) {
			got = append(got, f.Rule+" "+f.Pointer)
			if f.Line == 0 || f.Provision == "" || f.Remedy == "" || f.File == "" {
				t.Errorf("something is missing: %+v", f)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
}
