package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// TestMapping reads tokens as providers make them.
func TestMapping(t *testing.T) {
	bare := func() object {
		return analystClaims().without("agency").without("roles").without("clearance").with("azp", "portal")
	}
	for _, c := range []struct {
		name   string
		set    func(i *identity.Issuer)
		claims object
		want   *identity.Principal
	}{
		{
			"as Keycloak makes them",
			func(i *identity.Issuer) { i.Claims = identity.Mapping{Roles: "/realm_access/roles", AgencyFixed: true} },
			bare().with("realm_access", object{"roles": []string{"analyst"}}), &identity.Principal{Roles: []identity.Role{"analyst"}},
		}, {
			"as Entra ID makes them, with groups of other services",
			func(i *identity.Issuer) {
				i.Claims = identity.Mapping{AgencyFixed: true, RoleNames: map[string]identity.Role{"Concord.Analyst": "analyst"}}
			},
			bare().with("roles", []string{"Mail.Read", "Concord.Analyst"}), &identity.Principal{Roles: []identity.Role{"analyst"}},
		}, {
			"a claim called by an address, with a slash in a pointer",
			func(i *identity.Issuer) {
				i.Claims = identity.Mapping{Agency: "https://claims.example/agency", Roles: "/https:~1~1claims.example~1all/r~0", Clearance: "/vetting/level"}
			},
			bare().with("https://claims.example/agency", "west-mercia-police").with("https://claims.example/all", object{"r~": []string{"supervisor"}}).with("vetting", object{"level": "sc"}),
			&identity.Principal{Roles: []identity.Role{"supervisor"}, Clearance: "sc"},
		},
		{"groups of other services only", func(i *identity.Issuer) { i.Claims.RoleNames = map[string]identity.Role{"x": "analyst"} }, analystClaims(), nil},
		{"fixed, and the token names another agency", func(i *identity.Issuer) { i.Claims.AgencyFixed = true }, analystClaims().with("agency", "telford-housing"), nil},
		{"fixed, and the token names it in another form", func(i *identity.Issuer) { i.Claims.AgencyFixed = true }, analystClaims().with("agency", []string{"west-mercia-police"}), nil},
		{"no agency where one is wanted", func(*identity.Issuer) {}, analystClaims().without("agency"), nil},
		{"roles inside a text", func(i *identity.Issuer) { i.Claims.Roles = "/sub/roles" }, analystClaims(), nil},
		{"roles inside of what has them twice", func(i *identity.Issuer) { i.Claims.Roles = "/a/roles" }, analystClaims().with("a", rawJSON(`{"roles":["analyst"],"roles":["operator"]}`)), nil},
		{"roles inside of nothing", func(i *identity.Issuer) { i.Claims.Roles = "/none/roles" }, analystClaims(), nil},
	} {
		w := newWorld(t)
		c.set(&w.issuers[0])
		token := w.ed(t, edHeader(), c.claims)
		p, err := w.startedAt(t, now).Verify(t.Context(), bearer(token))
		if c.want == nil {
			refused(t, p, err, token)
			attacktest.TokenClaims.Refused(t, c.name, 1)
			continue
		}
		c.want.Subject, c.want.Agency = analyst.Subject, analyst.Agency
		if diff := cmp.Diff(*c.want, p); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, diff)
		}
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// TestTypeJWT: where a provider calls all its tokens the same, what is for access
// must show it.
func TestTypeJWT(t *testing.T) {
	w := newWorld(t)
	w.issuers[0].Type = "JWT"
	header := edHeader().with("typ", "JWT")
	for _, name := range []string{"client_id", "azp", "appid", "scope", "scp"} {
		if _, err := w.startedAt(t, now).Verify(t.Context(), bearer(w.ed(t, header, analystClaims().with(name, "portal")))); err != nil {
			t.Errorf("an access token with %s: %v", name, err)
		}
	}
	attacks := map[string]string{
		"ID token without any mark": w.ed(t, header, analystClaims()), "typ at+jwt where JWT is agreed": w.ed(t, edHeader(), analystClaims().with("azp", "portal")),
		"typ dpop+jwt": w.ed(t, edHeader().with("typ", "dpop+jwt"), analystClaims().with("azp", "portal")),
	}
	for _, name := range []string{"nonce", "at_hash", "c_hash"} {
		attacks["ID token with "+name] = w.ed(t, header, analystClaims().with("azp", "portal").with(name, "x"))
	}
	attacks["ID token for Concord as a client"] = w.ed(t, header, analystClaims().with("azp", audience))
	attacks["ID token for a client"] = w.ed(t, header, analystClaims().with("aud", "portal").with("azp", "portal"))
	attacks["ID token for both"] = w.ed(t, header, analystClaims().with("aud", []string{audience, "portal"}).with("azp", "portal"))
	for name, token := range attacks {
		p, err := w.startedAt(t, now).Verify(t.Context(), bearer(token))
		refused(t, p, err, token)
		attacktest.OtherTokens.Refused(t, name, 1)
	}
}

