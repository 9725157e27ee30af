package authoring_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/authoring"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

func sign(tb testing.TB, f folder, k key, change func(*authoring.SignOptions)) *authoring.Signed {
	tb.Helper()
	o := authoring.SignOptions{ID: tenancy, Key: k.private, At: now()}
	change(&o)
	got, err := f.open(tb).Sign(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

const (
	noteFile   = "policies/agreements/" + tenancy + "/approval.note"
	impactFile = "policies/agreements/" + tenancy + "/impact.json"
)

func TestSign(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo, siro := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	report := impact(t, f.open(t), "first", tenancy)
	from := time.Date(2027, 2, 1, 9, 0, 0, 123, time.FixedZone("CET", 3600))
	one := sign(t, f, dpo, func(o *authoring.SignOptions) { o.Impact, o.LiveFrom = report, from })
	want := approval.Statement{
		Agreement: tenancy, Version: 1, Digest: f.open(t).Digest(rulebook.Version{Agreement: tenancy, Version: 1}),
		LiveFrom: time.Date(2027, 2, 1, 8, 0, 0, 0, time.UTC), Impact: approval.ImpactHash(report),
	}
	if one.Statement != want || one.Dropped || one.File != f.path(noteFile) {
		t.Errorf("got %+v", one)
	}
	if f.read(t, impactFile) != string(report) {
		t.Error("the report does not lie beside the agreement")
	}
	// The second signer says nothing, and signs what the first did.
	two := sign(t, f, siro, func(*authoring.SignOptions) {})
	if two.Statement != want || two.Dropped || strings.Count(f.read(t, noteFile), "\n— ") != 2 {
		t.Errorf("got %+v and\n%s", two, f.read(t, noteFile))
	}
	// Saying the same is no difference; another day is, and it is told.
	same := sign(t, f, siro, func(o *authoring.SignOptions) { o.Impact, o.LiveFrom = report, from })
	if same.Dropped || strings.Count(f.read(t, noteFile), "\n— ") != 2 {
		t.Errorf("got %+v", same)
	}
	moved := sign(t, f, siro, func(o *authoring.SignOptions) { o.LiveFrom = from.AddDate(0, 1, 0) })
	if !moved.Dropped || moved.Statement.Impact != want.Impact || strings.Count(f.read(t, noteFile), "\n— ") != 1 {
		t.Errorf("got %+v", moved)
	}
	// So is another report, which takes the place of the first.
	second := impact(t, f.open(t), "second", tenancy)
	other := sign(t, f, dpo, func(o *authoring.SignOptions) { o.Impact = second })
	if !other.Dropped || f.read(t, impactFile) != string(second) || !other.Statement.LiveFrom.Equal(moved.Statement.LiveFrom) {
		t.Errorf("got %+v", other)
	}
	// And other content: nothing is taken over.
	f.replace(t, "policies/agreements/"+tenancy+"/agreement.json", `"title": "`, `"title": "Other `)
	third := impact(t, f.open(t), "third", tenancy)
	anew := sign(t, f, dpo, func(o *authoring.SignOptions) { o.Impact = third })
	if !anew.Dropped || anew.Statement.LiveFrom != time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) {
		t.Errorf("got %+v", anew)
	}
	for name := range f.all(t) {
		if strings.HasSuffix(name, ".new") {
			t.Errorf("%s is left behind", name)
		}
	}
}

func TestSignFounding(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo, siro := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	one := sign(t, f, dpo, func(o *authoring.SignOptions) { o.Founding = true })
	two := sign(t, f, siro, func(*authoring.SignOptions) {})
	if one.Statement.Impact != approval.NoImpact || two.Statement != one.Statement || two.Dropped {
		t.Errorf("got %+v and %+v", one, two)
	}
	if _, err := os.Stat(f.path(impactFile)); err == nil {
		t.Error("a report lies there that nobody gave")
	}
}

// TestSignVersion signs the version before the one that is to follow, which is
// checked as if it were live.
func TestSignVersion(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	if _, err := f.open(t).Next(tenancy); err != nil {
		t.Fatal(err)
	}
	dpo := newKey(t, "telford-housing/dpo")
	got := sign(t, f, dpo, func(o *authoring.SignOptions) { o.Version, o.Founding = 1, true })
	if got.Statement.Version != 1 || got.File != f.path(noteFile) {
		t.Errorf("got %+v", got)
	}
	got = sign(t, f, dpo, func(o *authoring.SignOptions) { o.Founding = true })
	if got.Statement.Version != 2 || got.File != f.agreement(tenancy, "next/approval.note") {
		t.Errorf("got %+v", got)
	}
	// Conditions that do not compile are those of the version that has them.
	f.write(t, "policies/agreements/"+tenancy+"/conditions.rego", "package concord.agreements[\""+tenancy+"\"]\n\nx := http.send({})\n")
	d := f.open(t)
	_, err := d.Sign(t.Context(), authoring.SignOptions{ID: tenancy, Version: 1, Key: dpo.private, Founding: true, At: now()})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("an unsound version beside a sound one: %v", err)
	}
	if _, err := d.Sign(t.Context(), authoring.SignOptions{ID: tenancy, Version: 2, Key: dpo.private, Founding: true, At: now()}); err != nil {
		t.Errorf("a sound version beside an unsound one: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo := newKey(t, "telford-housing/dpo")
	d := f.open(t)
	good := impact(t, d, "", tenancy)
	before := f.all(t)
	for _, c := range []struct {
		name   string
		change func(*authoring.SignOptions)
		kind   fault.Kind
		words  string
	}{
		{"no such agreement", func(o *authoring.SignOptions) { o.ID = "ISA-NONE-1" }, fault.NotFound, "no such agreement"},
		{"no such version", func(o *authoring.SignOptions) { o.Version = 9 }, fault.NotFound, "not this version"},
		{"no key", func(o *authoring.SignOptions) { o.Key = "" }, fault.Invalid, "private key"},
		{"a public key", func(o *authoring.SignOptions) { o.Key = dpo.public }, fault.Invalid, "private key"},
		{"a day that is past", func(o *authoring.SignOptions) { o.LiveFrom = now().Add(-time.Second) }, fault.Invalid, "ahead"},
		{"a year of five digits", func(o *authoring.SignOptions) { o.LiveFrom = now().AddDate(9000, 0, 0) }, fault.Invalid, "date"},
		{"no report", func(o *authoring.SignOptions) { o.Impact = nil }, fault.Invalid, "concord policy impact"},
		{"a report that is no JSON", func(o *authoring.SignOptions) { o.Impact = []byte("{") }, fault.Invalid, "cannot be read"},
		{"a report about nothing", func(o *authoring.SignOptions) { o.Impact = []byte("{}") }, fault.Invalid, "another content"},
		{"a report about another agreement", func(o *authoring.SignOptions) { o.Impact = impact(t, d, "", exclusions) }, fault.Invalid, "another content"},
		{"a bad report and founding", func(o *authoring.SignOptions) { o.Impact, o.Founding = []byte("{}"), true }, fault.Invalid, "another content"},
		{"long after its end", func(o *authoring.SignOptions) { o.At = now().AddDate(20, 0, 0) }, fault.Invalid, "cannot be signed any more"},
	} {
		o := authoring.SignOptions{ID: tenancy, Key: dpo.private, Impact: good, At: now()}
		c.change(&o)
		got, err := d.Sign(t.Context(), o)
		if got != nil {
			t.Errorf("%s: signed %+v", c.name, got)
		}
		kindIs(t, c.name, err, c.kind, c.words)
	}
	f.unchanged(t, before)
}

func TestSignUnsound(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	dpo, siro := newKey(t, "telford-housing/dpo"), newKey(t, "west-mercia-police/siro")
	f.write(t, "policies/concord/release/more.rego", "package concord.release\n\nx := http.send({})\n")
	before := f.all(t)
	got, err := f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: dpo.private, Founding: true, At: now()})
	if got != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("a folder that is not sound: %+v, %v", got, err)
	}
	f.unchanged(t, before)

	f = newFolder(t)
	sign(t, f, dpo, func(o *authoring.SignOptions) { o.Impact = impact(t, f.open(t), "as read", tenancy) })
	f.write(t, impactFile, string(impact(t, f.open(t), "nicer", tenancy)))
	before = f.all(t)
	got, err = f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: siro.private, At: now()})
	if got != nil {
		t.Errorf("signed with a report that was exchanged: %+v", got)
	}
	kindIs(t, "a report that was exchanged", err, fault.Invalid, "not the one that was signed before")
	if err := os.Remove(f.path(impactFile)); err != nil {
		t.Fatal(err)
	}
	_, err = f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: siro.private, At: now()})
	kindIs(t, "a report that is gone", err, fault.Invalid, "not the one that was signed before")
	delete(before, f.path(impactFile))
	f.unchanged(t, before)

	// What was agreed for a day that has come is agreed anew.
	f = newFolder(t)
	sign(t, f, dpo, func(o *authoring.SignOptions) { o.Founding = true })
	_, err = f.open(t).Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: siro.private, At: now().AddDate(0, 0, 2)})
	kindIs(t, "a day that has come since", err, fault.Invalid, "ahead")
}

func TestSignWritesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{noteFile, impactFile} {
		f := newFolder(t)
		if err := os.MkdirAll(f.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
		before := f.all(t)
		d := f.open(t)
		got, err := d.Sign(t.Context(), authoring.SignOptions{ID: tenancy, Key: newKey(t, "a/b").private, Impact: impact(t, d, "", tenancy), At: now()})
		if got != nil {
			t.Errorf("signed: %+v", got)
		}
		kindIs(t, name, err, fault.Unavailable, "cannot be written")
		f.unchanged(t, before)
	}
}
