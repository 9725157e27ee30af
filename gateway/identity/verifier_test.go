package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

var analyst = identity.Principal{
	Subject: "analyst@west-mercia-police.example", Agency: "west-mercia-police",
	Roles: []identity.Role{identity.Analyst, identity.Emergency}, Clearance: "nppv3",
}

func TestVerifyAccepts(t *testing.T) {
	w := newWorld(t)
	bare := analyst
	bare.Clearance = ""
	cases := map[string]struct {
		token string
		want  identity.Principal
	}{
		"EdDSA":              {w.ed(t, edHeader(), analystClaims()), analyst},
		"ES256":              {w.ec(t, ecHeader(), analystClaims()), analyst},
		"audience as array":  {w.ed(t, edHeader(), analystClaims().with("aud", []string{audience})), analyst},
		"no clearance":       {w.ed(t, edHeader(), analystClaims().without("clearance")), bare},
		"a role twice":       {w.ed(t, edHeader(), analystClaims().with("roles", []string{"analyst", "emergency", "analyst"})), analyst},
		"unknown claims":     {w.ed(t, edHeader(), analystClaims().with("scope", "everything").with("admin", true)), analyst},
		"expired 29 s ago":   {w.ed(t, edHeader(), life(-time.Hour, -29*time.Second)), analyst},
		"valid in 30 s":      {w.ed(t, edHeader(), life(30*time.Second, time.Hour)), analyst},
		"a life of 24 hours": {w.ed(t, edHeader(), life(-time.Hour, 23*time.Hour)), analyst},
		"indented":           {compact(indented(t, edHeader()), indented(t, analystClaims()), signEd(w.edKey)), analyst},
		"another agency": {
			compact(edHeader().with("kid", "housing-1").raw(t), housingClaims().raw(t), signEd(w.housingKey)),
			identity.Principal{Subject: "ig@telford-housing.example", Agency: "telford-housing", Roles: []identity.Role{identity.PartnerIG}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := w.verifier.Verify(t.Context(), bearer(c.token))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func indented(t *testing.T, o object) []byte {
	t.Helper()
	b, err := json.MarshalIndent(o, " ", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, ' ', '\n')
}

// life returns claims that begin and end at a distance from now.
func life(begin, end time.Duration) object {
	return analystClaims().with("iat", now.Add(begin).Unix()).with("nbf", now.Add(begin).Unix()).with("exp", now.Add(end).Unix())
}

func housingClaims() object {
	return analystClaims().with("iss", housing).with("agency", "telford-housing").without("clearance").
		with("sub", "ig@telford-housing.example").with("roles", []string{"partner-ig"})
}

// TestTwinSignature shows what the package doc says of ES256: the twin of a
// signature verifies, and makes nobody else of the caller.
func TestTwinSignature(t *testing.T) {
	w := newWorld(t)
	token := w.ec(t, ecHeader(), analystClaims())
	cut := strings.LastIndexByte(token, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(token[cut:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(w.ecKey.Params().N, s).FillBytes(sig[32:])
	got, err := w.verifier.Verify(t.Context(), bearer(token[:cut]+b64(sig)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(analyst, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyKeysUnavailable(t *testing.T) {
	w := newWorld(t)
	issuers := slices.Clone(w.issuers)
	issuers[0].Keys = gone{}
	v, err := identity.NewVerifier(issuers, clock)
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims())))
	if !fault.Is(err, fault.Unavailable) || p.Subject != "" {
		t.Errorf("got %v, %v; want Unavailable and nobody", p, err)
	}
}

// TestVerifyReasons: the operator is told what was wrong, in a fixed text.
func TestVerifyReasons(t *testing.T) {
	w := newWorld(t)
	issuers := slices.Clone(w.issuers)
	issuers[1].Keys = foldingKeys{"HOUSING-1": {ID: "HOUSING-1", Public: w.housingKey.Public()}}
	loose, err := identity.NewVerifier(issuers, clock)
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		verifier *identity.Verifier
		token    string
	}{
		"the token is too large":               {w.verifier, strings.Repeat(".", 8<<10+1)},
		"token is malformed":                   {w.verifier, strings.Repeat(".", 8<<10)},
		"the algorithm does not fit the key":   {w.verifier, w.ed(t, edHeader().with("kid", "ec-1"), analystClaims())},
		"the issuer is unknown":                {w.verifier, w.ed(t, edHeader(), analystClaims().with("iss", "canary"))},
		"token signature is invalid":           {w.verifier, compact(edHeader().raw(t), analystClaims().raw(t), signEd(w.housingKey))},
		"token is expired":                     {w.verifier, w.ed(t, edHeader(), life(-time.Hour, -time.Minute))},
		"it ends before it begins":             {w.verifier, w.ed(t, edHeader(), life(20*time.Second, 10*time.Second))},
		"the issuer may not assert the agency": {w.verifier, w.ed(t, edHeader(), analystClaims().with("agency", "canary"))},
		"exp is not a whole number of seconds": {w.verifier, w.ed(t, edHeader(), analystClaims().with("exp", "canary"))},
		"the token is not an access token":     {w.verifier, w.ed(t, edHeader().with("typ", "canary"), analystClaims())},
		"a name is given twice":                {w.verifier, compact(edHeader().raw(t), []byte(`{"canary":1,"canary":2}`), signEd(w.edKey))},
		"the key is unknown":                   {loose, compact(edHeader().with("kid", "housing-1").raw(t), housingClaims().raw(t), signEd(w.housingKey))},
	} {
		p, err := c.verifier.Verify(t.Context(), bearer(c.token))
		refused(t, p, err, c.token)
		if cause := errors.Unwrap(err); cause == nil || cause.Error() != want {
			t.Errorf("got the reason %v, want %s", cause, want)
		}
	}
}

// foldingKeys is a key source that does not compare ids exactly.
type foldingKeys identity.KeySet

func (k foldingKeys) Key(_ context.Context, id string) (identity.Key, error) {
	return k[strings.ToUpper(id)], nil
}

// gone is a key source whose provider does not answer.
type gone struct{}

func (gone) Key(context.Context, string) (identity.Key, error) {
	return identity.Key{}, fault.New(fault.Unavailable, "test", "gone")
}

func TestNewVerifierRefuses(t *testing.T) {
	good := newWorld(t).issuers[0]
	cases := map[string]func(*identity.Issuer){
		"no name":      func(i *identity.Issuer) { i.Name = "" },
		"no agency":    func(i *identity.Issuer) { i.Agency = "" },
		"odd agency":   func(i *identity.Issuer) { i.Agency = "West Mercia" },
		"no audience":  func(i *identity.Issuer) { i.Audience = "" },
		"no keys":      func(i *identity.Issuer) { i.Keys = nil },
		"no roles":     func(i *identity.Issuer) { i.Roles = nil },
		"unknown role": func(i *identity.Issuer) { i.Roles = []identity.Role{"root"} },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			bad := good
			spoil(&bad)
			if _, err := identity.NewVerifier([]identity.Issuer{bad}, clock); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want Invalid", err)
			}
		})
	}
	if _, err := identity.NewVerifier([]identity.Issuer{good, good}, clock); !fault.Is(err, fault.Invalid) {
		t.Errorf("two issuers of one name: got %v, want Invalid", err)
	}
}

// TestVerifyProperty: a token asserts exactly what its issuer may assert, and
// only while it lives.
func TestVerifyProperty(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		roles := rapid.SliceOfN(rapid.SampledFrom(append(identity.Roles(), "root")), 0, 4).Draw(t, "roles")
		agency := rapid.SampledFrom([]string{"west-mercia-police", "telford-housing", "mercia-health"}).Draw(t, "agency")
		from := w.issuers[rapid.IntRange(0, 1).Draw(t, "issuer")]
		key, kid := w.edKey, "ed-1"
		if rapid.Bool().Draw(t, "signed by housing") {
			key, kid = w.housingKey, "housing-1"
		}
		begin := time.Duration(rapid.IntRange(-100_000, 100).Draw(t, "begin")) * time.Second
		end := time.Duration(rapid.IntRange(-100, 100_000).Draw(t, "end")) * time.Second
		c := life(begin, end).with("iss", from.Name).with("agency", agency).with("roles", roles)
		token := compact(mustJSON(edHeader().with("kid", kid)), mustJSON(c), signEd(key))

		_, keyErr := from.Keys.Key(t.Context(), kid)
		want := keyErr == nil && agency == from.Agency && len(roles) > 0 &&
			!slices.ContainsFunc(roles, func(r identity.Role) bool { return !slices.Contains(from.Roles, r) }) &&
			!slices.Contains(roles, identity.CaseSystem) && // which these people do not hold
			begin <= 30*time.Second && end > -30*time.Second && end > begin && end-begin <= 24*time.Hour
		p, err := w.verifier.Verify(t.Context(), bearer(token))
		if (err == nil) != want {
			t.Fatalf("accepted %v, want %v: %v", err == nil, want, err)
		}
		if err != nil {
			refused(t, p, err, token)
			return
		}
		slices.Sort(roles)
		if p.Agency != agency || !slices.Equal(p.Roles, slices.Compact(roles)) {
			t.Fatalf("got %v of %v", p.Roles, p.Agency)
		}
	})
}

// TestVerifyMutated changes one character of a good token at a time: all
// positions, several characters.
func TestVerifyMutated(t *testing.T) {
	w := newWorld(t)
	for _, token := range []string{w.ed(t, edHeader(), analystClaims()), w.ec(t, ecHeader(), analystClaims())} {
		for i := range len(token) {
			for _, c := range []byte("A_.=\n\x00") {
				if token[i] == c {
					continue
				}
				bad := token[:i] + string(c) + token[i+1:]
				p, err := w.verifier.Verify(t.Context(), bearer(bad))
				refused(t, p, err, bad)
			}
		}
	}
}

type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// refused checks that a refusal is the one that everybody gets, with nothing of
// the token in it.
func refused(t failer, p identity.Principal, err error, token string) {
	t.Helper()
	if err == nil {
		t.Errorf("accepted as %v", p)
		return
	}
	if p.Subject != "" || p.Agency != "" || p.Roles != nil || p.Clearance != "" {
		t.Errorf("a refusal came with a principal: %v", p)
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unauthenticated || f.Message != "A valid access token is needed." || f.Code != "" || f.Pointer != "" {
		t.Errorf("got %#v", err)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error quotes the token")
		}
	}
	for _, secret := range []string{"canary", "analyst@", "root"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes a claim: %v", err)
		}
	}
}