// TestServices: a system is known as one, and holds no role of people.
func TestServices(t *testing.T) {
	w := newWorld(t)
	w.issuers[0].Services = identity.Services{Subjects: []string{"nightly"}, Claim: "idtyp", Value: "app"}
	v := w.startedAt(t, now)
	for name, c := range map[string]object{
		"by its subject": analystClaims().with("sub", "nightly"), "by its claim": analystClaims().with("idtyp", "app"),
		"by its client": analystClaims().with("client_id", analyst.Subject), "by its party": analystClaims().with("azp", analyst.Subject),
	} {
		p, err := v.Verify(t.Context(), bearer(w.ed(t, edHeader(), c.with("roles", []string{"submitter", "operator"}))))
		if err != nil || !p.Service {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
		for _, role := range []identity.Role{identity.Analyst, identity.Emergency, identity.Supervisor, identity.IGLead, identity.PolicyAuthor, identity.Approver} {
			token := w.ed(t, edHeader(), c.with("roles", []identity.Role{identity.Submitter, role}))
			p, err := v.Verify(t.Context(), bearer(token))
			refused(t, p, err, token)
			attacktest.TokenSystems.Refused(t, name+" as "+string(role), 1)
		}
		if _, err := v.Verify(t.Context(), bearer(w.ed(t, edHeader(), c.with("roles", []identity.Role{identity.CaseSystem})))); err != nil {
			t.Errorf("%s, as a case system: %v", name, err)
		}
	}
	if p, err := v.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims().with("idtyp", "user").with("client_id", "portal")))); err != nil || p.Service {
		t.Errorf("a person: got %+v, %v", p, err)
	}
	token := w.ed(t, edHeader(), analystClaims().with("roles", []identity.Role{identity.CaseSystem}))
	p, err := v.Verify(t.Context(), bearer(token))
	refused(t, p, err, token)
	attacktest.TokenSystems.Refused(t, "a person as a case system", 1)
}

// list is a list of revocations that a test sets.
type list struct{ err error }

func (l *list) Check(c identity.Credential) error {
	if c.TokenID != "1" || c.Issuer != police || c.Agency != analyst.Agency || c.Subject != analyst.Subject {
		return fault.New(fault.Internal, "test", "The credential is not the token's.")
	}
	return l.err
}

// TestRevoked: a token in the cache is refused as soon as the list has it, and
// nobody is let in while the list is not known.
func TestRevoked(t *testing.T) {
	w, l := newWorld(t), &list{}
	w.verifier.Against(l)
	token := w.ed(t, edHeader(), analystClaims())
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{nil, ""},
		{fault.New(fault.Unauthenticated, "test", "canary"), fault.Unauthenticated},
		{nil, ""},
		{fault.New(fault.Unavailable, "test", "canary"), fault.Unavailable},
		{fault.New(fault.Internal, "test", "canary"), fault.Unauthenticated},
		{context.Canceled, fault.Unauthenticated},
	} {
		l.err = c.err
		p, err := w.verifier.Verify(t.Context(), bearer(token))
		if fault.KindOf(err) != c.want || (err != nil) != (p.Subject == "") {
			t.Errorf("the list says %v: got %v, %v", c.err, p, err)
		}
	}
}

// TestCacheAndTime: a token that is in the cache ends when it ends.
func TestCacheAndTime(t *testing.T) {
	w, at := newWorld(t), now
	v, err := identity.NewVerifier(w.issuers, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	token := w.ed(t, edHeader(), life(-time.Minute, 10*time.Second))
	for _, c := range []struct {
		after time.Duration
		ok    bool
	}{{0, true}, {9 * time.Second, true}, {39 * time.Second, true}, {40 * time.Second, false}} { // the leeway, and not a moment more
		at = now.Add(c.after)
		if _, err := v.Verify(t.Context(), bearer(token)); (err == nil) != c.ok {
			t.Errorf("after %v: %v", c.after, err)
		}
	}
	p, err := v.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims())))
	if err != nil {
		t.Fatal(err)
	}
	p.Roles[0] = identity.Operator
	if p, err = v.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims()))); err != nil || p.Has(identity.Operator) {
		t.Errorf("a caller changed what is in the cache: %v, %v", p, err)
	}
}

// TestLinksOfTokenCountForNothing reads a token that says with whom its bearer has a case
// link: links come through the API only.
func TestLinksOfTokenCountForNothing(t *testing.T) {
	w := newWorld(t)
	want, err := w.verifier.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims())))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case_link", "case_links", "cases", "links"} {
		for _, value := range []any{"assigned", []string{"OP-LANTERN"}, object{"OP-LANTERN": "assigned"}} {
			got, err := w.verifier.Verify(t.Context(), bearer(w.ed(t, edHeader(), analystClaims().with(name, value))))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s %v: %v\n%s", name, value, err, diff)
			}
			attacktest.TokenClaims.Refused(t, name+" that count for nothing", 1)
		}
	}
}
