package httpapi

import (
	"net/http"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/limit"
)

// TestRoutesAreLimited holds that every route says whose buckets it is paid from and how
// much of a body it reads: none by GET, HEAD and DELETE, and not all there is by others.
func TestRoutesAreLimited(t *testing.T) {
	t.Parallel()
	const most = 1 << 30
	for _, r := range new(server).routes() {
		if health := r.name == "healthz" || r.name == "readyz"; (r.class == limit.Exempt) != health || !health && !slices.Contains(limit.Classes(), r.class) {
			t.Errorf("%s %s has the class %q", r.method, r.path, r.class)
		}
		switch r.method {
		case http.MethodGet, http.MethodHead, http.MethodDelete:
			if r.body != none {
				t.Errorf("%s %s takes a body of %d bytes", r.method, r.path, r.body)
			}
		default:
			if r.body < small || r.body > most {
				t.Errorf("%s %s takes a body of %d bytes", r.method, r.path, r.body)
			}
		}
	}
}
