package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// value draws anything that encoding/json can hold, with the strings and
// numbers that canonical forms differ in.
func value(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Map(text(), func(s string) any { return s }),
		rapid.Map(number(), func(f float64) any { return f }),
		rapid.Map(rapid.Int64Range(-1<<53, 1<<53), func(n int64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(
		leaf,
		rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(a []any) any { return a }),
		rapid.Map(rapid.MapOfN(text(), value(depth-1), 0, 5), func(m map[string]any) any { return m }),
	)
}

func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("ab\"\\/<>&\b\f\n\r\t\x00\x1f\x7f\u2028\u2029\u00e9\ue000\uffff\U00010000\U0001f512"))),
	)
}

func number() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }),
		rapid.SampledFrom([]float64{
			0, math.Copysign(0, -1), 1e21, 1e20, 123456789012345680000, 1e-6, 1e-7, 9007199254740992, 5e-324,
			1.7976931348623157e308, 0.1, 1e100, 333333333.33333329,
		}),
	)
}

// TestCanonicalAgainstOracle compares with an independent implementation of RFC
// 8785.
func TestCanonicalAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := value(3).Draw(t, "value")
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		// The oracle takes objects and arrays only.
		wrapped := bytes.Join([][]byte{[]byte("["), raw, []byte("]")}, nil)
		want, err := jcs.Transform(wrapped)
		if err != nil {
			t.Fatal(err)
		}
		for name, in := range map[string]any{"value": []any{v}, "text": json.RawMessage(wrapped)} {
			got, err := audit.Canonical(in)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %v\n got %s\nwant %s", name, err, got, want)
			}
		}
		again, err := audit.Canonical(json.RawMessage(want))
		if err != nil || !bytes.Equal(again, want) {
			t.Fatalf("not a fixed point: %v %s", err, again)
		}
	})
}

// TestCanonicalVectors holds the forms that RFC 8785 gives.
func TestCanonicalVectors(t *testing.T) {
	for in, want := range map[string]string{
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]}`: `{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}`,
		`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`:   "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,\"\ufb33\":3}",
		`[-0,-0.0,0e5,1e0,100000000000000000000,1E21]`:                                  `[0,0,0,1,100000000000000000000,1e+21]`,
		`{ "b" : [ ] , "a" : { } }`:                                                     `{"a":{},"b":[]}`,
		`["\u0041\/\u000a\u001F\u007f\u2028"]`:                                          "[\"A/\\n\\u001f\u007f\u2028\"]",
	} {
		got, err := audit.Canonical(json.RawMessage(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", in, err, got, want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"too large an integer": json.RawMessage(`[9007199254740993]`),
		"int64":                int64(math.MaxInt64),
		"a key given twice":    json.RawMessage(`{"a":1,"b":2,"a":3}`),
		"the same key escaped": json.RawMessage(`{"a":1,"\u0061":3}`),
		"lone high surrogate":  json.RawMessage(`["\ud83d x"]`),
		"lone low surrogate":   json.RawMessage(`["\ude00"]`),
		"half a pair at end":   json.RawMessage(`["\ud83d"]`),
		"out of range":         json.RawMessage(`[1e400]`),
		"infinite":             math.Inf(1),
		"no JSON":              json.RawMessage(`{"a":}`),
		"a channel":            make(chan int),
		"nested too deeply":    json.RawMessage(strings.Repeat("[ ", 300) + strings.Repeat("]", 300)),
	} {
		if got, err := audit.Canonical(v); !fault.Is(err, fault.Invalid) || got != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestCanonicalInvalidUTF8(t *testing.T) {
	got, err := audit.Canonical("a\xffb\u2029")
	if err != nil || string(got) != "\"a\ufffdb\u2029\"" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzCanonical: no text makes the canonicaliser panic, and what it returns is a
// fixed point that the oracle agrees with.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `"\u2028"`, `{"b":1,"a":2}`, `[1e-7,-0,1e21]`, `{"":"","\u0000":"\ud83d\ude00"}`, `[[[[]]]]`, `{"a":"\\u0061"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := audit.Canonical(json.RawMessage(in))
		if err != nil {
			return
		}
		again, err := audit.Canonical(json.RawMessage(got))
		if err != nil || !bytes.Equal(got, again) {
			t.Fatalf("not a fixed point: %v\n%q\n%q", err, got, again)
		}
		if got[0] != '{' && got[0] != '[' {
			return // the oracle takes objects and arrays only
		}
		want, err := jcs.Transform(got)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the oracle says %v\n got %q\nwant %q", err, got, want)
		}
	})
}
