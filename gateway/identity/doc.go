// Package identity turns a bearer token into a Principal.
//
// Each agency runs its own identity provider; Concord trusts an issuer for the
// principals of one agency, for one audience, and for the roles it may assert.
// Verify accepts a token only if every one of these holds:
//
//   - at most 8 KiB, three parts of strict base64url without padding (RFC 7515);
//   - header: alg EdDSA or ES256, typ at+jwt (RFC 9068), kid a known key of the
//     issuer named by iss, of that algorithm, compared byte by byte; no crit and
//     no b64; jku, jwk, x5u and x5c are never looked at;
//   - claims: iss, sub, aud, exp, nbf, iat, agency and roles present, no name
//     twice, names matched in exact case; times are whole seconds;
//   - aud is the issuer's audience and nothing else; a token that other services
//     accept too could be replayed by them;
//   - valid now, give or take 30 seconds, for a lifetime of 24 hours at most;
//   - agency is the issuer's own; every role is known and the issuer may assert
//     it; clearance, if any, is a known level;
//   - no cnf: a token bound to a key (RFC 7800) is worth nothing without the
//     proof, which is not asked for here.
//
// Every refusal is the same fault to the caller, of kind Unauthenticated. The
// reason is a fixed text for the operator; no part of the token is in it.
//
// An ES256 signature has a twin (r, n-s) that is as valid under RFC 7518; it
// makes the same Principal from the same claims. Nothing may therefore be keyed
// on the bytes of a token alone, such as a list of used or revoked ones.
//
// golang-jwt/jwt/v5 does the verifying. Fetching keys is not part of this
// package: a KeySource has them.
package identity
