package submission

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
)

// FuzzRows reads any bytes as rows: it ends, with rows or with a fault that a
// caller may see, and a JSON array that encoding/json accepts yields its
// elements, all of them.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"a":1},{"b":2}]`, `[{"a":1},`, `[{"a":1}`, `[1 2]`, `[,]`, `{"a":1}`, "{}\n\n{}", `[{}] {}`, "\xef\xbb\xbf[]", "",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, array bool) {
		format := NDJSON
		if array {
			format = JSONArray
		}
		got, err := readRows(format, body)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
		if errors.Is(err, io.EOF) {
			t.Errorf("a fault that looks like the end of the rows: %v", err)
		}
		if !array {
			return
		}
		var want []json.RawMessage
		valid := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &want) == nil && want != nil
		if valid != (err == nil) || valid && len(got) != len(want) {
			t.Errorf("%q: %d rows and %v, want %d rows, valid %v", body, len(got), err, len(want), valid)
		}
	})
}

func readRows(format Format, body []byte) ([][]byte, error) {
	src, err := newRows(format, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for {
		raw, err := src.next()
		switch {
		case err == io.EOF: //nolint:errorlint // the end itself, and nothing that wraps it
			return out, nil
		case errors.Is(err, errRowTooLarge):
			raw = nil
		case err != nil:
			return nil, err
		}
		out = append(out, bytes.Clone(raw))
	}
}
