package approval_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// subject is the agreement whose digest is taken: one with conditions.
const subject = "ISA-ME-WMP-001"

// everything is what lies in the folders of policies and schemas.
func everything(tb testing.TB) fstest.MapFS {
	tb.Helper()
	out := fstest.MapFS{}
	for _, from := range []fs.FS{policies.Files, schemas.Files} {
		err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := fs.ReadFile(from, name)
			out[name] = &fstest.MapFile{Data: raw}
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

func digestOf(tb testing.TB, files fstest.MapFS) string {
	tb.Helper()
	folder := func(name string) fs.FS {
		sub, err := fs.Sub(files, name)
		if err != nil {
			tb.Fatal(err)
		}
		return sub
	}
	ds, err := dataset.Load(folder("datasets"))
	if err != nil {
		tb.Fatal(err)
	}
	all, err := agreement.ReadAll(folder("agreements"), ds)
	if err != nil {
		tb.Fatal(err)
	}
	core, err := approval.ReadCore(files)
	if err != nil {
		tb.Fatal(err)
	}
	for _, a := range all {
		if a.ID == subject {
			digest, err := approval.Digest(a, ds, core)
			if err != nil {
				tb.Fatal(err)
			}
			return digest
		}
	}
	tb.Fatal("the agreement is not there")
	return ""
}

func TestDigest(t *testing.T) {
	t.Parallel()
	const file, conditions, schema = "agreements/" + subject + "/agreement.json", "agreements/" + subject + "/conditions.rego", "datasets/education.exclusion.schema.json"
	want := digestOf(t, everything(t))
	replace := func(name, old, now string) func(fstest.MapFS) {
		return func(files fstest.MapFS) {
			text := string(files[name].Data)
			if !strings.Contains(text, old) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			files[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, now, 1))}
		}
	}
	add := func(name, text string) func(fstest.MapFS) {
		return func(files fstest.MapFS) {
			before := ""
			if f := files[name]; f != nil {
				before = string(f.Data)
			}
			files[name] = &fstest.MapFile{Data: []byte(before + text)}
		}
	}
	cases := []struct {
		name   string
		same   bool
		change func(fstest.MapFS)
	}{
		{"white space", true, replace(file, `{`, "  {\n\n\t ")},
		{"order of keys", true, func(files fstest.MapFS) {
			replace(file, `"version": 1,`, ``)(files)
			replace(file, `"author": `, `"version": 1, "author": `)(files)
		}},
		{"an escape for the same letter", true, replace(file, `"id": "ISA`, `"id": "\u0049SA`)},
		{"white space in a schema", true, replace(schema, `{`, "  {\n\n\t ")},
		{"a test", true, add("agreements/"+subject+"/conditions_test.rego", "\n# more\n")},
		{"a test of the core", true, add("concord/release/release_test.rego", "\n# more\n")},
		{"another agreement", true, replace("agreements/ISA-TH-WMP-001/agreement.json", `"title": "`, `"title": "Other `)},
		{"a schema that it does not share", true, replace("datasets/housing.tenancy.schema.json", `"title": "`, `"title": "Other `)},
		{"an editor's schema", true, add("concord/schemas/release_input.json", "\n")},
		{"the impact report", true, add("agreements/"+subject+"/impact.json", "{}")},

		{"the title", false, replace(file, `"title": "`, `"title": "Other `)},
		{"the version", false, replace(file, `"version": 1,`, `"version": 2,`)},
		{"a comment", false, replace(file, `{`, `{"$comment": "x",`)},
		{"the conditions", false, add(conditions, "\n# more\n")},
		{"no conditions", false, func(files fstest.MapFS) { delete(files, conditions) }},
		{"its schema", false, replace(schema, `"title": "`, `"title": "Other `)},
		{"the purposes", false, add("purposes.json", "\n")},
		{"the places", false, replace("places.json", `"parent": "lpa:shropshire"`, `"parent": "lpa:herefordshire"`)},
		{"the agencies", false, add("concord/agencies.json", "\n")},
		{"a rule more", false, add("concord/release/more.rego", "package concord.release\n")},
	}
	for name := range everything(t) {
		if strings.HasPrefix(name, "concord/") && strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, "_test.rego") {
			cases = append(cases, struct {
				name   string
				same   bool
				change func(fstest.MapFS)
			}{name, false, add(name, "\n")})
		}
	}
	if len(cases) < 30 {
		t.Fatalf("only %d cases: where are the core files?", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := everything(t)
			c.change(files)
			if got := digestOf(t, files); (got == want) != c.same {
				t.Errorf("the digest is the same: %t", got == want)
			}
		})
	}
}

func TestDigestRefuses(t *testing.T) {
	t.Parallel()
	ds, err := dataset.Load(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	core := approval.Core{"purposes.json": []byte("[]")}
	if got, err := approval.Digest(&agreement.Agreement{Source: []byte("{}")}, ds, nil); got != "" || !fault.Is(err, fault.Invalid) {
		t.Errorf("no core: %q, %v", got, err)
	}
	for name, a := range map[string]*agreement.Agreement{
		"no JSON":         {Source: []byte("{")},
		"no such dataset": {Source: []byte("{}"), Datasets: []agreement.Share{{Dataset: "a.b"}}},
	} {
		if got, err := approval.Digest(a, ds, core); got != "" || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"purposes.json", "places.json"} {
		files := everything(t)
		delete(files, name)
		if core, err := approval.ReadCore(files); core != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if core, err := approval.ReadCore(fstest.MapFS{}); core != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("nothing at all: %v", err)
	}
}
