package authoring_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

func options(id string) authoring.NewOptions {
	return authoring.NewOptions{
		ID: id, Provider: "severn-homes", Recipient: "west-mercia-police", ProviderSector: "housing", RecipientSector: "police",
		Dataset: "housing.concern", Purpose: "child-exploitation-safeguarding", Author: "author@police.example", From: now(),
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	before := f.all(t)
	name, err := f.open(t).New(options("ISA-SH-WMP-009"))
	if err != nil {
		t.Fatal(err)
	}
	if want := f.agreement("ISA-SH-WMP-009", "agreement.json"); name != want {
		t.Errorf("written %s, want %s", name, want)
	}
	after := f.all(t)
	delete(after, name)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("other files (-before +after):\n%s", diff)
	}
	d := f.open(t)
	if _, err := d.Check(t.Context(), now()); err != nil {
		t.Error(err)
	}
	if a, ok := d.Get(rulebook.Version{Agreement: "ISA-SH-WMP-009", Version: 1}); !ok || a.Author != "author@police.example" {
		t.Errorf("got %+v", a)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	before, d := f.all(t), f.open(t)
	for _, c := range []struct {
		name   string
		change func(*authoring.NewOptions)
		kind   fault.Kind
		words  string
	}{
		{"one that is there", func(o *authoring.NewOptions) { o.ID = tenancy }, fault.Conflict, "already"},
		{"no dataset", func(o *authoring.NewOptions) { o.Dataset = "none.such" }, fault.Invalid, "dataset"},
		{"no purpose", func(o *authoring.NewOptions) { o.Purpose = "curiosity" }, fault.Invalid, "purpose"},
		{"no id", func(o *authoring.NewOptions) { o.ID = "" }, fault.Invalid, "/id"},
		{"an id in lower case", func(o *authoring.NewOptions) { o.ID = "isa-1" }, fault.Invalid, "/id"},
		{"an id that leads elsewhere", func(o *authoring.NewOptions) { o.ID = "../../../ISA-1" }, fault.Invalid, "/id"},
		{"an id within another", func(o *authoring.NewOptions) { o.ID = tenancy + "/ISA-1" }, fault.Invalid, "/id"},
		{"no author", func(o *authoring.NewOptions) { o.Author = "" }, fault.Invalid, "/author"},
		{"no provider", func(o *authoring.NewOptions) { o.Provider = "" }, fault.Invalid, "/provider"},
	} {
		o := options("ISA-SH-WMP-009")
		c.change(&o)
		name, err := d.New(o)
		if name != "" {
			t.Errorf("%s: written %s", c.name, name)
		}
		kindIs(t, c.name, err, c.kind, c.words)
	}
	f.unchanged(t, before)
}

func TestNext(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	before := f.all(t)
	name, err := f.open(t).Next(exclusions)
	if err != nil {
		t.Fatal(err)
	}
	if want := f.agreement(exclusions, "next/agreement.json"); name != want {
		t.Errorf("written %s, want %s", name, want)
	}
	want := strings.Replace(before[f.agreement(exclusions, "agreement.json")], `"version": 1`, `"version": 2`, 1)
	after := f.all(t)
	if diff := cmp.Diff(want, after[name]); diff != "" {
		t.Errorf("the successor (-want +got):\n%s", diff)
	}
	for _, file := range []string{"conditions.rego", "conditions_test.rego"} {
		if got := after[f.agreement(exclusions, "next/"+file)]; got == "" || got != before[f.agreement(exclusions, file)] {
			t.Errorf("%s of the successor is another", file)
		}
	}
	if len(after) != len(before)+3 {
		t.Errorf("%d files more", len(after)-len(before))
	}
	d := f.open(t)
	if got := d.Newest().Live; len(got) != len(d.Versions)-1 {
		t.Errorf("newest: %v", got)
	}
	_, err = d.Next(exclusions)
	kindIs(t, "a second time", err, fault.Conflict, "next version already")
	_, err = d.Next("ISA-NONE-1")
	kindIs(t, "of nothing", err, fault.NotFound, "no such agreement")
	f.unchanged(t, after)
}

// TestNextForms counts up in whatever form the agreement is written.
func TestNextForms(t *testing.T) {
	t.Parallel()
	const file = "policies/agreements/" + tenancy + "/agreement.json"
	for name, change := range map[string]func(text string) string{
		"on one line": func(text string) string {
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		},
		"a comment before it": func(text string) string {
			return strings.Replace(text, "{", `{"$comment": "\n  \"version\": 7,",`, 1)
		},
		"an escape in its name": func(text string) string { return strings.Replace(text, `"version": 1`, `"\u0076ersion" :`+"\n\t1", 1) },
		"two digits":            func(text string) string { return strings.Replace(text, `"version": 1`, `"version": 99`, 1) },
		"at the end": func(text string) string {
			text = strings.Replace(text, `"version": 1,`, "", 1)
			return text[:strings.LastIndex(text, "}")] + `, "version": 1}`
		},
		"CRLF": func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.write(t, file, change(f.read(t, file)))
			d := f.open(t)
			before, ok := d.Get(d.Newest().Live[len(d.Newest().Live)-1])
			for _, a := range d.Versions {
				if a.ID == tenancy {
					before = a
				}
			}
			if !ok || before.ID != tenancy {
				t.Fatal("the agreement is not there")
			}
			if _, err := d.Next(tenancy); err != nil {
				t.Fatal(err)
			}
			after, ok := f.open(t).Get(rulebook.Version{Agreement: tenancy, Version: before.Version + 1})
			if !ok {
				t.Fatal("there is no version after it")
			}
			var was, is map[string]any
			if err := json.Unmarshal(before.Source, &was); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(after.Source, &is); err != nil {
				t.Fatal(err)
			}
			was["version"] = float64(before.Version + 1)
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("the successor differs in more than its number:\n%s", diff)
			}
		})
	}
}

func TestNextWritesNothing(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	d := f.open(t)
	// A folder has the name of the last file to be written.
	if err := os.MkdirAll(f.agreement(exclusions, "next/conditions_test.rego"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := f.all(t)
	name, err := d.Next(exclusions)
	if name != "" {
		t.Errorf("written %s", name)
	}
	kindIs(t, "a folder in the way", err, fault.Unavailable, "conditions_test.rego")
	f.unchanged(t, before)
}
