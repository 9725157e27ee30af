package linkage_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/record"
)

const (
	nhs1, nhs2 = "9990000018", "9990000026"
	upn1, upn2 = "B801200005001", "T884999924001"
	pnc1, pnc2 = "2002/0073319Z", "1981/0000034U"
	cro1       = "123456/24X"
)

// ann and ben are two whole compounds.
var (
	ann = ids{"given_name": "ann", "family_name": "archer", "date_of_birth": "1990-01-02", "postcode": "WR1 2EY"}
	ben = ids{"given_name": "ben", "family_name": "baker", "date_of_birth": "1985-05-06", "postcode": "HR4 9AR"}
)

// plus returns the union of identifiers.
func plus(parts ...ids) ids {
	out := ids{}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	return out
}

func TestNewSubjectRefuses(t *testing.T) {
	const unknown = dataset.IdentifierType("canary")
	cases := map[string]struct {
		in      ids
		pointer string
	}{
		"nothing":               {ids{}, "/subject"},
		"a name alone":          {ids{"given_name": "canary"}, "/subject"},
		"three of four":         {ids{"given_name": "canary", "family_name": "canary", "date_of_birth": "1990-01-02"}, "/subject"},
		"an address":            {ids{"uprn": "100023336956"}, "/subject"},
		"an address and more":   {ids{"uprn": "100023336956", "nhs_number": nhs1}, "/subject"},
		"an unknown type":       {ids{unknown: "canary", "nhs_number": nhs1}, "/subject"},
		"a bad check digit":     {ids{"nhs_number": "9990000019"}, "/subject/nhs_number"},
		"an empty value":        {ids{"nhs_number": nhs1, "upn": ""}, "/subject/upn"},
		"a bad pupil number":    {ids{"upn": "canary"}, "/subject/upn"},
		"a bad PNC ID":          {ids{"pnc_id": "canary"}, "/subject/pnc_id"},
		"a bad CRO number":      {ids{"cro": "canary"}, "/subject/cro"},
		"a bad date":            {plus(ann, ids{"date_of_birth": "canary"}), "/subject/date_of_birth"},
		"a bad postcode":        {plus(ann, ids{"postcode": "canary postcode"}), "/subject/postcode"},
		"a weak value too, bad": {ids{"nhs_number": nhs1, "postcode": "WR1 2E"}, "/subject/postcode"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := linkage.NewSubject(c.in)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Pointer != c.pointer || f.Code == "" || f.Message == "" {
				t.Fatalf("got %#v, want Invalid at %s", err, c.pointer)
			}
			if text := err.Error() + f.Message + f.Code + f.Pointer; strings.Contains(text, "canary") || strings.Contains(text, "9990000019") {
				t.Errorf("the fault repeats a value: %s", text)
			}
		})
	}
}

func TestSubjectNormalises(t *testing.T) {
	h, err := openRing(t).Hasher(t.Context(), keyring.LinkScope)
	if err != nil {
		t.Fatal(err)
	}
	plain := linkage.Refs(h, subject(t, plus(ann, ids{"nhs_number": nhs1, "pnc_id": pnc1})))
	spelt := linkage.Refs(h, subject(t, ids{
		"given_name": " ANN ", "family_name": "Archer", "date_of_birth": "1990-01-02", "postcode": "wr12ey",
		"nhs_number": "999 000 0018", "pnc_id": "02/73319Z",
	}))
	if len(plain) != 3 || !slices.Equal(plain, spelt) {
		t.Errorf("got %d and %d references, want the same three", len(plain), len(spelt))
	}
}

// TestInvariant05SubjectDoesNotPrint: a subject in a log line or an error says
// nothing about the person.
func TestInvariant05SubjectDoesNotPrint(t *testing.T) {
	s := subject(t, plus(ann, ids{"nhs_number": nhs1}))
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
		fmt.Fprintf(&out, verb, []linkage.Subject{s})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "subject", s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "subject", s)
	for _, secret := range []string{nhs1, "ann", "archer", "1990", "WR1"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(secret)) {
			t.Errorf("%q is in %s", secret, out.String())
		}
	}
}

