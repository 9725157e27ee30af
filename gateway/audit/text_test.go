package audit

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// filled draws a value for every field of a type, so that a field that textWriter
// does not know fails the test.
func filled(t *rapid.T, v reflect.Value) {
	strange := rapid.SampledFrom([]string{
		"", "plain", "\u00e4\u2028\u2029", "a\"b\\c</\b\f\n\r\t\x00\x1f\x7f", "\xff\xfe", "\U0001f512\ue000", "a\u0308",
	})
	often := rapid.IntRange(0, 3)
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			filled(t, field)
		}
	case reflect.String:
		v.SetString(strange.Draw(t, "string"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64Range(1<<53-2, 1<<53+2), rapid.Int64()).Draw(t, "number"))
	case reflect.Pointer:
		if often.Draw(t, "pointer") > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			filled(t, v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(rapid.SampledFrom([]string{
				"", "null", `{"a":1,"b":[true,"x"]}`, `{"b":1,"a":2}`, `{ "a":1.0}`, `{"a":1,"a":2}`, "{", `"\ud800"`, "1e99999",
			}).Draw(t, "facts")))
			return
		}
		if n := often.Draw(t, "list"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				filled(t, v.Index(i))
			}
		}
	case reflect.Map:
		if n := often.Draw(t, "map"); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n - 1 {
				v.SetMapIndex(reflect.ValueOf(strange.Draw(t, "key")), reflect.ValueOf(strange.Draw(t, "value")))
			}
		}
	default:
		t.Fatalf("an entry has a field of a kind that the test does not know: %s", v.Type())
	}
}

// wantText holds what textWriter wrote to Canonical.
func wantText(t *rapid.T, v any, got []byte, err error) {
	want, wantErr := Canonical(v)
	if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
		t.Fatalf("got %s, %v\nwant %s, %v", got, err, want, wantErr)
	}
}

// TestTextIsCanonical writes drawn entries and private parts in both ways.
func TestTextIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Entry
		filled(t, reflect.ValueOf(&e).Elem())
		text, splice, err := entryText(&e)
		wantText(t, &e, text, err)
		if err == nil && e.Provider != "" && e.ProviderPrev == "" && e.ProviderSeq == 0 {
			placed := e
			placed.ProviderPrev, placed.ProviderSeq = "00ff", 7
			wantText(t, &placed, []byte(string(text[:splice])+`,"provider_prev":"00ff","provider_seq":7`+string(text[splice:])), nil)
		}
		var p Private
		filled(t, reflect.ValueOf(&p).Elem())
		text, err = privateText([]byte("before"), &p)
		if err == nil {
			text = text[len("before"):]
		}
		wantText(t, &p, text, err)
	})
}
