package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// FuzzVerify feeds whole tokens: nothing but the seed tokens themselves passes.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	good := map[string]bool{}
	for _, token := range []string{
		w.ed(f, edHeader(), analystClaims()), w.ec(f, ecHeader(), analystClaims()),
		w.ed(f, edHeader(), analystClaims().with("aud", []string{audience})),
	} {
		good[token] = true
		f.Add(token)
		f.Add(token + ".")
		f.Add(strings.ToLower(token))
	}
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := w.verifier.Verify(t.Context(), bearer(token))
		if good[token] {
			if diff := cmp.Diff(analyst, p); diff != "" || err != nil {
				t.Error(diff, err)
			}
			return
		}
		refused(t, p, err, token)
	})
}

// FuzzSignedToken signs whatever header and claims it is given, as an issuer
// gone wrong would: what passes is within what the issuer may assert.
func FuzzSignedToken(f *testing.F) {
	w := newWorld(f)
	f.Add(edHeader().raw(f), analystClaims().raw(f))
	f.Add([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"ed-1","crit":[]}`), []byte(`null`))
	f.Add([]byte(`{}`), housingClaims().raw(f))
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		token := compact(header, payload, signEd(w.edKey))
		p, err := w.verifier.Verify(t.Context(), bearer(token))
		if err != nil {
			if !fault.Is(err, fault.Unauthenticated) || p.Subject != "" {
				t.Errorf("got %v, %v", p, err)
			}
			return
		}
		if p.Agency != "west-mercia-police" || p.Subject == "" || strings.ContainsAny(p.Subject, " \t\r\n\x1b") || len(p.Roles) == 0 {
			t.Errorf("accepted %v", p)
		}
	})
}

// FuzzParseJWKS: a key set is usable in every key, or not at all.
func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[` + edJWK + `,` + ecJWK + `]}`))
	f.Add([]byte(`{"keys":[` + edJWK + `,` + edJWK + `]}`))
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := identity.ParseJWKS(raw)
		if err != nil {
			if set != nil || !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, %v", set, err)
			}
			return
		}
		if len(set) == 0 {
			t.Error("accepted a set without keys")
		}
		for id, k := range set {
			if id == "" || k.ID != id || k.Algorithm() == "" {
				t.Errorf("accepted key %q as %q of algorithm %q", id, k.ID, k.Algorithm())
			}
		}
	})
}
