package oidctest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// storage is what the provider knows: clients, their tokens' claims, its keys. The
// embedded interface is nil: what the tests do not use panics.
type storage struct {
	op.Storage

	mu     sync.Mutex // covers all below
	keys   []*key     // the last one signs
	claims map[string]any
}

// key is a key of the provider, for signing and for its set.
type key struct {
	id, use string
	alg     jose.SignatureAlgorithm
	private any
	public  any
}

func (k *key) ID() string                                  { return k.id }
func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }
func (k *key) Key() any                                    { return k.private }

type publicKey struct{ *key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.alg }
func (k publicKey) Use() string                        { return k.use }
func (k publicKey) Key() any                           { return k.public }

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[len(s.keys)-1], nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]op.Key, len(s.keys))
	for i, k := range s.keys {
		out[i] = publicKey{k}
	}
	return out, nil
}

// rotate puts keys in place of those there are.
func (s *storage) rotate(keys ...*key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

func (s *storage) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if secret != clientSecret {
		return nil, errors.New("wrong secret")
	}
	return client{id: id}, nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return request{subject: id, client: id, scopes: scopes, audience: []string{audience}}, nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(time.Hour), nil
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims, nil
}

func (s *storage) Health(context.Context) error { return nil }

// request is what a token is made for.
type request struct {
	subject, client  string
	scopes, audience []string
}

func (r request) GetSubject() string     { return r.subject }
func (r request) GetAudience() []string  { return r.audience }
func (r request) GetScopes() []string    { return r.scopes }
func (r request) GetClientID() string    { return r.client }
func (r request) GetAMR() []string       { return []string{"pwd"} }
func (r request) GetAuthTime() time.Time { return time.Now() }

// client is a client of the provider; its methods are what the library asks.
type client struct {
	op.Client

	id string
}

func (c client) GetID() string                       { return c.id }
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (c client) ClockSkew() time.Duration             { return 0 }
func (c client) IDTokenLifetime() time.Duration       { return time.Hour }
func (c client) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodBasic }
func (c client) IsScopeAllowed(string) bool           { return true }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeWeb }
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:staticcheck // the library's name
	return func(s []string) []string { return s }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}
