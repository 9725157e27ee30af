package gateway_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// personal are the values of personal fields of everybody in the tests of the whole
// gateway, and of whatever else is personal in their rows and requests.
var personal = sync.OnceValue(func() []string {
	values := append(canaryTexts(), "Visitors at all hours", "CANARY-REASON")
	for _, who := range []map[string]string{rowan(), nobody(), canary()} {
		values = slices.AppendSeq(values, maps.Values(who))
	}
	slices.Sort(values)
	return slices.DeleteFunc(slices.Compact(values), func(v string) bool { return len(v) < 6 }) // "Ines" is in many words
})

// noCanary fails when a text that may hold nothing personal does. Every house calls it
// with each refusal and, when it stops, with all that its gateway logged: so it is held
// over the whole run of the tests (invariant 5), whatever each of them is about.
func (h *house) noCanary(what, text string) {
	h.t.Helper()
	for _, v := range personal() {
		if at := strings.Index(text, v); at >= 0 {
			h.t.Errorf("%s holds %q: %s", what, v, text[max(0, at-200):min(len(text), at+100)])
		}
	}
}

// TestCanaryIsFound plants what noCanary must find.
func TestCanaryIsFound(t *testing.T) {
	t.Parallel()
	found := &failing{TB: t}
	h := &house{t: found}
	h.noCanary("a log", `{"msg":"request","status":200}`)
	if found.errors != 0 {
		t.Error("a canary was found where there is none")
	}
	for _, v := range []string{"9990000018", "Ashdown-Quill", "TF1 5AB", "1990-04-12", "Quokkacanary", "Visitors at all hours of the night"} {
		before := found.errors
		h.noCanary("a log", `{"msg":"panic","error":"no such `+v+`"}`)
		if found.errors == before {
			t.Errorf("%q was not found", v)
		}
	}
}

// failing counts the errors that are reported to it.
type failing struct {
	testing.TB

	errors int
}

func (f *failing) Errorf(string, ...any) { f.errors++ }
func (f *failing) Helper()               {}

// checkRefusal holds that a refusal repeats nothing personal.
func (r *response) checkRefusal(h *house, request string) {
	if r.status >= http.StatusBadRequest {
		h.noCanary("the refusal of "+request, string(r.body))
	}
}
