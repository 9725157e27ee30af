package record_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

func TestContent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.String(), 0, 5)
		want := record.Marks{Completeness: rapid.IntRange(0, 100).Draw(t, "completeness"), Masked: list.Draw(t, "masked"), Dropped: list.Draw(t, "dropped")}
		row := append([]byte("{"), rapid.SliceOf(rapid.Byte()).Draw(t, "row")...)
		got, marks, err := record.DecodeContent(record.EncodeContent(row, want))
		if err != nil || !bytes.Equal(got, row) {
			t.Fatalf("%q, %v", got, err)
		}
		for _, l := range []*[]string{&want.Masked, &want.Dropped} {
			if len(*l) == 0 {
				*l = nil
			}
		}
		if diff := cmp.Diff(want, marks); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestContentOfBefore: a body of before there were marks is the row alone.
func TestContentOfBefore(t *testing.T) {
	t.Parallel()
	row, marks, err := record.DecodeContent([]byte(`{"a":1}`))
	if diff := cmp.Diff(record.Marks{}, marks); string(row) != `{"a":1}` || diff != "" || err != nil {
		t.Errorf("%s %s %v", row, diff, err)
	}
}

func TestContentDamaged(t *testing.T) {
	t.Parallel()
	good := record.EncodeContent([]byte(`{}`), record.Marks{Completeness: 50, Masked: []string{"/a"}, Dropped: []string{"/b"}})
	for n := range len(good) - 1 {
		if n == len(good)-2 {
			continue // cut to "{": the row's own reader finds that
		}
		if row, _, err := record.DecodeContent(good[:n]); row != nil || !fault.Is(err, fault.Internal) {
			t.Errorf("cut to %d: %q, %v", n, row, err)
		}
	}
	for name, body := range map[string]string{
		"other version": "\x02{}", "text": "hello", "percent": "\x01\x65\x00\x00{}", "long number": "\x01\x80\x00\x00\x00{}",
		"many": "\x01\x01\xff\xff\x03{}", "long text": "\x01\x01\x01\x7f{}", "no row": "\x01\x01\x00\x00",
	} {
		if row, _, err := record.DecodeContent([]byte(body)); row != nil || !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %q, %v", name, row, err)
		}
	}
}

// FuzzContent: any bytes give an error and nothing else, or content that is
// encoded to the same bytes.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"a":1}`))
	f.Add(record.EncodeContent([]byte(`{"a":1}`), record.Marks{Completeness: 87, Masked: []string{"/summary"}, Dropped: []string{"/a", "/b"}}))
	f.Fuzz(func(t *testing.T, plain []byte) {
		row, marks, err := record.DecodeContent(plain)
		if err != nil {
			if row != nil || !fault.Is(err, fault.Internal) {
				t.Fatalf("%q, %v", row, err)
			}
			return
		}
		if plain[0] != '{' && !bytes.Equal(record.EncodeContent(row, marks), plain) {
			t.Fatalf("%q is encoded anew otherwise", plain)
		}
	})
}

func BenchmarkContent(b *testing.B) {
	row := bytes.Repeat([]byte("{"), 400)
	marks := record.Marks{Completeness: 90}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := record.DecodeContent(record.EncodeContent(row, marks)); err != nil {
			b.Fatal(err)
		}
	}
}
