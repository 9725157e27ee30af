package agreement

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadAll(t *testing.T) {
	ds, two := registry(t), edited(t, source(t, housing), `"version": 1,`, `"version": 2,`)
	// The successor says something else of the same field, which is no conflict
	// until both are to be in force.
	two = edited(t, two, `"/tenancy_type": "full"`, `"/tenancy_type": "mask"`)
	files := folder(map[string]string{housing: source(t, housing), housing + "/next": two, "ISA-SH-WMP-001": source(t, "ISA-SH-WMP-001")})
	all, err := ReadAll(files, ds)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, fmt.Sprint(a.Folder(), " ", a.Version))
	}
	if diff := cmp.Diff([]string{"ISA-SH-WMP-001 1", housing + " 1", housing + "/next 2"}, got); diff != "" {
		t.Error(diff)
	}
	r, err := Load(files, ds)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := r.Get(housing); a.Version != 1 || len(r.All()) != 2 {
		t.Errorf("a version that is to follow is in the register: %d", a.Version)
	}
	if _, err := NewRegister(all); finding(t, err).Rule != "id-twice" {
		t.Errorf("got %v", err)
	}
	// In the order given or not, one version of each is a register.
	r, err = NewRegister([]*Agreement{all[2], all[0]})
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := r.Get(housing); a.Version != 2 || r.All()[0].ID != "ISA-SH-WMP-001" {
		t.Errorf("got version %d", a.Version)
	}
}

func TestNewRegisterFindsConflict(t *testing.T) {
	other := edited(t, source(t, housing), `"id": "ISA-TH-WMP-001"`, `"id": "ISA-TH-WMP-002"`)
	other = edited(t, other, `"/tenancy_type": "full"`, `"/tenancy_type": "mask"`)
	all, err := ReadAll(folder(map[string]string{housing: source(t, housing), "ISA-TH-WMP-002": other}), registry(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewRegister(all)
	f := finding(t, err)
	if f.Rule != "conflict" || f.File != "ISA-TH-WMP-002/agreement.json" || f.Line == 0 || f.Provision == "" || f.Remedy == "" {
		t.Errorf("got %s", f)
	}
}

func TestReadAllRefusesSuccessor(t *testing.T) {
	ds := registry(t)
	two := edited(t, source(t, housing), `"version": 1,`, `"version": 2,`)
	for name, c := range map[string]struct{ next, rule, pointer string }{
		"the same version": {source(t, housing), "next-version", "/version"},
		"another id":       {edited(t, two, `"id": "ISA-TH-WMP-001"`, `"id": "ISA-TH-WMP-002"`), "id-folder", "/id"},
		"not JSON":         {"{", "malformed", ""},
		"unknown field":    {edited(t, two, `"/tenancy_type": "full"`, `"/tenancy_kind": "full"`), "field-unknown", "/datasets/0/purposes/2/fields/~1tenancy_kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadAll(folder(map[string]string{housing: source(t, housing), housing + "/next": c.next}), ds)
			if f := finding(t, err); f.Rule != c.rule || f.Pointer != c.pointer || f.File != housing+"/next/agreement.json" {
				t.Errorf("got %s", f)
			}
		})
	}
	_, err := ReadAll(folder(map[string]string{housing + "/next": two}), ds)
	if f := finding(t, err); f.Rule != "unreadable" || f.File != housing+"/agreement.json" {
		t.Errorf("a version that follows nothing: %s", f)
	}
}

func TestWithSuspension(t *testing.T) {
	a, _ := load(t).Get(housing)
	first := Suspension{On: "2026-06-15", By: "telford-housing", Reason: "first"}
	s := a.WithSuspension(first)
	if a.Suspended != nil {
		t.Error("the agreement itself is changed")
	}
	if diff := cmp.Diff(&first, s.Suspended); diff != "" {
		t.Error(diff)
	}
	for on, want := range map[string]string{"2026-06-14": "second", "2026-06-15": "first", "2026-07-01": "first"} {
		got := s.WithSuspension(Suspension{On: on, By: "west-mercia-police", Reason: "second"}).Suspended
		if got.Reason != want || s.Suspended.Reason != "first" {
			t.Errorf("from %s: %+v", on, got)
		}
	}
	if s.Status(at(t, "2026-06-15T00:00:00Z")) != Suspended || s.Folder() != housing {
		t.Errorf("got %+v", s)
	}
}
