package policy

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
)

func TestNewRefuses(t *testing.T) {
	base := sample(t)
	withCore := func(name, text string) Config {
		cfg, core := base, copied(t, base.Core)
		core[name] = &fstest.MapFile{Data: []byte(text)}
		cfg.Core = core
		return cfg
	}
	withConditions := func(text string) Config {
		files := fstest.MapFS{}
		for _, a := range base.Agreements.All() {
			files[a.ID+"/agreement.json"] = &fstest.MapFile{Data: a.Source}
		}
		files["ISA-TH-WMP-001/conditions.rego"] = &fstest.MapFile{Data: []byte(text)}
		r, err := agreement.Load(files, base.Datasets)
		if err != nil {
			t.Fatal(err)
		}
		cfg := base
		cfg.Agreements = r
		return cfg
	}
	fewer := base
	fewer.Purposes = base.Purposes[1:]
	cases := map[string]struct {
		cfg  Config
		says string
	}{
		"purpose unknown":        {fewer, "agreement.json:"},
		"syntax":                 {withCore("release/more.rego", "package concord.release\n\np if {\n"), "release/more.rego:"},
		"network":                {withCore("release/more.rego", "package concord.release\n\np := http.send({})\n"), "http.send"},
		"clock":                  {withCore("release/more.rego", "package concord.release\n\np := time.now_ns()\n"), "time.now_ns"},
		"unused variable":        {withCore("release/more.rego", "package concord.release\n\np if x := 1\n"), "release/more.rego:3"},
		"package elsewhere":      {withCore("release/more.rego", "package elsewhere\n\np := 1\n"), "must begin with"},
		"agencies not JSON":      {withCore("agencies.json", "{"), "unexpected end"},
		"conditions for another": {withConditions("package concord.agreements[\"ISA-SH-WMP-001\"]\n\npermit := true\n"), "ISA-TH-WMP-001/conditions.rego:1"},
		"conditions as core":     {withConditions("package concord.release\n\nallow := true\n"), "ISA-TH-WMP-001/conditions.rego:1"},
		"conditions that ask the decision": {
			withConditions("package concord.agreements[\"ISA-TH-WMP-001\"]\n\npermit if data.concord.release.allow\n"), "[outside]",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := New(context.Background(), c.cfg)
			if e != nil || !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDecideRefusesATimeThatIsNone(t *testing.T) {
	e := newEngine(t, sample(t))
	in := person(nil)
	in.Request.Time = "yesterday"
	if _, err := e.Decide(t.Context(), in); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Access(t.Context(), AccessInput{Action: "datasets.list"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestLoadPurposes(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON": "[", "text after it": "[] 1", "unknown key": `[{"id":"a","title":"A","kinds":["area"],"law_enforcement":true,"colour":1}]`,
		"no id": `[{"title":"A","kinds":["area"],"law_enforcement":true}]`, "twice": `[{"id":"a","title":"A","kinds":["area"],"law_enforcement":true},{"id":"a","title":"A","kinds":["area"],"law_enforcement":true}]`,
		"no kind": `[{"id":"a","title":"A","law_enforcement":true}]`, "wrong kind": `[{"id":"a","title":"A","kinds":["planet"],"law_enforcement":true}]`,
		"law enforcement not said": `[{"id":"a","title":"A","kinds":["area"]}]`,
		"law enforcement null":     `[{"id":"a","title":"A","kinds":["area"],"law_enforcement":null}]`,
		"law enforcement twice":    `[{"id":"a","title":"A","kinds":["area"],"law_enforcement":true,"law_enforcement":false}]`,
	} {
		if _, err := LoadPurposes([]byte(text)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := newEngine(t, sample(t))
	if p, ok := e.Purpose("protection-of-life"); !ok || !p.Emergency {
		t.Errorf("got %+v, %t", p, ok)
	}
	if p, ok := e.Purpose("soc-investigation"); !ok || !p.LawEnforcement {
		t.Errorf("got %+v, %t", p, ok)
	}
	if p, ok := e.Purpose("tenancy-enforcement"); !ok || p.LawEnforcement {
		t.Errorf("got %+v, %t", p, ok)
	}
	if _, ok := e.Purpose("curiosity"); ok {
		t.Error("an unknown purpose is known")
	}
}

func TestAccess(t *testing.T) {
	e := newEngine(t, sample(t))
	actor := func(agency string, roles ...string) Actor { return Actor{Subject: "u-1", Agency: agency, Roles: roles} }
	for _, c := range []struct {
		actor    Actor
		action   string
		resource map[string]string
		want     string
	}{
		{actor("west-mercia-police", "analyst"), "profiles.subject", nil, ""},
		{actor("west-mercia-police", "ig-lead"), "profiles.subject", nil, "role_missing"},
		{actor("west-mercia-police", "operator"), "audit.entries", nil, "role_missing"},
		{actor("telford-housing", "partner-ig"), "profiles.area", nil, ""},
		{actor("telford-housing", "ig-lead"), "audit.entries", nil, "host_only"},
		{actor("telford-housing", "submitter"), "submissions.create", map[string]string{"agency": "severn-homes"}, "not_own"},
		{actor("telford-housing", "submitter"), "disclosures.list", nil, "role_missing"},
		{actor("telford-housing"), "datasets.list", nil, ""},
		{actor("nowhere"), "datasets.list", nil, "actor_unknown"},
		{actor("west-mercia-police", "supervisor"), "case_links.create", map[string]string{"analyst": "u-1"}, "link_not_permitted"},
		{actor("west-mercia-police", "supervisor"), "case_links.create", map[string]string{"analyst": "u-2"}, ""},
		{actor("west-mercia-police", "policy-author", "approver"), "datasets.list", nil, "duties_conflict"},
		{actor("west-mercia-police", "analyst"), "everything", nil, "action_unknown"},
	} {
		got, err := e.Access(t.Context(), AccessInput{Actor: c.actor, Action: c.action, Resource: c.resource, Time: now})
		if err != nil {
			t.Fatal(err)
		}
		code := ""
		if len(got.Reasons) > 0 {
			code = got.Reasons[0].Code
		}
		if got.Allow != (c.want == "") || code != c.want {
			t.Errorf("%+v %s %v: %+v", c.actor, c.action, c.resource, got)
		}
	}
}

func TestExplain(t *testing.T) {
	cfg := sample(t)
	e := newEngine(t, cfg)
	group := Group{Provider: "telford-housing", Dataset: "housing.tenancy"}
	in := person([]Group{group})
	items, err := e.Explain(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	ds, _ := cfg.Datasets.Get(group.Dataset)
	if len(items) != len(ds.Fields) {
		t.Errorf("%d items for %d fields", len(items), len(ds.Fields))
	}
	byField := map[string]Item{}
	for _, i := range items {
		byField[i.Field] = i
	}
	for field, want := range map[string]Item{
		"/date_of_birth": {Treatment: release.Year, Agreement: "ISA-TH-WMP-001", Clause: "4.2(a)", Code: "permitted"},
		"/reason_left_last_home": {
			Treatment: release.CountOnly, Agreement: "ISA-TH-WMP-001", Clause: "4.2(a)", Code: "count_only",
			WouldNeed: []string{"an area profile, which counts it"},
		},
		"/support_needs": {Treatment: release.Withhold, Code: "not_in_agreement", WouldNeed: []string{"an agreement that names the field"}},
	} {
		got := byField[field]
		if got.Treatment != want.Treatment || got.Agreement != want.Agreement || got.Clause != want.Clause || got.Code != want.Code ||
			strings.Join(got.WouldNeed, "|") != strings.Join(want.WouldNeed, "|") || got.WouldNeed == nil {
			t.Errorf("%s: %+v", field, got)
		}
	}
	in.Request.CaseLink = "none"
	items, err = e.Explain(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Field == "/date_of_birth" && (i.Code != "case_link_required" || !strings.Contains(i.WouldNeed[0], "case link")) {
			t.Errorf("got %+v", i)
		}
	}
}
