package record_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/record"
)

func openRing(t *testing.T) keyring.Keyring {
	t.Helper()
	ring, err := local.Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring
}

func sealed(t *testing.T, ring keyring.Keyring, plaintext string) record.Record {
	t.Helper()
	r := record.Record{
		Key:     record.Key{Provider: "telford-housing", Dataset: "housing.tenancy", Source: record.Ref{1, 2, 3}},
		Version: 7, Agreement: "ISA-1", KeyMonth: "2026-11",
		Submission: "S-1", Digest: record.Ref{4}, Indexes: []record.Ref{{5}, {6}},
		Area: "E06000020", EventMonth: "2026-10", Indicators: []string{"a", "b"},
		Received: time.Date(2026, 11, 22, 9, 0, 0, 123456789, time.UTC), Expires: time.Date(2028, 11, 22, 9, 0, 0, 0, time.UTC),
	}
	if err := record.Seal(t.Context(), ring, &r, []byte(plaintext)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealOpen(t *testing.T) {
	ring := openRing(t)
	for _, plaintext := range []string{"", "x", `{"name":"Canary"}`} {
		r := sealed(t, ring, plaintext)
		if len(plaintext) > 1 && bytes.Contains(r.Body, []byte(plaintext)) {
			t.Errorf("the body holds its plaintext %q", plaintext)
		}
		got, err := record.Open(t.Context(), ring, &r)
		if err != nil || string(got) != plaintext {
			t.Errorf("opened %q, %v; want %q", got, err, plaintext)
		}
	}
}

// TestInvariant06BodyIsBoundToItsRow moves a ciphertext to other rows, and
// changes what its row says in plain: it opens in none of them. The store cuts
// times to microseconds, which changes nothing.
func TestInvariant06BodyIsBoundToItsRow(t *testing.T) {
	ring := openRing(t)
	for name, move := range map[string]func(*record.Record){
		"provider":  func(r *record.Record) { r.Provider = "severn-homes" },
		"dataset":   func(r *record.Record) { r.Dataset = "housing.concern" },
		"source":    func(r *record.Record) { r.Source[31] ^= 1 },
		"version":   func(r *record.Record) { r.Version++ },
		"agreement": func(r *record.Record) { r.Agreement = "ISA-2" },
		"month":     func(r *record.Record) { r.KeyMonth = "2026-12" },
		"names run together": func(r *record.Record) {
			r.Provider, r.Dataset = r.Provider+"\x00housing", ".tenancy"
		},
		"submission":         func(r *record.Record) { r.Submission = "S-2" },
		"digest":             func(r *record.Record) { r.Digest[0] ^= 1 },
		"index changed":      func(r *record.Record) { r.Indexes = []record.Ref{{5}, {7}} },
		"index added":        func(r *record.Record) { r.Indexes = append(r.Indexes, record.Ref{7}) },
		"index removed":      func(r *record.Record) { r.Indexes = r.Indexes[:1] },
		"indexes exchanged":  func(r *record.Record) { r.Indexes = []record.Ref{{6}, {5}} },
		"area":               func(r *record.Record) { r.Area = "E06000051" },
		"no area":            func(r *record.Record) { r.Area = "" },
		"event month":        func(r *record.Record) { r.EventMonth = "2026-09" },
		"area becomes month": func(r *record.Record) { r.Area, r.EventMonth = "", r.Area+r.EventMonth },
		"indicator removed":  func(r *record.Record) { r.Indicators = r.Indicators[:1] },
		"indicator added":    func(r *record.Record) { r.Indicators = append(r.Indicators, "c") },
		"indicators joined":  func(r *record.Record) { r.Indicators = []string{"ab"} },
		"received":           func(r *record.Record) { r.Received = r.Received.Add(time.Microsecond) },
		"expires":            func(r *record.Record) { r.Expires = r.Expires.AddDate(10, 0, 0) },
		"expires exchanged":  func(r *record.Record) { r.Received, r.Expires = r.Expires, r.Received },
		"body":               func(r *record.Record) { r.Body[len(r.Body)/2] ^= 1 },
		"cut":                func(r *record.Record) { r.Body = r.Body[:len(r.Body)-1] },
		"no body":            func(r *record.Record) { r.Body = nil },
		"not moved":          nil,
		"times cut":          func(r *record.Record) { r.Received = r.Received.Truncate(time.Microsecond) },
	} {
		t.Run(name, func(t *testing.T) {
			r := sealed(t, ring, "Canary")
			if move != nil {
				move(&r)
			}
			got, err := record.Open(t.Context(), ring, &r)
			if move == nil || name == "times cut" {
				if err != nil || string(got) != "Canary" {
					t.Fatalf("opened %q, %v", got, err)
				}
				return
			}
			if !fault.Is(err, fault.Internal) || got != nil {
				t.Errorf("opened %q, %v; want nothing and a fault of kind internal", got, err)
			}
		})
	}
}

func TestSealNeedsItsScope(t *testing.T) {
	ring := openRing(t)
	for _, r := range []record.Record{{Agreement: "ISA-1"}, {KeyMonth: "2026-11"}} {
		if err := record.Seal(t.Context(), ring, &r, []byte("x")); !fault.Is(err, fault.Invalid) || r.Body != nil {
			t.Errorf("sealed: %v, %v", r.Body, err)
		}
		if _, err := record.Open(t.Context(), ring, &r); !fault.Is(err, fault.Invalid) {
			t.Errorf("opened: %v", err)
		}
	}
}

// TestDestroyedMonthStaysShut destroys the key of one month of an agreement:
// its records are gone, those of other months are not.
func TestDestroyedMonthStaysShut(t *testing.T) {
	ring := openRing(t)
	gone := sealed(t, ring, "Canary")
	kept := gone
	kept.KeyMonth = "2026-12"
	if err := record.Seal(t.Context(), ring, &kept, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := ring.Destroy(t.Context(), keyring.RecordScope("ISA-1", "2026-11")); err != nil {
		t.Fatal(err)
	}
	if got, err := record.Open(t.Context(), ring, &gone); !fault.Is(err, fault.NotFound) || got != nil {
		t.Errorf("opened %q, %v; want a fault of kind not-found", got, err)
	}
	if err := record.Seal(t.Context(), ring, &gone, []byte("again")); !fault.Is(err, fault.NotFound) {
		t.Errorf("sealed under a destroyed key: %v", err)
	}
	if got, err := record.Open(t.Context(), ring, &kept); err != nil || string(got) != "kept" {
		t.Errorf("opened %q, %v", got, err)
	}
}

// TestAssociatedDataIsUnambiguous draws pairs of records: different plain
// fields never have the same associated data.
func TestAssociatedDataIsUnambiguous(t *testing.T) {
	name := rapid.StringMatching(`[a\x00\x01]{0,3}`)
	refs := rapid.SliceOfN(rapid.SampledFrom([]record.Ref{{}, {1}, {31: 1}}), 0, 2)
	draw := func(t *rapid.T) record.Record {
		return record.Record{
			Key:     record.Key{Provider: name.Draw(t, "provider"), Dataset: name.Draw(t, "dataset")},
			Version: rapid.Int64Range(1, 3).Draw(t, "version"), Agreement: name.Draw(t, "agreement"),
			KeyMonth: name.Draw(t, "month"), Submission: name.Draw(t, "submission"), Indexes: refs.Draw(t, "indexes"),
			Area: name.Draw(t, "area"), EventMonth: name.Draw(t, "event month"),
			Indicators: rapid.SliceOfN(name, 0, 2).Draw(t, "indicators"),
			Received:   time.UnixMicro(rapid.Int64Range(0, 12).Draw(t, "received")).UTC(),
			Expires:    time.UnixMicro(rapid.Int64Range(0, 12).Draw(t, "expires")).UTC(),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		b := a // most pairs differ in one field
		if other := draw(t); rapid.Bool().Draw(t, "all") {
			b = other
		} else {
			from, to := reflect.ValueOf(other), reflect.ValueOf(&b).Elem()
			i := rapid.IntRange(0, from.NumField()-1).Draw(t, "field")
			to.Field(i).Set(from.Field(i))
		}
		same := cmp.Equal(a, b, cmpopts.EquateEmpty())
		if bytes.Equal(a.AssociatedData(), b.AssociatedData()) != same {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
