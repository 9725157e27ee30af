package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/release"
)

// wholeDecision has something in every member.
func wholeDecision() Decision {
	return Decision{
		Allow: true, Revision: "r",
		Groups: []GroupDecision{{
			Provider: "p", Dataset: "d", Allow: true,
			Fields: map[string]Grant{
				"/a": {Treatment: release.Full, Agreement: "A", Version: 1, Clause: "4"},
				"/b": {Treatment: release.Mask, Agreement: "A", Version: 1, Clause: "4"},
			},
			RowConditions: []release.Condition{{Attr: "area", Op: "in", Value: []any{"x", 1.0, true, nil, map[string]any{"k": "v"}}}},
			Basis:         Basis{Provider: "bp", Recipient: "br"},
			Reasons:       []Reason{{Code: "c", Message: "m", Clause: "4"}},
		}},
		Obligations: Obligations{
			Handling: "OFFICIAL", Instructions: []string{"i"}, Review: "2026-01-01", Expires: "2027-01-01",
			Quota: &Quota{PerHour: 1, PerDay: 2},
		},
		Withheld: []Withheld{{Clause: "1", Code: "c", Dataset: "d", Fields: []string{"/x", "/y"}, Provider: "p", Reason: "why"}},
	}
}

// TestDigestCoversEverything changes each part of a decision in turn, found by
// reflection: a member that is added to a decision and forgotten by the digest
// fails here. The revision alone is left out.
func TestDigestCoversEverything(t *testing.T) {
	base := wholeDecision().Digest()
	changed := 0
	d := wholeDecision()
	eachPart(reflect.ValueOf(&d).Elem(), "decision", func(path string, alter, restore func()) {
		alter()
		same := d.Digest() == base
		restore()
		if same != (path == "decision.Revision") {
			t.Errorf("changing %s: the digest is the same: %t", path, same)
		}
		changed++
	})
	if diff := cmp.Diff(wholeDecision(), d); diff != "" || d.Digest() != base {
		t.Errorf("the walk did not restore the decision:\n%s", diff)
	}
	if changed < 35 {
		t.Errorf("only %d parts were changed", changed)
	}
}

// eachPart calls f with each part of v that can be changed.
func eachPart(v reflect.Value, path string, f func(path string, alter, restore func())) {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	restore := func() { v.Set(old) }
	set := func(to any) { f(path, func() { v.Set(reflect.ValueOf(to).Convert(v.Type())) }, restore) }
	switch v.Kind() {
	case reflect.String:
		set(v.String() + "!")
	case reflect.Int:
		set(v.Int() + 1)
	case reflect.Bool:
		set(!v.Bool())
	case reflect.Struct:
		for i := range v.NumField() {
			eachPart(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Pointer:
		f(path, func() { v.SetZero() }, restore)
		eachPart(v.Elem(), path, f)
	case reflect.Slice:
		f(path+"[:0]", func() { v.Set(v.Slice(0, v.Len()-1)) }, restore)
		for i := range v.Len() {
			eachPart(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			was := v.MapIndex(k)
			f(fmt.Sprintf("%s[%s] gone", path, k), func() { v.SetMapIndex(k, reflect.Value{}) }, func() { v.SetMapIndex(k, was) })
			one := reflect.New(was.Type()).Elem()
			one.Set(was)
			eachPart(one, fmt.Sprintf("%s[%s]", path, k), func(path string, alter, restore func()) {
				f(path, func() { alter(); v.SetMapIndex(k, one) }, func() { restore(); v.SetMapIndex(k, was) })
			})
		}
	case reflect.Interface:
		f(path, func() { v.Set(reflect.ValueOf("another")) }, restore)
	default:
		panic("the digest test does not know " + v.Kind().String())
	}
}

// TestDigestOfAnything tells values of different types and shapes apart.
func TestDigestOfAnything(t *testing.T) {
	seen := map[[32]byte]any{}
	for _, v := range []any{
		nil, true, false, "", "1", 1.0, -1.0, []any{}, []any{"ab"}, []any{"a", "b"}, []any{[]any{"a"}, "b"},
		map[string]any{}, map[string]any{"a": "b"}, map[string]any{"a": nil}, map[string]any{"ab": ""}, 1, int64(1),
	} {
		d := wholeDecision()
		d.Groups[0].RowConditions[0].Value = v
		sum := d.Digest()
		if other, ok := seen[sum]; ok {
			t.Errorf("%#v and %#v have one digest", v, other)
		}
		seen[sum] = v
	}
}

// TestDigestShiftsNothing moves text between neighbours.
func TestDigestShiftsNothing(t *testing.T) {
	a, b := wholeDecision(), wholeDecision()
	a.Withheld[0].Fields, b.Withheld[0].Fields = []string{"/x/y"}, []string{"/x", "/y"}
	if a.Digest() == b.Digest() {
		t.Error("one field and two have one digest")
	}
	a, b = wholeDecision(), wholeDecision()
	a.Groups[0].Basis, b.Groups[0].Basis = Basis{"ab", "c"}, Basis{"a", "bc"}
	if a.Digest() == b.Digest() {
		t.Error("text moved over a boundary has one digest")
	}
}

// TestDigestAsDecided holds digests against JSON for real decisions: they agree
// on what is the same.
func TestDigestAsDecided(t *testing.T) {
	cfg := sample(t)
	e := newEngine(t, cfg)
	byDigest := map[[32]byte]string{}
	byText := map[string][32]byte{}
	for _, in := range requests(cfg) {
		d, err := e.Decide(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		sum := d.Digest()
		if text, ok := byDigest[sum]; ok && text != string(raw) {
			t.Error("two decisions have one digest")
		}
		if other, ok := byText[string(raw)]; ok && other != sum {
			t.Error("one decision has two digests")
		}
		byDigest[sum], byText[string(raw)] = string(raw), sum
	}
	if len(byDigest) < 10 {
		t.Errorf("only %d decisions", len(byDigest))
	}
}

func BenchmarkDigest(b *testing.B) {
	cfg := sample(b)
	d, err := newEngine(b, cfg).Decide(b.Context(), person(allGroups(cfg)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Digest()
	}
	b.ReportMetric(float64(len(d.Groups)), "groups")
}
