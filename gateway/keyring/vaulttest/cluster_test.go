package vaulttest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ask asks the API server for a review.
func ask(t *testing.T, c *Cluster, bearer, token string, audiences ...string) (int, reviewStatus) {
	t.Helper()
	raw, err := json.Marshal(tokenReview{APIVersion: "authentication.k8s.io/v1", Kind: "TokenReview", Spec: reviewSpec{token, audiences}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+reviewPath, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	res, err := c.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out tokenReview
	if res.StatusCode == http.StatusCreated {
		err = json.NewDecoder(res.Body).Decode(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out.Status
}

// TestReviewer lets only Vault's service account ask, and nobody believe it for
// anything but the API.
func TestReviewer(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	a := Account{"concord", "concord"}
	c.Create(a)
	token := c.Token(t, a, time.Hour)
	for name, want := range map[string]struct {
		bearer string
		status int
	}{
		"Vault":                   {c.Reviewer(t), http.StatusCreated},
		"nobody":                  {"", http.StatusUnauthorized},
		"for another audience":    {c.Token(t, reviewer, time.Hour), http.StatusUnauthorized},
		"expired":                 {c.make(t, reviewer, apiIssuer, -2*time.Minute, c.keys[0]), http.StatusUnauthorized},
		"of another cluster":      {NewCluster(t).Reviewer(t), http.StatusUnauthorized},
		"an account that may not": {c.make(t, a, apiIssuer, time.Hour, c.keys[0]), http.StatusForbidden},
	} {
		if got, status := ask(t, c, want.bearer, token, Audience); got != want.status || status.Authenticated != (got == http.StatusCreated) {
			t.Errorf("%s: %d, %+v", name, got, status)
		}
	}
}

// TestReview believes a token of the cluster by either key, and no other.
func TestReview(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	a, gone := Account{"concord", "concord"}, Account{"concord", "gone"}
	c.Create(a)
	c.Create(gone)
	removed := c.Token(t, gone, time.Hour)
	c.Delete(gone)
	rs, es := c.Token(t, a, time.Hour), c.make(t, a, Audience, time.Hour, c.keys[1])
	parts := strings.Split(rs, ".")
	none := part(t, header{"none", "rs"}) + "." + parts[1] + "."
	crossed := part(t, header{"ES256", "rs"}) + "." + parts[1] + "." + parts[2]
	for name, want := range map[string]struct {
		token, audience string
		ok              bool
	}{
		"RS256":                 {rs, Audience, true},
		"ES256":                 {es, Audience, true},
		"just expired":          {c.Token(t, a, -leeway/2), Audience, true},
		"expired":               {c.Token(t, a, -2*leeway), Audience, false},
		"another audience":      {rs, "elsewhere", false},
		"for the API":           {rs, apiIssuer, false},
		"without signature":     {none, Audience, false},
		"another algorithm":     {crossed, Audience, false},
		"another's signature":   {parts[0] + "." + parts[1] + "." + strings.Split(es, ".")[2], Audience, false},
		"other claims":          {parts[0] + "." + strings.Split(es, ".")[1] + "." + parts[2], Audience, false},
		"a deleted account":     {removed, Audience, false},
		"another cluster's key": {c.make(t, a, Audience, time.Hour, newRSAKey(t)), Audience, false},
		"nothing of the kind":   {"a.b.c", Audience, false},
	} {
		code, status := ask(t, c, c.Reviewer(t), want.token, want.audience)
		if code != http.StatusCreated || status.Authenticated != want.ok || (status.Error == "") != want.ok {
			t.Errorf("%s: %d, %+v", name, code, status)
		}
		if want.ok && (status.User.Username != "system:serviceaccount:concord:concord" || status.User.UID != c.uid(a) || len(status.Audiences) != 1) {
			t.Errorf("%s: %+v", name, status)
		}
	}
	c.Create(a)
	if _, status := ask(t, c, c.Reviewer(t), rs, Audience); status.Authenticated {
		t.Error("the token of an account that was made anew is believed")
	}
}