func TestRefs(t *testing.T) {
	ring := openRing(t)
	h, err := ring.Hasher(t.Context(), keyring.LinkScope)
	if err != nil {
		t.Fatal(err)
	}
	// A name beside a strong identifier is not enough for a reference: every
	// namesake would share it.
	alone := linkage.Refs(h, subject(t, ids{"nhs_number": nhs1}))
	named := linkage.Refs(h, subject(t, ids{"nhs_number": nhs1, "given_name": "ann", "date_of_birth": "1990-01-02"}))
	if len(alone) != 1 || !slices.Equal(alone, named) {
		t.Errorf("got %d and %d references, want the same one", len(alone), len(named))
	}
	all := linkage.Refs(h, subject(t, plus(ann, ids{"nhs_number": nhs1, "upn": upn1, "pnc_id": pnc1, "cro": cro1})))
	if len(all) != 5 || !slices.Contains(all, alone[0]) {
		t.Errorf("got %d references, want five, the number's among them", len(all))
	}
	refs := []string{
		linkage.RecordRef(h, "telford-housing", "housing.concern", "1"), linkage.RecordRef(h, "severn-homes", "housing.concern", "1"),
		linkage.RecordRef(h, "telford-housing", "housing.tenancy", "1"), linkage.RecordRef(h, "telford-housing", "housing.concern", "2"),
		linkage.RecordRef(h, "telford-housing", "housing.concern1", ""),
	}
	slices.Sort(refs)
	if len(slices.Compact(refs)) != 5 {
		t.Error("two records share a reference")
	}
}

func TestIndexes(t *testing.T) {
	ring := openRing(t)
	h, err := ring.Hasher(t.Context(), keyring.IndexScope("housing.concern"))
	if err != nil {
		t.Fatal(err)
	}
	index := func(of ids, more ...dataset.Identifier) []record.Ref {
		return linkage.Indexes(h, "housing.concern", append(person(linkage.Group{}, "", of).ids, more...))
	}
	for name, c := range map[string]struct {
		got  []record.Ref
		want int
	}{
		"nothing":                  {index(nil), 0},
		"an address":               {index(ids{"uprn": "100023336956"}), 0},
		"three of the compound":    {index(ids{"given_name": "ann", "family_name": "archer", "postcode": "WR1 2EY"}), 0},
		"the compound":             {index(ann), 1},
		"compound and address":     {index(plus(ann, ids{"uprn": "100023336956"})), 1},
		"compound, strong, strong": {index(plus(ann, ids{"nhs_number": nhs1, "pnc_id": pnc1})), 3},
		"the same twice":           {index(ids{"nhs_number": nhs1}, dataset.Identifier{Type: dataset.NHSNumber, Value: nhs1}), 1},
		"two names":                {index(ann, dataset.Identifier{Type: dataset.GivenName, Value: "anna"}), 0},
		"members of a group":       {index(ids{"pnc_id": pnc1}, dataset.Identifier{Type: dataset.PNCID, Value: pnc2}), 2},
		"an empty value":           {index(nil, dataset.Identifier{Type: dataset.PNCID}), 0},
	} {
		if len(c.got) != c.want {
			t.Errorf("%s: %d indexes, want %d", name, len(c.got), c.want)
		}
	}
	// The same value does not link across datasets, not even under one key.
	if linkage.Indexes(h, "a", person(linkage.Group{}, "", ann).ids)[0] == linkage.Indexes(h, "b", person(linkage.Group{}, "", ann).ids)[0] {
		t.Error("two datasets share an index")
	}
	rapid.Check(t, func(t *rapid.T) {
		of := person(linkage.Group{}, "", plus(ann, ids{"nhs_number": nhs1, "pnc_id": pnc1, "upn": upn1})).ids
		mixed := rapid.Permutation(append(of, of[0])).Draw(t, "order")
		if !slices.Equal(linkage.Indexes(h, "d", of), linkage.Indexes(h, "d", mixed)) {
			t.Fatal("the indexes depend on the order of the identifiers")
		}
	})
}
