package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
)

// FuzzDecode reads any bytes as a question about a person: there is a typed
// fault, or a value that encoding/json reads the same way from the same bytes
// and that no other spelling of a key has slipped into.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"purpose":"a","subject":{"upn":"b"}}`, `{"purpose":"a","purpose":"b"}`, `{"Purpose":"a"}`, `{"emergency":null}`,
		`{"emergency":{"ground":"x"}}`, `[]`, `null`, `{"subject":[]}`, `{"a":1} {}`, `{"purpose":"\ud800"}`, "{\"purpose\":\"\xff\"}", `{"purpoſe":"a"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var got subjectRequest
		if err := decode(r, &got); err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Errorf("%v", err)
			}
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		for name := range members {
			switch name {
			case "purpose", "justification", "case_ref", "emergency", "subject":
			default:
				t.Errorf("%q was taken with the key %q", body, name)
			}
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		r = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(again))
		r.Header.Set("Content-Type", "application/json")
		var second subjectRequest
		if err := decode(r, &second); err != nil {
			t.Errorf("%q became %q, which is refused: %v", body, again, err)
		}
	})
}
