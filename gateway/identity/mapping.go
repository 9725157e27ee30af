package identity

import (
	"encoding/json"
	"slices"
	"strings"
)

// notForAccess are claims of other tokens: of an ID token (OpenID Connect Core
// sections 2 and 3.3.2.11), a DPoP proof (RFC 9449), and a security event or
// logout token (RFC 8417). An access token has none of them.
var notForAccess = []string{"nonce", "at_hash", "c_hash", "s_hash", "htm", "htu", "ath", "events"}

// clients are the claims by which providers name the client of a token.
var clients = []string{"client_id", "azp", "appid"}

// forAccess refuses what is no access token, whatever its type says. A provider
// that gives all its tokens one type must show by another claim that a token is
// for access: whom it was given to, or a scope. What was given to Concord itself
// is an ID token.
func (c *claims) forAccess(from *Issuer) error {
	const other = refusal("it is another sort of token")
	for _, name := range notForAccess {
		if _, ok := c.all[name]; ok {
			return other
		}
	}
	for _, name := range []string{"typ", "token_use"} { // of Keycloak and of Cognito
		if use, err := text(c.all, name); err == nil && (strings.EqualFold(use, "id") || strings.EqualFold(use, "refresh")) {
			return other
		}
	}
	shown := from.Type == tokenType
	for _, name := range clients {
		client, err := text(c.all, name)
		if err == nil && client == from.Audience {
			return other
		}
		shown = shown || err == nil
	}
	for _, name := range []string{"scope", "scp"} {
		_, ok := c.all[name]
		shown = shown || ok
	}
	if !shown {
		return other
	}
	return nil
}

// service reports whether the token is a system's.
func (c *claims) service(from *Issuer) bool {
	if slices.Contains(from.Services.Subjects, c.subject) {
		return true
	}
	for _, name := range clients {
		if client, err := text(c.all, name); err == nil && client == c.subject {
			return true
		}
	}
	value, _, err := c.mapped(from.Services.Claim)
	return err == nil && from.Services.Claim != "" && value == from.Services.Value
}

// roles reads the roles under the names that the issuer has for them.
func (c *claims) roles(from *Issuer, service bool) ([]Role, error) {
	m, name, err := locate(c.all, from.Claims.Roles)
	if err != nil {
		return nil, err
	}
	names, err := texts(m, name)
	if err != nil {
		return nil, err
	}
	var held []Role
	for _, n := range names {
		r := Role(n)
		if len(from.Claims.RoleNames) > 0 {
			var known bool
			if r, known = from.Claims.RoleNames[n]; !known {
				continue
			}
		}
		switch {
		case !slices.Contains(from.Roles, r):
			return nil, refusal("a role is unknown, or one that the issuer may not assert")
		case service && slices.Contains(peopleOnly, r):
			return nil, refusal("a system has a role that only people hold")
		case !service && r == CaseSystem:
			return nil, refusal("a person has a role that only systems hold")
		}
		held = append(held, r)
	}
	if len(held) == 0 {
		return nil, refusal("it has no roles")
	}
	slices.Sort(held)
	return slices.Compact(held), nil
}

// tokenID reads the identifier of the token, by which it can be revoked.
func (c *claims) tokenID(from *Issuer) (string, error) {
	id, given, err := c.mapped(from.Claims.TokenID)
	if !given {
		return "", nil
	}
	if err != nil || len(id) > maxSubject {
		return "", refusal("its identifier is not text of at most 255 characters")
	}
	return id, nil
}

// mapped reads a text claim by its name or pointer, and says whether it is there
// at all.
func (c *claims) mapped(name string) (value string, given bool, err error) {
	m, last, err := locate(c.all, name)
	if err != nil {
		return "", false, err
	}
	_, given = m[last]
	value, err = text(m, last)
	return value, given, err
}

// locate follows a JSON pointer (RFC 6901) to the object that holds its last
// part. A name without a leading slash is that of a claim itself.
func locate(m map[string]json.RawMessage, name string) (map[string]json.RawMessage, string, error) {
	rest, pointer := strings.CutPrefix(name, "/")
	if !pointer {
		return m, name, nil
	}
	parts := strings.Split(rest, "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		inner, ok := m[unescape.Replace(part)]
		if !ok {
			return nil, "", refusal("a claim that holds others is not there")
		}
		var err error
		if m, err = members(inner); err != nil {
			return nil, "", err
		}
	}
	return m, unescape.Replace(parts[last]), nil
}
