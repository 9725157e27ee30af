package vaulttest

import (
	"encoding/json"
	"net/http"
	"testing"
)

// Contents is everything that the mounts of the house hold, as text: to see that nothing
// was made, changed or taken away.
func (h *House) Contents(tb testing.TB) string {
	tb.Helper()
	var all []any
	for _, in := range []struct{ list, read string }{
		{h.Transit + "/keys", h.Transit + "/keys"},
		{h.KV + "/metadata/keysets", h.KV + "/data/keysets"},
		{h.KV + "/metadata/destroyed", h.KV + "/data/destroyed"},
	} {
		status, answer, err := h.Server.Call(h.Server.Root, "LIST", in.list, nil)
		if err != nil || status != http.StatusOK && status != http.StatusNotFound {
			tb.Fatal(status, err)
		}
		data, _ := answer["data"].(map[string]any)
		names, _ := data["keys"].([]any)
		for _, n := range names {
			name, _ := n.(string)
			_, one, err := h.Server.Call(h.Server.Root, http.MethodGet, in.read+"/"+name, nil)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, in.read+"/"+name, one["data"])
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}
