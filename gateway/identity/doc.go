// Package identity turns what a caller presents into a Principal: an access token,
// and the proof that it is the caller's own.
//
// Each agency runs its own identity providers; Concord trusts an issuer for the
// principals of one agency, for one audience, and for the roles it may assert.
// Verify accepts a token only if every one of these holds:
//
//   - at most 8 KiB, three parts of strict base64url without padding (RFC 7515);
//   - header: an alg that the issuer is said to use (EdDSA and ES256, or RS256 and
//     PS256 where the configuration says so), its typ (at+jwt of RFC 9068 unless it
//     is said to use another), kid a known key of the issuer named by iss, for that
//     algorithm, compared byte by byte; no crit and no b64; jku, jwk, x5u and x5c
//     are never looked at;
//   - claims: iss, sub, aud, exp, nbf and iat present, agency and roles where the
//     issuer has them, no name twice, names matched in exact case; times are whole
//     seconds;
//   - aud is the issuer's audience and nothing else; a token that other services
//     accept too could be replayed by them;
//   - no claim of an ID token, a DPoP proof or a logout token, and, where the issuer
//     gives all its tokens one typ, a claim that shows it is for access;
//   - valid now, give or take 30 seconds, for a lifetime of 24 hours at most;
//   - agency is the issuer's own; every role is known and the issuer may assert
//     it, and none of a system's is one that only people hold; clearance, if any,
//     is a known level;
//   - cnf (RFC 7800): whatever the token is bound to was proved, the certificate
//     (RFC 8705) in the TLS handshake, the key (RFC 9449) by a proof for this very
//     request; and it is bound, where its issuer's tokens must be;
//   - the list of revocations has neither its subject, nor its id, nor the caller's
//     certificate.
//
// A proof is taken once by all the gateways of a store, and once over restarts, where
// the verifier is told of Proofs. Each gateway remembers what it took for 91 seconds,
// which is longer than a proof is valid, and asks the store about nothing that it
// knows itself, and about nobody who is over a limit of their own (Admit). What cannot be
// remembered, here or there, is not taken, nor more than 8192 proofs of one key or of one
// principal; and a gateway that starts takes none that is older than it is.
//
// Every refusal is the same fault to the caller, of kind Unauthenticated. The
// reason is a fixed text for the operator; no part of the token is in it.
//
// An ES256 signature has a twin (r, n-s) that is as valid under RFC 7518; it
// makes the same Principal from the same claims. Nothing may therefore be refused
// by the bytes of a token. Tokens that verified are cached by their hash for 30
// seconds, which is sound, since a twin is merely verified again; revocation goes by
// the claims and is checked on every call, and so are binding and proof.
//
// golang-jwt/jwt/v5 does the verifying. A KeySource has the keys: a file's, or those
// that package provider fetches. A key that its provider has withdrawn may verify
// until the next fetch, and from the cache 30 seconds longer.
package identity
